/** `examineDataset`: all checks of the doctor on a whole dataset, none of which stops the others. */
import { isAbsolute, relative, resolve } from "node:path";
import { z } from "zod";
import { throwIfAborted } from "../async/cancellation.js";
import { inStage, type OnProgress } from "../async/progress.js";
import { checkDescription, type DatasetDescription, type DatasetDescriptionInput } from "../dataset/description.js";
import { manifestPlace } from "../dataset/manifest/list-manifest.js";
import { checkFolder } from "../dataset/open-dataset.js";
import { type PresetName, presetNames } from "../dataset/presets.js";
import { type SplitName, splitNames } from "../dataset/split.js";
import { WsssError } from "../errors.js";
import { freeMemoryBytes } from "../machine/free-memory.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { checkBalance, summariseSplit } from "./check-balance.js";
import { checkDerivedNames } from "./check-derived-names.js";
import { checkDuplicates } from "./check-duplicates.js";
import { checkMemory, memoryNeed } from "./check-memory.js";
import { checkOrigins } from "./check-origins.js";
import { checkSizes } from "./check-sizes.js";
import { checkUnnamedFolders, checkUnreadFolders } from "./check-unread.js";
import { checkWhiteClass } from "./check-white-class.js";
import { coloursByOrigin } from "./colours-by-origin.js";
import type { DatasetExamination } from "./examination.js";
import { type DescriptionSource, examineDescription } from "./examine-description.js";
import { examinePatches } from "./examine-patches.js";
import { type Finding, groupFindings, sortFindings } from "./finding.js";
import { readPatchTable } from "./patch-table.js";
import { mosaicsOfTrain } from "./mosaics-of-train.js";
import { nameOfPatch, type PatchToExamine } from "./patch-to-examine.js";
import { planSplit } from "./plan-split.js";
import { type ManifestSurveyed, surveyByManifest } from "./survey-manifest.js";
import { surveySplit } from "./survey-split.js";

/** Options of {@link examineDataset}. */
export interface ExamineDatasetOptions {
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
   * Whether colours are measured by patient, which reads each pixel once more.
   * @defaultValue `false`
   */
  readonly colours?: boolean | undefined;
  /** Aborting it stops the work at the next file; the promise then rejects with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after every patch, with the stage `"examine"`. What it throws stops the work and comes out of the call. */
  readonly onProgress?: OnProgress | undefined;
}

const call = "examineDataset";

const schema = z.strictObject({
  preset: z.enum(presetNames).optional(),
  description: z.unknown().optional(),
  colours: fields.flag.default(false),
  signal: fields.signal.optional(),
  onProgress: fields.callback<OnProgress>().optional(),
});

/**
 * Reads a whole dataset and says everything that is wrong with it, where, and what to do, before any training. Unlike
 * `openDataset` it does not stop at the first problem, and it decodes every file; nothing is written.
 *
 * @param folder - the dataset's folder, in the layout that `openDataset` describes.
 * @throws WsssError `WSSS_ERR_OPTION` if an option is wrong; `WSSS_ERR_DATASET` if there is no such folder, `WSSS_ERR_IO` if
 *   it can't be looked at; `WSSS_ERR_CANCELLED`. What is wrong inside the folder is a {@link Finding}, not an error.
 *
 * @example
 * ```ts
 * const { errors, groups } = await examineDataset("datasets/LUAD-HistoSeg", { preset: "luad-histoseg" });
 * for (const { check, count, remedy } of groups) console.log(check, count, remedy);
 * ```
 */
export async function examineDataset(folder: string, options: ExamineDatasetOptions = {}): Promise<DatasetExamination> {
  return await examineDatasetWith(freeMemoryBytes, folder, options);
}

/** {@link examineDataset} with free memory of the caller's choice; for tests. */
export async function examineDatasetWith(
  freeBytes: () => number,
  folder: string,
  options: ExamineDatasetOptions = {},
): Promise<DatasetExamination> {
  return (await examineWithPlaces(folder, options, freeBytes)).examination;
}

/** An examination, and where the patches lie that are parts of slides. */
export interface ExaminationWithPlaces {
  readonly examination: DatasetExamination;
  /** By the name that findings give them. */
  readonly places: ReadonlyMap<string, PatchToExamine>;
}

