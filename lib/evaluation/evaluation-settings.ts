// Made by `npm run generate` from the table of options beside it; changed there, not here.

/** How masks are scored; what a run records. */
export interface EvaluationSettings {
  /**
   * How far a boundary may be off to count as met, in pixels of the patch, for the boundary F1. `"auto"`: 0.75 per cent
   * of the patch's diagonal. Bounds: `"auto"`, or 0 to 64.
   * @defaultValue `"auto"` (the custom since Csurka et al. 2013: 2.4 pixels of a patch of 224)
   */
  readonly boundaryTolerancePx?: number | "auto" | undefined;
}
