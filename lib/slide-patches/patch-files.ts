/** What of a patch is on the disk: its row in the manifest, its mask and, if wished, its picture. */
import { rm } from "node:fs/promises";
import path from "node:path";
import { mapConcurrently } from "../async/map-concurrently.js";
import { stemOnSlide } from "../dataset/patch-file.js";
import { type SplitName, splitNames } from "../dataset/split-name.js";
import { paletteOf, type TissueClass } from "../dataset/tissue-class.js";
import { makeFolder } from "../files/make-folder.js";
import { writeIndexPng } from "../image/index-png.js";
import { writeRgbPng } from "../image/rgb-png.js";
import type { NativeAddon } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { openSlide } from "../slide/open-slide.js";
import { backgroundName } from "./annotation-classes.js";
import type { PatchForm, PatchRow } from "./patch-dataset.js";
import type { CheckedExtraction } from "./patch-extraction-options.js";
import { type PatchCandidate, placesOf, type SlideCandidates } from "./slide-cutting.js";
import type { SlideEntry } from "./slides-table.js";

/** What all patches of a dataset have in common. */
export interface PatchWriting {
  readonly addon: NativeAddon;
  readonly folder: string;
  readonly plan: { readonly form: PatchForm };
  readonly classes: readonly TissueClass[];
  readonly checked: CheckedExtraction;
  readonly signal: AbortSignal | undefined;
}

/** The path of a slide in the manifest: relative where it lies beside or below the dataset, so that both can be moved. */
function slideIn(folder: string, file: string): string {
  const relative = path.relative(folder, file);
  const up = relative.split(path.sep).filter((part) => part === "..").length;
  return up <= 1 ? relative : file;
}

/** The row of a patch. */
export function rowOfPatch(
  { folder, classes, checked }: PatchWriting,
  entry: SlideEntry,
  patch: PatchCandidate,
): PatchRow {
  const stem = stemOnSlide(entry.file, patch);
  const { splitBy, writeImages } = checked;
  const patient = splitBy === "slide" ? path.parse(entry.file).name : entry.patient;
  const split: SplitName = checked.split ?? entry.split ?? splitNames[0];
  const labels = patch.labels && classes.flatMap(({ name }, index) => (patch.labels?.[index] === 1 ? [name] : []));
  return {
    ...(writeImages && { image: `images/${stem}.png` }),
    slide: slideIn(folder, entry.file),
    x: patch.x,
    y: patch.y,
    mpp: entry.mpp ?? "",
    ...(labels !== null && { mask: `masks/${stem}.png` }),
    ...(splitBy === undefined && { split }),
    ...(patient !== undefined && { patient }),
    labels: labels?.join(";") ?? "",
  };
}

/** Patches whose masks are drawn at once. */
const chunk = 128;

/** Writes the masks of a slide's patches, and their pictures if they are wished. @throws WsssError as `extractPatches` */
export async function writePatchFiles(work: PatchWriting, slide: SlideCandidates): Promise<void> {
  const { addon, folder, classes, plan, checked, signal } = work;
  const { patchPx, micronsPerPixel } = plan.form;
  const { entry, polygons, scale, patches } = slide;
  if (patches.length === 0) return;
  const fileOf = (kind: "masks" | "images", patch: PatchCandidate): string => placeOfFile(folder, kind, entry, patch);
  if (polygons !== null) {
    await makeFolder(path.join(folder, "masks"));
    const palette = paletteOf(classes, { name: backgroundName, colour: [255, 255, 255] });
    for (let first = 0; first < patches.length; first += chunk) {
      const some = patches.slice(first, first + chunk);
      const request = { polygons, patches: placesOf(some, scale, patchPx) };
      const drawn = new Uint8Array(await runJob<ArrayBuffer>((done) => addon.drawAnnotated(request, done), signal));
      const pixels = patchPx * patchPx;
      const write = async (patch: PatchCandidate, index: number): Promise<void> => {
        const indices = drawn.subarray(index * pixels, (index + 1) * pixels);
        await writeIndexPng(fileOf("masks", patch), { indices, height: patchPx, width: patchPx }, palette);
      };
      await mapConcurrently(some, write, { signal, what: "writing masks" });
    }
  }
  if (!checked.writeImages) return;
  await makeFolder(path.join(folder, "images"));
  await using open = await openSlide(entry.file, { micronsPerPixel: entry.mpp, signal });
  const write = async (patch: PatchCandidate): Promise<void> => {
    const { x, y } = patch;
    const region = { x, y, width: patchPx, height: patchPx, micronsPerPixel, signal };
    await writeRgbPng(fileOf("images", patch), await open.read(region));
  };
  await mapConcurrently(patches, write, { signal, what: "writing patches" });
}

function placeOfFile(folder: string, kind: "masks" | "images", entry: SlideEntry, patch: PatchCandidate): string {
  return path.join(folder, kind, `${stemOnSlide(entry.file, patch)}.png`);
}

/** Removes what {@link writePatchFiles} has written of a slide. */
export async function removePatchFiles({ folder }: PatchWriting, { entry, patches }: SlideCandidates): Promise<void> {
  for (const patch of patches) {
    for (const kind of ["masks", "images"] as const) await rm(placeOfFile(folder, kind, entry, patch), { force: true });
  }
}
