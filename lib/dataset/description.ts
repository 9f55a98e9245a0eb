import { join } from "node:path";

import { z } from "zod";

import { WsssError } from "../errors.js";
import { readBytes, writeBytesAtomic } from "../image/file-access.js";
import { checkValue } from "./check-value.js";
import { type GlassRule, labelGrammars, type LabelRule, labelSpellings, type TissueClass } from "./tissue-class.js";

/** File in a dataset's folder that describes it. */
export const descriptionFileName = "wsss-dataset.json";

/** What must be known about a dataset beside its files; complete, as {@link checkDescription} returns it. */
export interface DatasetDescription {
  /** Name for reports. */
  readonly name: string;
  /** The K tissue classes, 1 to 254, in the order of labels and mask indices. */
  readonly classes: readonly TissueClass[];
  /** Index K in masks; never scored. */
  readonly background: TissueClass;
  readonly labels: LabelRule;
  /** White areas that become background in pseudo masks, or null if there are none to look for. */
  readonly glass: GlassRule | null;
}

const colour = z.tuple([byte(), byte(), byte()]);

const tissueClass = z.strictObject({ name: z.string().trim().min(1).max(60), colour });

const labelRule = z.strictObject({
  rule: z.enum(labelSpellings),
  grammar: z.enum(labelGrammars).default("strict"),
  allowEmpty: z.boolean().default(false),
  minClassShare: z.number().min(0).max(1).default(0),
});

const glassRule = z.strictObject({
  greyAbove: z.number().min(0).max(255).default(200),
  minAreaPx: z.int().min(0).default(50),
});

const schema = z
  .strictObject({
    name: z.string().trim().min(1).max(200),
    // 255 is the ignored index and the background takes one more.
    classes: z.array(tissueClass).min(1).max(254),
    background: tissueClass.default({ name: "background", colour: [255, 255, 255] }),
    labels: labelRule,
    glass: glassRule.nullable().default(null),
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
  });

/** What a user writes into `wsss-dataset.json`, or gives to `openDataset`. */
export interface DatasetDescriptionInput {
  /** Name for reports, 1 to 200 characters. */
  readonly name: string;
  /** The K tissue classes, 1 to 254, in the order of labels and mask indices; names and colours differ. */
  readonly classes: readonly TissueClass[];
  /**
   * Name and colour of the mask index K, which is never scored.
   * @defaultValue white, named `"background"`, as in both published datasets
   */
  readonly background?: TissueClass;
  /** How patch-level labels are spelled; only `rule` must be said. */
  readonly labels: Pick<LabelRule, "rule"> & Partial<LabelRule>;
  /**
   * White areas that become background in pseudo masks; `{}` is the published rule.
   * @defaultValue `null`, none are looked for: dark backgrounds and lumina exist, so it must be said
   */
  readonly glass?: Partial<GlassRule> | null;
}

function byte(): z.ZodInt {
  return z.int().min(0).max(255);
}

/** Why a file does not describe a dataset; `details.failure` of the error. */
export type DescriptionFailure =
  /** There is no description at all. */
  | "missing"
  /** Not JSON. */
  | "syntax"
  /** JSON, but not a description. */
  | "invalid";

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
  const text = (await readBytes(path)).toString("utf8").replace(/^\ufeff/, "");
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
 * @returns the path written.
 * @throws WsssError `WSSS_ERR_OPTION` if the description is wrong, `WSSS_ERR_IO` if the file can't be written.
 */
export async function writeDatasetDescription(folder: string, description: DatasetDescriptionInput): Promise<string> {
  const checked = checkDescription(description, undefined, "writeDatasetDescription");
  const path = join(folder, descriptionFileName);
  await writeBytesAtomic(path, `${JSON.stringify(checked, null, 2)}\n`);
  return path;
}
