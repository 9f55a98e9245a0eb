import { setImmediate } from "node:timers/promises";

import { ignoredIndex } from "../image/index-png.js";
import type { NativeAddon, NativeMaskStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";

/** Longest strip, in pixels. */
const mostPixels = 1 << 22;

/**
 * Masks of any sizes, laid end to end into strips of one length, so that one store holds them and one confusion matrix is
 * counted over them: scores do not ask where a pixel lies. What is left of the last strip is ignored.
 */
export class MaskStrips {
  readonly store: NativeMaskStore;
  readonly #strip: Uint8Array;
  #filled = 0;
  #strips = 0;

  /** @param pixels - of all masks together, at least 1. */
  constructor(addon: Pick<NativeAddon, "MaskStore">, pixels: number) {
    const length = Math.min(pixels, mostPixels);
    this.store = nativeCall(() => new addon.MaskStore(Math.ceil(pixels / length), 1, length, 1));
    this.#strip = new Uint8Array(length);
  }

  /** Adds all masks of a store, level 0; the event loop turns in between. */
  async addAll(masks: NativeMaskStore): Promise<void> {
    for (let index = 0; index < masks.count; index++) {
      this.#add(new Uint8Array(nativeCall(() => masks.mask(0, index))));
      if (index % 16 === 0) await setImmediate();
    }
  }

  /** Ends the last strip; to be called once, when every mask is in. */
  end(): void {
    if (this.#filled === 0) return;
    this.#strip.fill(ignoredIndex, this.#filled);
    this.#write();
  }

  #add(mask: Uint8Array): void {
    for (let start = 0; start < mask.length;) {
      const part = mask.subarray(start, start + this.#strip.length - this.#filled);
      this.#strip.set(part, this.#filled);
      this.#filled += part.length;
      start += part.length;
      if (this.#filled === this.#strip.length) this.#write();
    }
  }

  #write(): void {
    nativeCall(() => this.store.setMask(0, this.#strips, this.#strip));
    this.#strips += 1;
    this.#filled = 0;
  }
}
