/** Patches and masks in native memory. */

/** N patches of one size, decoded: RGB uint8 [N, H, W, 3], and their patch-level labels uint8 [N, K]. */
export interface NativePatchStore {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  /** Copies one decoded patch in: H * W * 3 bytes, RGB interleaved. */
  setPatch(index: number, rgb: Uint8Array): void;
  /** Sets one patch-level label: K bytes of 0 or 1. */
  setLabels(index: number, labels: Uint8Array): void;
  patch(index: number): ArrayBuffer;
  labels(index: number): ArrayBuffer;
}

/** L index masks for each of N patches: uint8 [L, N, H, W], values 0..K-1 tissue, K background. */
export interface NativeMaskStore {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly levelCount: number;
  setMask(level: number, index: number, indices: Uint8Array): void;
  mask(level: number, index: number): ArrayBuffer;
}
