/** Slides that are to be labelled become a dataset of patches first; what was cut before is not cut again. */
import { realpath } from "node:fs/promises";
import path from "node:path";
import { WsssError } from "../errors.js";
import { extractPatches } from "../slide-patches/extract-patches.js";
import { findPatchDataset } from "../slide-patches/patch-dataset.js";
import type { ExtractPatchesOptions } from "../slide-patches/patch-extraction-options.js";

/**
 * Cuts the slides that the dataset does not have yet.
 * @returns sentences about what is odd.
 * @throws WsssError as `extractPatches`; `WSSS_ERR_OPTION` if nothing says the classes.
 */
export async function cutSlidesToLabel(
  slides: readonly string[],
  options: ExtractPatchesOptions,
): Promise<readonly string[]> {
  const folder = path.resolve(options.output);
  const there = await findPatchDataset(folder);
  if (there === null && (options.classes?.length ?? 0) < 2) {
    const message =
      "classes is missing: name at least two that are to be labelled, as --classes tumour,stroma; more can be added on the page";
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "classes" });
  }
  const known = new Set<string>();
  for (const { cells } of there?.table.rows ?? []) {
    const slide = cells.get("slide");
    if (typeof slide === "string") known.add(await realOf(path.resolve(folder, slide)));
  }
  const missing: string[] = [];
  for (const slide of slides) if (!known.has(await realOf(path.resolve(slide)))) missing.push(slide);
  if (missing.length === 0) return [];
  // The classes of a dataset that is there may have been renamed meanwhile.
  const { classes, ...rest } = options;
  return (await extractPatches(missing, { ...rest, ...(there === null && { classes }) })).warnings;
}

async function realOf(file: string): Promise<string> {
  return await realpath(file).catch(() => file);
}
