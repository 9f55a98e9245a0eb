/** A row of a picture: a patch, its true mask, a prediction, and where the two differ. */
import type { DatasetDescription } from "../../dataset/description.js";
import { trueMaskReading } from "../../dataset/mask-indices.js";
import { readPatchFile } from "../../dataset/read-patch-file.js";
import type { PatchFile } from "../../dataset/split.js";
import { readIndexPng } from "../../image/index-png.js";
import type { PatchPixels } from "../../model/patch-source.js";
import type { PanelRow } from "../../pictures/panel.js";

/** A patch and the true class of each pixel, uint8 [height * width]. */
export interface PatchWithTruth extends PatchPixels {
  readonly truth: Uint8Array;
}

/** Reads a patch with its true mask; undefined if it has none. @throws WsssError `WSSS_ERR_IO`, `WSSS_ERR_DATASET` */
export async function readPatchWithTruth(
  file: PatchFile | undefined,
  description: DatasetDescription,
  signal: AbortSignal | undefined,
): Promise<PatchWithTruth | undefined> {
  if (file?.maskPath === undefined) return undefined;
  const { data: rgb, height, width } = await readPatchFile(file, signal);
  const { indices: truth } = await readIndexPng(file.maskPath, trueMaskReading(description));
  return { rgb, height, width, truth };
}

/** What stands above the columns of {@link comparedRow}. */
export function comparedCaptions(prediction: string): string[] {
  return ["patch", "ground truth", prediction, "where they differ"];
}

/** The row of a patch and what was predicted of it. */
export function comparedRow({ rgb, height, width, truth }: PatchWithTruth, indices: Uint8Array): PanelRow {
  return {
    height,
    width,
    cells: [
      { kind: "patch", rgb },
      { kind: "mask", indices: truth },
      { kind: "mask", indices },
      { kind: "difference", truth, indices },
    ],
  };
}
