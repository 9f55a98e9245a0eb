/** `openDataset`: finds a dataset's description and lists its splits, with nothing decoded yet. */
import { readdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import { replacedBytesHint } from "../files/foreign-name.js";
import { checkValue } from "./check-value.js";
import {
  checkDescription,
  type DatasetDescription,
  type DatasetDescriptionInput,
  descriptionFileName,
  readDatasetDescription,
} from "./description.js";
import { listSplit, type SplitFiles } from "./list-split.js";
import type { StoreFactories } from "./loaded-split.js";
import { listManifest, manifestPlace } from "./manifest/list-manifest.js";
import { type PresetName, presetNames, presets } from "./presets.js";
import { patchFolder, Split, type SplitName, splitNames } from "./split.js";
import { type Colour, type GlassRule, paletteOf, type TissueClass } from "./tissue-class.js";

/** Options of {@link openDataset}. */
export interface OpenDatasetOptions {
  /**
   * A published dataset whose classes, colours, label spelling and glass rule are built in.
   * @defaultValue none: the description decides
   */
  readonly preset?: PresetName | undefined;
  /**
   * The dataset's description, or the path of a JSON file with it.
   * @defaultValue `wsss-dataset.json` in the dataset's folder
   */
  readonly description?: string | DatasetDescriptionInput | undefined;
  /**
   * Whether patches whose label names no class are allowed.
   * @defaultValue what the description says, which by default is `false`: nothing can be learned from them
   */
  readonly allowEmptyLabels?: boolean | undefined;
  /**
   * Splits that must be there. The others may be missing; they are then empty (`count` 0).
   * @defaultValue `["train"]`
   */
  readonly require?: readonly SplitName[] | undefined;
}

/** A dataset on disk, checked but not yet decoded. */
export interface Dataset {
  /** Absolute path. */
  readonly folder: string;
  /** Name for reports, as the description has it. */
  readonly name: string;
  /** The K tissue classes, in the order of labels and mask indices. */
  readonly classes: readonly TissueClass[];
  /** Index K in masks; never scored. */
  readonly background: TissueClass;
  /** White areas that become background in pseudo masks; null if there are none to look for. */
  readonly glass: GlassRule | null;
  /** Colours of the mask indices 0..K, the last one background. */
  readonly palette: readonly Colour[];
  /** Everything that was decided about the dataset, for the records of a run. */
  readonly description: DatasetDescription;
  /** Absolute path of the manifest that names patches and labels; null where folders and file names do. */
  readonly manifest: string | null;
  /** Patches to learn from. Empty (`count` 0) if the dataset has none and {@link OpenDatasetOptions.require} lets it pass. */
  readonly train: Split;
  /** Empty (`count` 0) if the dataset has none. */
  readonly val: Split;
  /** Empty (`count` 0) if the dataset has none. */
  readonly test: Split;
}

const optionsSchema = z.strictObject({
  preset: z.enum(presetNames).optional(),
  description: z.unknown().optional(),
  allowEmptyLabels: z.boolean().optional(),
  require: z.array(z.enum(splitNames)).optional(),
});

/**
 * Opens a dataset in the published layout: `train/NAME[label].png`, `val|test/img/NAME.png` with true masks in
 * `val|test/mask/NAME.png`, and optionally `train_mask/NAME.png`, which is never used for weak training. Or one whose
 * description names a manifest (`labels.rule` is `"manifest"`), which says of each patch where it is and what it shows.
 *
 * All names are checked at once, without decoding a pixel: a wrong dataset fails in the first second, not in the last epoch.
 *
 * @param folder - the dataset's folder; it is only read.
 * @throws WsssError `WSSS_ERR_OPTION` if an option is wrong; `WSSS_ERR_DATASET` naming folder or files if the folder, a
 *   required split, labels or masks are missing or contradict each other, or a patient is in two splits; `WSSS_ERR_IO` if
 *   a folder or the manifest can't be read.
 *
 * @example
 * ```ts
 * const luad = await openDataset("datasets/LUAD-HistoSeg", { preset: "luad-histoseg" });
 * console.log(luad.train.count, luad.classes.map(({ name }) => name));
 * ```
 */
export async function openDataset(folder: string, options: OpenDatasetOptions = {}): Promise<Dataset> {
  return await openDatasetWith(async () => await (await import("../native/load.js")).loadAddon(), folder, options);
}

/** {@link openDataset} with native stores of the caller's choice; for tests. */
export async function openDatasetWith(
  stores: () => Promise<StoreFactories>,
  folder: string,
  options: OpenDatasetOptions = {},
): Promise<Dataset> {
  const checked = checkOptions(folder, options);
  const path = resolve(folder);
  await checkFolder(path);
  const described = await findDescription(path, checked);
  const allowEmpty = checked.allowEmptyLabels ?? described.description.labels.allowEmpty;
  const description = withEmptyLabels(described.description, allowEmpty);
  const found = await listSplits(path, described.folder, description);
  const required = checked.require ?? ["train"];
  const splits = {} as Record<SplitName, Split>;
  for (const name of splitNames) {
    if (found.splits[name] === null && required.includes(name)) throw await missingSplit(path, name, found.manifest);
    const split = found.splits[name] ?? { files: [], skipped: [], unlabelled: 0 };
    if (split.files.length === 0 && required.includes(name)) throw nothingLabelled(path, name, split.unlabelled);
    splits[name] = new Split({ name, folder: path, description, manifest: found.manifest, stores, ...split });
  }
  const { name, classes, background, glass } = description;
  return {
    folder: path,
    name,
    classes,
    background,
    glass,
    palette: paletteOf(classes, background),
    description,
    manifest: found.manifest ?? null,
    ...splits,
  };
}

/** A dataset's files, by split; null where there is no such split. */
interface FoundSplits {
  readonly splits: Readonly<Record<SplitName, SplitFiles | null>>;
  readonly manifest?: string;
}

async function listSplits(path: string, described: string, description: DatasetDescription): Promise<FoundSplits> {
  const { classes, labels } = description;
  if (labels.rule === "manifest") {
    const place = manifestPlace(path, described, labels.file);
    return { splits: await listManifest(place, description), manifest: place.path };
  }
  const splits = {} as Record<SplitName, SplitFiles | null>;
  for (const name of splitNames) splits[name] = await listSplit(path, name, { classes, labels });
  return { splits };
}

function withEmptyLabels(description: DatasetDescription, allowEmpty: boolean): DatasetDescription {
  return { ...description, labels: { ...description.labels, allowEmpty } };
}

/** Checked options; a description that was given as an object is complete. */
interface CheckedOptions extends Omit<z.output<typeof optionsSchema>, "description"> {
  readonly description: string | DatasetDescription | undefined;
}

function checkOptions(folder: unknown, options: unknown): CheckedOptions {
  if (typeof folder !== "string" || folder === "") {
    const message = `openDataset: folder must be the path of a dataset, received ${JSON.stringify(folder)}`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "folder", value: folder });
  }
  const checked = checkValue(optionsSchema, options);
  if ("problem" in checked) {
    throw new WsssError("WSSS_ERR_OPTION", `openDataset: ${checked.problem}`, { problem: checked.problem });
  }
  const { preset, description } = checked.value;
  if (preset !== undefined && description !== undefined) {
    const message = "openDataset: preset and description exclude each other; leave one out";
    throw new WsssError("WSSS_ERR_OPTION", message, { options: ["preset", "description"] });
  }
  if (typeof description === "string" || description === undefined) return { ...checked.value, description };
  return { ...checked.value, description: checkDescription(description) };
}

