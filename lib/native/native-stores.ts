/** Patches and masks in native memory. */

/** Where a store lies: in memory that other processes of this machine may attach (true), or in that of another store, by its address. */
export type NativeStoreMemory = boolean | string;

/** N patches of one size, decoded: RGB uint8 [N, H, W, 3], and their patch-level labels uint8 [N, K]. */
export interface NativePatchStore {
  readonly count: number;
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  /** Where another process of this machine attaches its memory; null if it can't. */
  readonly address: string | null;
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
  /** Where another process of this machine attaches its memory; null if it can't. */
  readonly address: string | null;
  setMask(level: number, index: number, indices: Uint8Array): void;
  mask(level: number, index: number): ArrayBuffer;
}
