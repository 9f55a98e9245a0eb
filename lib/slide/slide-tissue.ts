/** Where a slide holds tissue, and at which scale that is looked for. */
import type { RgbPixels } from "../image/rgb-png.js";
import type { NativeTissue, NativeTissueSearch } from "../native/addon.js";
import type { MicronsPerPixel } from "./slide-scale.js";

/** What {@link Slide.findTissue} found. */
export interface SlideTissue {
  /** Part of the slide's area that is tissue, 0 to 1. */
  readonly share: number;
  /** Area of the tissue in mm2; null where the size of pixels is not known. */
  readonly areaMm2: number | null;
  /** uint8 [height, width], 1 = tissue. */
  readonly mask: Uint8Array;
  /** Pixels of the mask. */
  readonly width: number;
  /** Pixels of the mask. */
  readonly height: number;
  /** Pixels of the finest level that a pixel of the mask is wide. */
  readonly downsampleX: number;
  /** Pixels of the finest level that a pixel of the mask is high. */
  readonly downsampleY: number;
  /** The slide with the tissue outlined; null unless it was asked for. */
  readonly picture: RgbPixels | null;
}

/** Micrometres that a pixel of the mask is wide: nuclei blend into tissue, pieces of 0.1 mm still show. */
const maskMpp = 8;
/** Gaps of up to twice so many micrometres are closed, between cells that came apart. */
const closingUm = 24;
/** Smaller pieces are dirt, and smaller holes belong to the tissue: 0.1 mm by 0.1 mm. */
const smallestMm2 = 0.01;
/** Longer side of the mask of a slide whose pixels are of unknown size, and its smallest piece, in pixels of the mask. */
const unknownScale = { longerPx: 2048, closingPx: 3, smallestPx: 156 } as const;

/** How tissue is looked for on a slide. */
export function tissueSearch(
  size: { readonly width: number; readonly height: number },
  mpp: MicronsPerPixel | null,
): NativeTissueSearch {
  if (mpp === null) {
    const { longerPx, closingPx, smallestPx } = unknownScale;
    const scale = Math.max(1, Math.max(size.width, size.height) / longerPx);
    return { scaleX: scale, scaleY: scale, closingPx, smallestPx };
  }
  // Slides that are coarser than the mask are taken as they are.
  const scaleX = Math.max(1, maskMpp / mpp.x);
  const scaleY = Math.max(1, maskMpp / mpp.y);
  const pixelMm2 = (scaleX * mpp.x * scaleY * mpp.y) / 1e6;
  return {
    scaleX,
    scaleY,
    closingPx: Math.round(closingUm / (scaleX * mpp.x)),
    smallestPx: Math.ceil(smallestMm2 / pixelMm2),
  };
}

/** What the addon found, with areas. */
export function tissueOf(
  found: NativeTissue,
  { scaleX, scaleY }: Pick<NativeTissueSearch, "scaleX" | "scaleY">,
  size: { readonly width: number; readonly height: number },
  mpp: MicronsPerPixel | null,
): SlideTissue {
  const { width, height, share, tissue, picture } = found;
  const areaMm2 = mpp === null ? null : (share * size.width * mpp.x * size.height * mpp.y) / 1e6;
  return {
    share,
    areaMm2,
    mask: new Uint8Array(tissue),
    width,
    height,
    downsampleX: scaleX,
    downsampleY: scaleY,
    picture: picture && { rgb: new Uint8Array(picture.rgb), width: picture.width, height: picture.height },
  };
}
