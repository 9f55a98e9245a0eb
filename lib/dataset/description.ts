/** The description of a dataset (`wsss-dataset.json`): its schema, its defaults, and how it is read and written. */
import { join } from "node:path";
import { z } from "zod";
import { WsssError } from "../errors.js";
import { readText, writeBytesAtomic } from "../files/file-access.js";
import { microns } from "../slide/slide-options.js";
import { checkValue } from "./check-value.js";
import { pathProblem } from "./inner-path.js";
import { indicesAround, problemsOfIndices } from "./mask-indices.js";
import {
  type GlassRule,
  labelGrammars,
  type LabelRule,
  labelSpellings,
  type ManifestLabelRule,
  type MaskIndices,
  type NameLabelRule,
  type PatientSplit,
  type TissueClass,
} from "./tissue-class.js";

/** File in a dataset's folder that describes it. */
export const descriptionFileName = "wsss-dataset.json";

/** What must be known about a dataset beside its files; complete, with all defaults filled in. */
export interface DatasetDescription {
  /** Name for reports. */
  readonly name: string;
  /** The K tissue classes, 2 to 254, in the order of labels and mask indices. */
  readonly classes: readonly TissueClass[];
  /** Index K in masks; never scored. */
  readonly background: TissueClass;
  /** How the true masks are numbered; absent where it is 0 to K-1 for the classes and K for the background. */
  readonly maskIndices?: MaskIndices | undefined;
  /** Index of pixels in true masks that are neither scored nor trained on; without it, true masks must not hold it. */
  readonly ignoreIndex?: 255 | undefined;
  /** Where patch-level labels are, and how they are read. */
  readonly labels: LabelRule;
  /** Scale of the patches, in micrometres a pixel; networks that learn from them keep it. */
  readonly micronsPerPixel?: number | undefined;
  /** Side of the patches that a manifest names as places on slides, in pixels. */
  readonly patchPx?: number | undefined;
  /** How a manifest's patients are split, where it has no column `split`. */
  readonly split?: PatientSplit | undefined;
  /** Whether a manifest may have one patient in two splits. */
  readonly allowPatientLeak?: boolean | undefined;
  /** White areas that become background in pseudo masks, or null if there are none to look for. */
  readonly glass: GlassRule | null;
}

const colour = z.tuple([byte(), byte(), byte()]);

const tissueClass = z.strictObject({ name: z.string().trim().min(1).max(60), colour });

const shareRules = {
  allowEmpty: z.boolean().default(false),
  minClassShare: z.number().min(0).max(1).default(0),
};

const labelRule = z.discriminatedUnion("rule", [
  z.strictObject({ rule: z.enum(labelSpellings), grammar: z.enum(labelGrammars).default("strict"), ...shareRules }),
  z.strictObject({
    rule: z.literal("manifest"),
    file: z.string().superRefine(checkManifestName),
    unlabelled: z.enum(["refuse", "skip"]).default("refuse"),
    ...shareRules,
  }),
]);

const patientSplit = z.strictObject({
  by: z.literal("patient"),
  val: z.number().min(0).lt(1).default(0.2),
  test: z.number().min(0).lt(1).default(0.2),
  seed: z.int().default(0),
});

const glassRule = z.strictObject({
  greyAbove: z.number().min(0).max(255).default(200),
  minAreaPx: z.int().min(0).default(50),
});

const backgroundDefaults = { name: "background", colour: [255, 255, 255] } as const;

const background = z.preprocess(
  (value, context) => {
    if (typeof value === "number") return { index: value };
    if (typeof value === "string" || Array.isArray(value)) {
      const bound = "must be an object, or the index that the background has in masks";
      context.addIssue({ code: "custom", message: `${bound}, received ${JSON.stringify(value)}` });
    }
    return value;
  },
  z.strictObject({
    name: tissueClass.shape.name.default(backgroundDefaults.name),
    colour: colour.default([...backgroundDefaults.colour]),
    index: z.custom<number>().superRefine(checkBackgroundIndex).optional(),
  }),
);

