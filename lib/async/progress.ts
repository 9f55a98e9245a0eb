/** What a long call is doing. */
export type ProgressStage = "load" | "gate" | "classify" | "segment" | "pseudo-masks" | "write" | "read" | "examine";

/** How far a long call is. The counts start anew with each stage. */
export interface Progress {
  /**
   * `"load"` decodes patches, `"gate"` asks the gate classifier, `"write"` and `"read"` deal with mask files, `"examine"`
   * reads all files of a dataset. Masks are written while others are drawn: `"write"` begins with those that are there by then.
   */
  readonly stage: ProgressStage;
  /** Patches (or mask files) done so far in this stage. */
  readonly done: number;
  /** Patches (or mask files) of this stage. */
  readonly total: number;
}

/** Called on the event loop, after the fact and in order. */
export type OnProgress = (progress: Progress) => void;

/** A listener of one stage, of counts that come without a stage. */
export function inStage(
  onProgress: OnProgress | undefined,
  stage: ProgressStage,
): (counts: { readonly done: number; readonly total: number }) => void {
  return ({ done, total }) => onProgress?.({ stage, done, total });
}
