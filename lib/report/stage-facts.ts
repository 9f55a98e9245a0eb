/** A stage as the page tells of it. */

/** A stage of a run, and whether it is done. */
export interface StageFacts {
  readonly name: string;
  /** What it does, for people. */
  readonly title: string;
  /** Null while it is not done. */
  readonly done: { readonly finishedAt: string | null; readonly elapsedMs: number | null } | null;
  /** Epochs so far and altogether, of a training. */
  readonly epochs?: { readonly done: number; readonly planned: number | null };
}