/** @throws WsssError `WSSS_ERR_DATASET` if there is no such folder, `WSSS_ERR_IO` if it can't be looked at. */
export async function checkFolder(path: string): Promise<void> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (error) {
    const code = systemCode(error);
    if (code !== "ENOENT" && code !== "ENOTDIR") throw ioFailure(error, "read", path);
    const message = `there is no dataset at ${path}: no such folder${replacedBytesHint(path)}`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path }, { cause: error });
  }
  if (isFolder) return;
  throw new WsssError("WSSS_ERR_DATASET", `${path} is a file; a dataset is a folder with train, val and test`, {
    path,
  });
}

/** A description, and the folder that its paths are relative to: that of its file, or else the dataset's. */
export interface FoundDescription {
  readonly description: DatasetDescription;
  readonly folder: string;
}

/**
 * The description of the dataset at `path`: the preset, the given one, or that in its folder.
 * @throws WsssError `WSSS_ERR_DATASET` with a `DescriptionFailure` in `details.failure`; `WSSS_ERR_IO` if it can't be read.
 */
export async function findDescription(
  path: string,
  { preset, description }: Pick<CheckedOptions, "preset" | "description">,
): Promise<FoundDescription> {
  if (preset !== undefined) return { description: presets[preset], folder: path };
  if (typeof description === "string") {
    const file = resolve(description);
    return { description: await readDatasetDescription(file), folder: dirname(file) };
  }
  if (description !== undefined) return { description, folder: path };
  const file = join(path, descriptionFileName);
  try {
    return { description: await readDatasetDescription(file), folder: path };
  } catch (error) {
    if (systemCode((error as Error).cause) !== "ENOENT") throw error;
  }
  const entries = await entriesOf(path);
  const failure = "missing";
  if (entries.length === 0) throw new WsssError("WSSS_ERR_DATASET", `${path} is an empty folder`, { path, failure });
  const message =
    `nothing says which classes ${path} has: put a ${descriptionFileName} into it, ` +
    `give a description, or a preset (${presetNames.join(" or ")})`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path, failure });
}

function nothingLabelled(path: string, name: SplitName, count: number): WsssError {
  const message = `none of the ${count} patches of ${name} in ${path} has a label yet; give them some by wsss-tissue label ${path}`;
  return new WsssError("WSSS_ERR_DATASET", message, { path, split: name, unlabelled: count });
}

/** The error of a split that is not there, with what is there instead. */
export async function missingSplit(path: string, name: SplitName, manifest?: string): Promise<WsssError> {
  if (manifest !== undefined) {
    return new WsssError("WSSS_ERR_DATASET", `manifest ${manifest} has no patches of ${name}`, { path, split: name });
  }
  const entries = await entriesOf(path);
  const visible = entries.filter((entry) => !entry.startsWith("."));
  if (visible.length === 0)
    return new WsssError("WSSS_ERR_DATASET", `${path} is an empty folder`, { path, split: name });
  const below = [];
  for (const entry of visible.slice(0, 100)) {
    if ((await entriesOf(join(path, entry))).includes("train")) below.push(join(path, entry));
  }
  const hint = below.length > 0 ? `; did you mean ${below.join(" or ")}?` : "";
  const found = visible.slice(0, 5).join(", ") + (visible.length > 5 ? ", ..." : "");
  const message = `${path} has no folder ${patchFolder(name)}, only ${found}${hint}`;
  return new WsssError("WSSS_ERR_DATASET", message, { path, split: name, found: visible.slice(0, 5) });
}

/** Names in a folder; none if it is no folder that can be read. */
async function entriesOf(path: string): Promise<string[]> {
  return await readdir(path).catch(() => []);
}
