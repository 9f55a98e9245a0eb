/** One patch of a split: where its files are and what is known about it. */
export interface PatchFile {
  /** File name without its ending, the label included; pseudo masks are written as `<stem>.png`. */
  readonly stem: string;
  /** The patch: a PNG, JPEG, TIFF or WebP file. */
  readonly imagePath: string;
  /** True mask, where there is one. */
  readonly maskPath?: string;
  /** Patch-level label, 0 or 1 for each class; absent where it is read from the true mask when the split is loaded. */
  readonly labels?: readonly number[];
  /** Whom the patch is of, where a manifest says it. */
  readonly patient?: string;
}
