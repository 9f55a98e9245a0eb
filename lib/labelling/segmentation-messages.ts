/** What the labelling and the process that segments slides for it tell each other. */

/** A slide that is to be segmented; the only message to the process, but for the one that stops it. */
export interface SegmentationOrder {
  /** Run folder with both networks. */
  readonly run: string;
  readonly slide: string;
  /** Micrometres a pixel of its finest level, where it does not say so itself. */
  readonly slideMpp: number | undefined;
  /** Folder of the results. */
  readonly output: string;
  readonly device: string;
  readonly threads: number;
}

/** What the process tells. */
export type SegmentationMessage =
  | { readonly kind: "progress"; readonly done: number; readonly total: number }
  | { readonly kind: "done" }
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