/** {@link examineDataset}, for pictures of what was found. */
export async function examineWithPlaces(
  folder: string,
  options: ExamineDatasetOptions = {},
  freeBytes: () => number = freeMemoryBytes,
): Promise<ExaminationWithPlaces> {
  const { signal, onProgress, ...given } = checkOptions(schema, call, options);
  const checked = fields.path.safeParse(folder);
  if (!checked.success) throw refuseOption(call, "folder", "the path of a dataset", folder);
  const source = sourceOf(given.preset, given.description);
  const path = resolve(folder);
  throwIfAborted(signal, "the examination");
  await checkFolder(path);
  const { description, base, findings: ofDescription } = await examineDescription(path, source);
  const { plans, origins, findings: ofNames } = await survey(path, description, base);
  const report = inStage(onProgress, "examine");
  const examined = await examinePatches(plans, { description, colours: given.colours }, signal, report);
  const ofPixels = examined.flatMap(({ findings }) => findings);
  const bySplit = perSplit((name) => examined.filter(({ split }) => split === name));
  const splits = perSplit((name) => summariseSplit(bySplit[name], description));
  const memory = memoryNeed(splits, freeBytes());
  const findings = [
    ...[...ofDescription, ...ofNames, ...ofPixels],
    ...checkDerivedNames(plans),
    ...checkSizes(bySplit),
    ...checkDuplicates(examined),
    ...(origins === null ? [] : checkOrigins(examined, origins)),
    ...splitNames.flatMap((name) => checkBalance(name, splits[name])),
    ...splitNames.flatMap((name) => checkWhiteClass(name, bySplit[name], description)),
    ...checkMemory(memory),
  ];
  const mosaics = description === null ? null : mosaicsOfTrain(plans, description);
  const colours = given.colours ? coloursByOrigin(examined, origins ?? new Map()) : null;
  const onSlides = plans.filter(({ place }) => place !== undefined);
  return {
    examination: conclude(path, description, findings, { splits, mosaics, memory, colours }),
    places: new Map(onSlides.map((one) => [inside(path, nameOfPatch(one)), one])),
  };
}

function sourceOf(preset: PresetName | undefined, description: unknown): DescriptionSource {
  if (preset !== undefined && description !== undefined) {
    const message = `preset and description exclude each other; leave one out (${call})`;
    throw new WsssError("WSSS_ERR_OPTION", message, { call, options: ["preset", "description"] });
  }
  if (description === undefined) return { preset, description };
  if (typeof description === "string") return { preset, description: resolve(description) };
  return { preset, description: checkDescription(description, undefined, call) };
}

/** What the names of folders and files tell, or the manifest where the description names one. */
async function survey(path: string, description: DatasetDescription | null, base: string): Promise<ManifestSurveyed> {
  const labels = description?.labels;
  if (description !== null && labels?.rule === "manifest") {
    const surveyed = await surveyByManifest(path, manifestPlace(path, base, labels.file), description);
    const named = filesOf(surveyed.plans);
    const unnamed = named.length === 0 ? [] : await checkUnnamedFolders(path, named);
    return { ...surveyed, findings: [...surveyed.findings, ...unnamed] };
  }
  const named =
    description === null || labels === undefined || labels.rule === "manifest" ? null : { ...description, labels };
  const table = await readPatchTable(path);
  const surveys = await Promise.all(splitNames.map(async (name) => await surveySplit(path, name)));
  const planned = surveys.map((one) => planSplit(one, named));
  const plans = planned.flatMap(({ patches }) => patches);
  return {
    plans,
    origins: "check" in table ? new Map() : table,
    findings: [
      ...[...surveys, ...planned].flatMap(({ findings }) => findings),
      ...(await checkUnreadFolders(path, filesOf(plans))),
      ...("check" in table ? [table] : []),
    ],
  };
}

/** Patches and masks. */
function filesOf(plans: readonly PatchToExamine[]): string[] {
  return plans.flatMap(({ imagePath, maskPath }) => (maskPath === undefined ? [imagePath] : [imagePath, maskPath]));
}

function conclude(
  folder: string,
  description: DatasetDescription | null,
  found: readonly Finding[],
  rest: Pick<DatasetExamination, "splits" | "mosaics" | "memory" | "colours">,
): DatasetExamination {
  const named = found.map((finding) => ({ ...finding, files: finding.files.map((file) => inside(folder, file)) }));
  const findings = sortFindings(named);
  const errors = findings.filter(({ severity }) => severity === "error").length;
  return {
    folder,
    name: description?.name ?? null,
    errors,
    warnings: findings.length - errors,
    groups: groupFindings(findings),
    findings,
    ...rest,
  };
}

/** A path as seen from the dataset's folder; unchanged if it lies elsewhere. */
function inside(folder: string, file: string): string {
  const path = relative(folder, file);
  return path.startsWith("..") || isAbsolute(path) ? file : path;
}

function perSplit<Value>(make: (name: SplitName) => Value): Record<SplitName, Value> {
  return { train: make("train"), val: make("val"), test: make("test") };
}
