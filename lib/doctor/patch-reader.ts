/** Where the doctor's patches come from: files, or one slide that is opened once for all of its patches. */
import { readPlace } from "../dataset/slide-patches.js";
import { isWsssError } from "../errors.js";
import { openSlide } from "../slide/open-slide.js";
import type { Slide } from "../slide/slide.js";
import type { CheckCode } from "./finding.js";
import { nameOfPatch, type PatchToExamine } from "./patch-to-examine.js";
import { factsOf, type PatchRead, readPatch } from "./read-patch.js";

/** Reads patches that are files. */
export class PictureReader implements AsyncDisposable {
  /** @throws what is no fault of the file; its own faults are findings. */
  async read({ imagePath, split }: PatchToExamine): Promise<PatchRead> {
    return await readPatch(imagePath, split);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is held.
  }
}

/** Reads patches of one slide. */
export class SlideReader implements AsyncDisposable {
  readonly #path: string;
  readonly #open = new Map<number | undefined, Promise<Slide>>();

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws what is no fault of the slide; its own faults are findings. */
  async read(one: PatchToExamine): Promise<PatchRead> {
    const { split, place } = one;
    if (place === undefined) return { facts: null, pixels: null, findings: [] };
    try {
      const pixels = await readPlace(await this.#slide(place.slideMpp), place);
      return { facts: await factsOf(pixels), pixels, findings: [] };
    } catch (error) {
      const ofSlide = isWsssError(error, "WSSS_ERR_DATASET") || isWsssError(error, "WSSS_ERR_IO");
      if (!ofSlide) throw error;
      const check: CheckCode = isWsssError(error, "WSSS_ERR_IO") ? "unreadable" : "patch-damaged";
      const problem = error.message.replace(`slide ${this.#path} `, "");
      const remedy = "copy the slide again, or take the patch out of the manifest";
      const finding = { check, severity: "error", split, files: [nameOfPatch(one)], problem, remedy } as const;
      return { facts: null, pixels: null, findings: [finding] };
    }
  }

  /** One scale is usual; a manifest may tell two. */
  async #slide(micronsPerPixel: number | undefined): Promise<Slide> {
    const known = this.#open.get(micronsPerPixel);
    if (known !== undefined) return await known;
    const opening = openSlide(this.#path, { micronsPerPixel });
    this.#open.set(micronsPerPixel, opening);
    return await opening;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const opening of this.#open.values()) {
      await opening.then(async (slide) => await slide.close()).catch(() => undefined);
    }
  }
}
