// Made by `npm run generate` from the table of options beside it; changed there, not here.

/** How the class gate is applied (paper section 3.3); what a run records. */
export interface GateSettings {
  /**
   * Base values of the options below.
   * @defaultValue `"default"` (the method with its known defects repaired)
   */
  readonly recipe?: "default" | "published" | undefined;
  /**
   * A class is open where the classifier's probability for the patch is above this (strictly). Bounds: 0 to 1.
   * @defaultValue `0.1` (as published: low, since a class that is wrongly closed is lost for the whole patch)
   */
  readonly gateThreshold?: number | undefined;
  /**
   * `"exclude"`: closed classes can't win, unless all are closed. `"multiply"`: logits of closed classes become 0,
   * which still beats negative ones.
   * @defaultValue `"exclude"`, recipe `"published"` `"multiply"` (what is closed should not win)
   */
  readonly gateRule?: "exclude" | "multiply" | undefined;
}
