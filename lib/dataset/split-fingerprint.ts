/** What tells one split from another. */
export interface SplitFingerprint {
  readonly count: number;
  /** SHA-256 over names, labels, patients and sizes of the patch files. */
  readonly patches: string;
  /** SHA-256 over names and sizes of the true masks, and how they are numbered; null if there are none. */
  readonly masks: string | null;
}
