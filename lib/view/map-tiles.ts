/** Tiles of a slide's map as PNG, with classes that are transparent where they are not wanted. */
import sharp from "../image/sharp.js";
import type { NativeAddon, NativeMapTile } from "../native/addon.js";
import { runJob } from "../native/job.js";
import type { SavedMap } from "../slide-maps/saved-map.js";
import { noTile, type TileAddress } from "./slide-tiles.js";

/**
 * A tile of a map; background is transparent.
 * @param hidden - indices of the classes that are transparent too.
 * @throws WsssError `WSSS_ERR_SHAPE` for a tile that is not there; `WSSS_ERR_DATASET` for a damaged one; `WSSS_ERR_IO`.
 */
export async function mapTile(
  addon: NativeAddon,
  { file, levels, classes }: SavedMap,
  { level, column, row }: TileAddress,
  hidden: ReadonlySet<number>,
  signal: AbortSignal,
): Promise<Buffer> {
  if (level >= levels) throw noTile();
  const colours = classes.flatMap(({ colour }, index) => [...colour, hidden.has(index) ? 0 : 255]);
  const request = { path: file, level: levels - 1 - level, column, row, colours };
  const { rgba, width, height } = await runJob<NativeMapTile>((done) => addon.readMapTile(request, done), signal);
  return await sharp(new Uint8Array(rgba), { raw: { width, height, channels: 4 } })
    .png({ compressionLevel: 3 })
    .toBuffer();
}