const schema = z
  .strictObject({
    name: z.string().trim().min(1).max(200),
    // One class can't be learned from labels, as every patch has it. 255 is the ignored index and background takes one more.
    classes: z.array(tissueClass).min(2).max(254),
    background: background.default({ ...backgroundDefaults, colour: [...backgroundDefaults.colour], index: undefined }),
    maskIndices: z.record(z.string(), z.string()).optional(),
    ignoreIndex: z.literal(255).optional(),
    labels: labelRule,
    micronsPerPixel: microns.optional(),
    patchPx: z.int().min(32).max(4096).optional(),
    split: patientSplit.optional(),
    allowPatientLeak: z.boolean().optional(),
    glass: glassRule.nullable().default(null),
  })
  .superRefine(({ labels, split, allowPatientLeak, patchPx, micronsPerPixel }, context) => {
    const needsManifest = 'needs patients, which only a manifest names; set labels.rule to "manifest"';
    if (labels.rule !== "manifest") {
      if (split !== undefined) context.addIssue({ code: "custom", path: ["split"], message: needsManifest });
      if (allowPatientLeak === true) {
        context.addIssue({ code: "custom", path: ["allowPatientLeak"], message: needsManifest });
      }
    }
    if (patchPx !== undefined && labels.rule !== "manifest") {
      const message =
        'is for patches on slides, which only a manifest names; set labels.rule to "manifest", or leave it out';
      context.addIssue({ code: "custom", path: ["patchPx"], message });
    } else if (patchPx !== undefined && micronsPerPixel === undefined) {
      const message = "needs micronsPerPixel beside it: patches of slides are cut at a scale";
      context.addIssue({ code: "custom", path: ["patchPx"], message });
    }
    if (split !== undefined && split.val + split.test >= 1) {
      const message = `leaves nothing for train: val ${split.val} and test ${split.test} must be below 1 together`;
      context.addIssue({ code: "custom", path: ["split"], message });
    }
  })
  .superRefine(({ classes, background }, context) => {
    const all = [...classes, background];
    for (const [index, one] of all.entries()) {
      const where = index < classes.length ? ["classes", index] : ["background"];
      const before = all.slice(0, index);
      if (before.some(({ name }) => name === one.name)) {
        context.addIssue({ code: "custom", path: [...where, "name"], message: `repeats the name "${one.name}"` });
      }
      if (before.some((other) => other.colour.join() === one.colour.join())) {
        const message = `repeats the colour (${one.colour.join(",")}); classes need different colours`;
        context.addIssue({ code: "custom", path: [...where, "colour"], message });
      }
    }
  })
  .superRefine(({ classes, background: { index, ...named }, maskIndices, ignoreIndex }, context) => {
    const refuse = (path: string, message: string): void => context.addIssue({ code: "custom", path: [path], message });
    if (index !== undefined && maskIndices !== undefined) {
      refuse("maskIndices", `and the index of background (${index}) exclude each other; leave one out`);
    } else if (index !== undefined && index === ignoreIndex) {
      refuse("background", `has the index ${index}, which ignoreIndex says is ignored; leave one out`);
    } else if (maskIndices !== undefined) {
      for (const problem of problemsOfIndices(maskIndices, { classes, background: named, ignoreIndex })) {
        refuse("maskIndices", problem);
      }
    }
  })
  .transform(({ background: { index, ...named }, maskIndices, ...rest }): DatasetDescription => {
    const numbered = index === undefined ? maskIndices : indicesAround(index, { ...rest, background: named });
    return { ...rest, background: named, ...(numbered !== undefined && { maskIndices: numbered }) };
  });

/** The background, as a user describes it. */
export interface BackgroundInput extends Partial<TissueClass> {
  /**
   * Its index in the true masks, 0 to 255.
   * @defaultValue K, behind the last class
   */
  readonly index?: number | undefined;
}

/** What a user writes into `wsss-dataset.json`, or gives to `openDataset`. */
export interface DatasetDescriptionInput {
  /** Name for reports, 1 to 200 characters. */
  readonly name: string;
  /** The K tissue classes, 2 to 254, in the order of labels and mask indices; names and colours differ. */
  readonly classes: readonly TissueClass[];
  /**
   * Name and colour of the background, which is never scored; or, where it is not the last index of the true masks, the index that
   * it has there, alone or beside name and colour. The classes then take the other indices, from 0 on, in their order: with 0 they are
   * 1 to K.
   * @defaultValue white, named `"background"`, with the index K, as in both published datasets
   */
  readonly background?: number | BackgroundInput | undefined;
  /**
   * What the values of the true masks stand for, where another background is not all: `{ "0": "background", "7": "gland" }`. Names are
   * those of classes and background, or `"ignored"`. Each class must be there; values that are not there are refused in masks.
   * Pseudo masks and predictions have the library's own indices all the same.
   * @defaultValue none: 0 to K-1 are the classes, K is the background
   */
  readonly maskIndices?: MaskIndices | undefined;
  /**
   * Index of pixels in true masks that are neither scored nor trained on.
   * @defaultValue none: a true mask that holds 255 is refused, so that a slip of an annotation tool is not taken for a wish
   */
  readonly ignoreIndex?: 255 | undefined;
  /** Where patch-level labels are; only `rule`, and `file` of a manifest, must be said. */
  readonly labels:
    | (Pick<NameLabelRule, "rule"> & Partial<NameLabelRule>)
    | (Pick<ManifestLabelRule, "rule" | "file"> & Partial<ManifestLabelRule>);
  /**
   * Scale of the patches, in micrometres a pixel, 0.05 to 20. Networks that learn from them keep it, so that slides are segmented at it.
   * @defaultValue none: it must be said where slides are segmented
   */
  readonly micronsPerPixel?: number | undefined;
  /**
   * Side of the patches, in pixels, 32 to 4096, where a manifest names them as places on slides; needs {@link micronsPerPixel}.
   * @defaultValue none: patches are files
   */
  readonly patchPx?: number | undefined;
  /**
   * How the patients of a manifest are split; only `by` must be said.
   * @defaultValue none: the manifest has a column `split`
   */
  readonly split?: (Pick<PatientSplit, "by"> & Partial<PatientSplit>) | undefined;
  /**
   * Whether a manifest may have one patient in two splits, which flatters the scores.
   * @defaultValue `false`
   */
  readonly allowPatientLeak?: boolean | undefined;
  /**
   * White areas that become background in pseudo masks; `{}` is the published rule.
   * @defaultValue `null`, none are looked for: dark backgrounds and lumina exist, so it must be said
   */
  readonly glass?: Partial<GlassRule> | null | undefined;
}

