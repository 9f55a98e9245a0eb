/** Pictures of patches for the page: the patch itself, small ones for sweeps, and what lies around a patch on its slide. */
import type { DecodedPatch } from "../image/decode-patch.js";
import sharp from "../image/sharp.js";
import { readPatchFile } from "../dataset/read-patch-file.js";
import { WsssError } from "../errors.js";
import { openSlide } from "../slide/open-slide.js";
import type { Slide } from "../slide/slide.js";
import type { PatchToLabel } from "./patches-to-label.js";

/** Good enough to judge nuclei by; colours are not thinned out. */
const jpeg = { quality: 92, chromaSubsampling: "4:4:4" } as const;
/** Larger pictures are shown smaller: a screen has no more. */
const largestPx = 1024;
/** How much wider the surroundings are than the patch. */
const surroundingsFactor = 3;
/** Slides that are kept open: the next patches may be of as many. */
const openSlides = 12;

interface KeptSlide {
  readonly slide: Promise<Slide>;
  /** Pictures that are being read from it. */
  users: number;
}

/** Gives pictures of patches; keeps the last slides open. */
export class PatchPictures {
  readonly #slides = new Map<string, KeptSlide>();

  /**
   * A patch as JPEG.
   * @param side - longest side in px, for small pictures; 0 = as it is.
   * @throws WsssError as `Split.load`.
   */
  async patch(patch: PatchToLabel, side: number, signal: AbortSignal): Promise<Buffer> {
    const picture =
      patch.place === undefined ? await readPatchFile(patch, signal) : await this.#readAround(patch, 1, signal);
    return await encoded(picture, side === 0 ? largestPx : Math.min(side, largestPx));
  }

  /**
   * A patch in the middle of what lies around it, three times as wide, at a third of the scale, as JPEG.
   * @throws WsssError `WSSS_ERR_SHAPE` for a patch that is no part of a slide; as `Slide.read`.
   */
  async surroundings(patch: PatchToLabel, signal: AbortSignal): Promise<Buffer> {
    return await encoded(await this.#readAround(patch, surroundingsFactor, signal), largestPx);
  }

  /** Closes the slides. */
  async close(): Promise<void> {
    const slides = [...this.#slides.values()];
    this.#slides.clear();
    for (const { slide } of slides) await closeQuietly(slide);
  }

  async #readAround({ imagePath, place }: PatchToLabel, factor: number, signal: AbortSignal): Promise<DecodedPatch> {
    if (place === undefined) throw new WsssError("WSSS_ERR_SHAPE", "only patches of slides have surroundings");
    const kept = this.#keep(imagePath, place.slideMpp);
    kept.users += 1;
    try {
      const slide = await kept.slide;
      const { patchPx, micronsPerPixel } = place;
      const scale = slide.scaleFor(micronsPerPixel);
      const beyond = ((factor - 1) / 2) * patchPx;
      const { rgb, width, height } = await slide.read({
        x: place.x - beyond * scale.x,
        y: place.y - beyond * scale.y,
        width: patchPx,
        height: patchPx,
        micronsPerPixel: factor * micronsPerPixel,
        signal,
      });
      return { data: Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength), width, height };
    } finally {
      kept.users -= 1;
      this.#letGo();
    }
  }

  #keep(file: string, slideMpp: number | undefined): KeptSlide {
    const key = `${slideMpp ?? ""}\t${file}`;
    const kept = this.#slides.get(key) ?? {
      slide: openSlide(file, { micronsPerPixel: slideMpp, damaged: "background" }),
      users: 0,
    };
    // The last one used is the last in order.
    this.#slides.delete(key);
    this.#slides.set(key, kept);
    kept.slide.catch(() => this.#slides.delete(key));
    return kept;
  }

  /** Closes the slides that were used longest ago, and by nobody now. */
  #letGo(): void {
    const idle = [...this.#slides].filter(([, { users }]) => users === 0);
    for (const [key, { slide }] of idle.slice(0, Math.max(0, this.#slides.size - openSlides))) {
      this.#slides.delete(key);
      void closeQuietly(slide);
    }
  }
}

async function closeQuietly(slide: Promise<Slide>): Promise<void> {
  await slide.then(async (one) => await one.close()).catch(() => undefined);
}

async function encoded({ data, width, height }: DecodedPatch, longest: number): Promise<Buffer> {
  const picture = sharp(data, { raw: { width, height, channels: 3 } });
  const fitted = Math.max(width, height) > longest ? picture.resize(longest, longest, { fit: "inside" }) : picture;
  return await fitted.jpeg(jpeg).toBuffer();
}
