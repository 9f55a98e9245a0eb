/** Tiles of a slide as JPEG, at the levels that viewers of deep zoom pictures want. */
import sharp from "../image/sharp.js";
import { WsssError } from "../errors.js";
import type { Slide } from "../slide/slide.js";
import type { TilePyramid } from "./view-facts.js";

/** Side of a tile: few requests, and each is decoded in milliseconds. */
export const slideTilePx = 512;
/** Good enough to judge nuclei by. */
const quality = 85;

/** A tile by its level and place. */
export interface TileAddress {
  /** 0 = the coarsest. */
  readonly level: number;
  readonly column: number;
  readonly row: number;
}

/** The levels of a picture: the coarsest is one pixel. */
export function pyramidOf({ width, height }: { readonly width: number; readonly height: number }): TilePyramid {
  return { width, height, tilePx: slideTilePx, maxLevel: Math.ceil(Math.log2(Math.max(width, height, 1))) };
}

/**
 * A tile of a slide. Label and macro images are no levels, and can't be asked for.
 * @throws WsssError `WSSS_ERR_SHAPE` for a tile that is not there, and as `Slide.read`.
 */
export async function slideTile(
  slide: Slide,
  { level, column, row }: TileAddress,
  signal: AbortSignal,
): Promise<Buffer> {
  const { maxLevel } = pyramidOf(slide);
  const scale = 2 ** (maxLevel - level);
  const left = column * slideTilePx;
  const top = row * slideTilePx;
  const width = Math.min(slideTilePx, Math.ceil(slide.width / scale) - left);
  const height = Math.min(slideTilePx, Math.ceil(slide.height / scale) - top);
  if (level > maxLevel || width < 1 || height < 1) throw noTile();
  const { rgb } = await slide.readScaled({ x: left * scale, y: top * scale, width, height }, scale, signal);
  return await sharp(rgb, { raw: { width, height, channels: 3 } })
    .jpeg({ quality })
    .toBuffer();
}

/** The error of a tile that is not there. */
export function noTile(): WsssError {
  return new WsssError("WSSS_ERR_SHAPE", "there is no such tile", {});
}