function byte(): z.ZodInt {
  return z.int().min(0).max(255);
}

/** Why a file does not describe a dataset; `details.failure` of the error. */
export type DescriptionFailure =
  /** There is no description at all. */
  | "missing"
  /** Not UTF-8. */
  | "encoding"
  /** Not JSON. */
  | "syntax"
  /** JSON, but not a description. */
  | "invalid";

function checkBackgroundIndex(index: unknown, context: z.RefinementCtx): void {
  if (index === undefined || (Number.isInteger(index) && Number(index) >= 0 && Number(index) <= 255)) return;
  const message = `must be a whole number from 0 to 255, received ${JSON.stringify(index)}`;
  context.addIssue({ code: "custom", message });
}

function checkManifestName(file: string, context: z.RefinementCtx): void {
  const problem = /\.(csv|json)$/i.test(file) ? pathProblem(file) : "must end with .csv or .json";
  if (problem !== null) context.addIssue({ code: "custom", message: `${problem}, received ${JSON.stringify(file)}` });
}

/**
 * Checks a description and fills its defaults in: background white, strict labels, no glass.
 * @param source - file that it was read from; without one, it is an option of `call`.
 * @throws WsssError `WSSS_ERR_DATASET` for a file, `WSSS_ERR_OPTION` for an option, naming entry, bound and value.
 */
export function checkDescription(value: unknown, source?: string, call = "openDataset"): DatasetDescription {
  const checked = checkValue(schema, value);
  if ("value" in checked) return checked.value;
  const { problem } = checked;
  if (source !== undefined) {
    throw new WsssError("WSSS_ERR_DATASET", `${source} does not describe a dataset: ${problem}`, {
      path: source,
      failure: "invalid",
      problem,
    });
  }
  throw new WsssError("WSSS_ERR_OPTION", `${call}: description is wrong: ${problem}`, {
    option: "description",
    problem,
  });
}

/**
 * Reads and checks a description file.
 * @throws WsssError `WSSS_ERR_IO` if it can't be read, `WSSS_ERR_DATASET` if it is not JSON or describes no dataset.
 */
export async function readDatasetDescription(path: string): Promise<DatasetDescription> {
  const read = await readText(path);
  if ("problem" in read) {
    const { problem } = read;
    throw new WsssError("WSSS_ERR_DATASET", `${path} ${problem}`, { path, failure: "encoding", problem });
  }
  const { text } = read;
  let value: unknown;
  try {
    value = JSON.parse(text) as unknown;
  } catch (error) {
    const problem = (error as Error).message;
    throw new WsssError(
      "WSSS_ERR_DATASET",
      `${path} is not valid JSON: ${problem}`,
      { path, failure: "syntax", problem },
      { cause: error },
    );
  }
  return checkDescription(value, path);
}

/**
 * Writes `wsss-dataset.json` into a dataset's folder, whole or not at all, so that `openDataset(folder)` needs no options.
 * @param folder - the dataset's folder, which must be there.
 * @returns the path written.
 * @throws WsssError `WSSS_ERR_OPTION` if the description is wrong, `WSSS_ERR_IO` if the file can't be written.
 */
export async function writeDatasetDescription(folder: string, description: DatasetDescriptionInput): Promise<string> {
  const checked = checkDescription(description, undefined, "writeDatasetDescription");
  const path = join(folder, descriptionFileName);
  await writeBytesAtomic(path, `${JSON.stringify(checked, null, 2)}\n`);
  return path;
}
