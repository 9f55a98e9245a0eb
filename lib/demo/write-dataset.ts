/** Draws procedural tissue in the addon and writes it as patches and masks of a dataset. */
import { join } from "node:path";
import { mapConcurrently } from "../async/map-concurrently.js";
import { writeDatasetDescription } from "../dataset/description.js";
import { patchFileName } from "../dataset/labels.js";
import type { SplitName } from "../dataset/split.js";
import { paletteOf } from "../dataset/tissue-class.js";
import { writeBytesAtomic } from "../files/file-access.js";
import { makeFolder } from "../files/make-folder.js";
import { writeIndexPng } from "../image/index-png.js";
import sharp from "../image/sharp.js";
import { nativeCall, runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import type { DemoSettings } from "./settings.js";
import { demoDescription } from "./tissue.js";

/** What of a demo's settings decides how its dataset looks. */
export interface SynthesisSettings extends Pick<DemoSettings, "patchPx" | "counts"> {
  readonly seed: number;
}

/** Options of {@link writeDemoDataset}. */
export interface DatasetWork {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

interface SplitWork {
  readonly name: SplitName;
  /** Position of the first patch in the endless sequence of the seed. */
  readonly first: number;
  readonly count: number;
}

/** Folders of a split's patches and true masks, in the published layout. */
function foldersOf(name: SplitName): { readonly patches: string; readonly masks: string } {
  if (name === "train") return { patches: "train", masks: "train_mask" };
  return { patches: join(name, "img"), masks: join(name, "mask") };
}

async function writeSplit(
  folder: string,
  { name, first, count }: SplitWork,
  { seed, patchPx }: SynthesisSettings,
  signal: AbortSignal | undefined,
  onPatch: () => void,
): Promise<void> {
  const addon = await loadAddon();
  const { classes, background, labels: rule } = demoDescription;
  const patches = nativeCall(() => new addon.PatchStore(count, patchPx, patchPx, classes.length));
  const masks = nativeCall(() => new addon.MaskStore(count, patchPx, patchPx, 1));
  await runJob<null>((done) => addon.synthesizeTissue({ seed, firstPatch: first }, patches, masks, done), signal);
  const folders = foldersOf(name);
  await makeFolder(join(folder, folders.patches));
  await makeFolder(join(folder, folders.masks));
  const raw = { width: patchPx, height: patchPx, channels: 3 } as const;
  const palette = paletteOf(classes, background);
  await mapConcurrently(
    Array.from({ length: count }, (_, index) => index),
    async (index) => {
      const base = `${name}-${String(index + 1).padStart(5, "0")}`;
      const labels = [...new Uint8Array(nativeCall(() => patches.labels(index)))];
      // As published: labels stand in the names of train only, elsewhere the masks tell them.
      const file = name === "train" ? patchFileName(`${base}-`, labels, rule) : `${base}.png`;
      const rgb = Buffer.from(nativeCall(() => patches.patch(index)));
      await writeBytesAtomic(join(folder, folders.patches, file), await sharp(rgb, { raw }).png().toBuffer());
      const indices = new Uint8Array(nativeCall(() => masks.mask(0, index)));
      const mask = { indices, height: patchPx, width: patchPx };
      await writeIndexPng(join(folder, folders.masks, file), mask, palette);
      onPatch();
    },
    { signal, what: `writing ${name}` },
  );
}

/**
 * Writes procedural tissue as a dataset in the published layout: `train/` with labels in the names, `train_mask/` (for
 * scores only), `val/` and `test/` with true masks, and `wsss-dataset.json`. One seed gives one dataset; the splits share no patch.
 *
 * @throws WsssError `WSSS_ERR_IO` if it can't be written; `WSSS_ERR_CANCELLED`; `WSSS_ERR_BINARY_NOT_FOUND`.
 */
export async function writeDemoDataset(
  folder: string,
  settings: SynthesisSettings,
  { signal, onProgress }: DatasetWork = {},
): Promise<void> {
  const { train, val, test } = settings.counts;
  const splits: readonly SplitWork[] = [
    { name: "train", first: 0, count: train },
    { name: "val", first: train, count: val },
    { name: "test", first: train + val, count: test },
  ];
  const total = train + val + test;
  let done = 0;
  await makeFolder(folder);
  for (const split of splits) {
    await writeSplit(folder, split, settings, signal, () => onProgress?.(++done, total));
  }
  await writeDatasetDescription(folder, demoDescription);
}
