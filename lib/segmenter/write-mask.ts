/** `writeMask`: a predicted class map as a PNG file. */
import type { Colour } from "../image/colour.js";
import { writeIndexPng } from "../image/index-png.js";
import type { ClassMap } from "./segmentation-prediction.js";

/**
 * Writes a class map as a palette PNG, the format of all masks of this package: what a viewer shows are the colours, what a program reads
 * are the indices. A reader never sees half a file.
 *
 * @param file - replaced if it is there.
 * @param map - what `Segmenter.predict` or `predictEach` gave.
 * @param palette - colours of the indices 0..K, as `segmenter.palette` or `dataset.palette` has them.
 * @throws WsssError `WSSS_ERR_IO` if the file can't be written; `WSSS_ERR_DATASET` for an index without a colour.
 */
export async function writeMask(
  file: string,
  { classMap, height, width }: Pick<ClassMap, "classMap" | "height" | "width">,
  palette: readonly Colour[],
): Promise<void> {
  await writeIndexPng(file, { indices: classMap, height, width }, palette);
}
