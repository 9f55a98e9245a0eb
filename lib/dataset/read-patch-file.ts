/** The pixels of one patch of a split, wherever they are: a picture, or a place on a slide. */
import { type DecodedPatch, decodePatch } from "../image/decode-patch.js";
import type { PatchFile } from "./patch-file.js";
import { readSlidePatch } from "./slide-patches.js";

/** Decodes one patch. @throws WsssError as `Split.load` */
export async function readPatchFile(
  { imagePath, place }: Pick<PatchFile, "imagePath" | "place">,
  signal?: AbortSignal,
): Promise<DecodedPatch> {
  return place === undefined ? await decodePatch(imagePath) : await readSlidePatch(imagePath, place, signal);
}
