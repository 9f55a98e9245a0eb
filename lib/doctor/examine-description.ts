/** Reads the description of a dataset under examination, and turns its faults into findings. */
import { join } from "node:path";
import { type DatasetDescription, type DescriptionFailure, descriptionFileName } from "../dataset/description.js";
import { findDescription } from "../dataset/open-dataset.js";
import { type PresetName, presetNames } from "../dataset/presets.js";
import { isWsssError } from "../errors.js";
import type { CheckCode, Finding } from "./finding.js";
import { readDatasetFile, unreadable } from "./read-file.js";

/** Where a dataset's description comes from. */
export interface DescriptionSource {
  readonly preset: PresetName | undefined;
  readonly description: string | DatasetDescription | undefined;
}

/** A description, or null with the reason. */
export interface DescriptionFound {
  readonly description: DatasetDescription | null;
  /** Folder that its paths are relative to. */
  readonly base: string;
  readonly findings: readonly Finding[];
}

const checks = {
  missing: "description-missing",
  encoding: "description-syntax",
  syntax: "description-syntax",
  invalid: "description-invalid",
} as const satisfies Readonly<Record<DescriptionFailure, CheckCode>>;

const remedies: Readonly<Record<DescriptionFailure, string>> = {
  missing: `write the classes into ${descriptionFileName}, or name a preset (${presetNames.join(" or ")})`,
  encoding: "save it as UTF-8: editors ask for it under Save as",
  syntax: "correct the JSON; an editor that knows JSON shows the place",
  invalid: "correct the entries that are named",
};

/** Finds and checks the description of the dataset in `folder`. Whatever is wrong with it is a finding. */
export async function examineDescription(folder: string, source: DescriptionSource): Promise<DescriptionFound> {
  const file = typeof source.description === "string" ? source.description : join(folder, descriptionFileName);
  const fromFile = source.preset === undefined && typeof source.description !== "object";
  // A file that is not there has its own words below; one that would never end must not be opened.
  const bytes = fromFile ? await readDatasetFile(file, null) : null;
  if (bytes !== null && "check" in bytes && bytes.check !== "unreadable")
    return { description: null, base: folder, findings: [bytes] };
  const nothing = { description: null, base: folder };
  try {
    const found = await findDescription(folder, source);
    return { description: found.description, base: found.folder, findings: [] };
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_IO")) return { ...nothing, findings: [unreadable(error, file, null)] };
    if (!isWsssError(error, "WSSS_ERR_DATASET")) throw error;
    const { failure, problem } = error.details as { failure: DescriptionFailure; problem?: string };
    const problems: Readonly<Record<DescriptionFailure, string>> = {
      missing: "is not there, so nothing says which classes the dataset has; labels and mask indices are not checked",
      encoding: String(problem),
      syntax: `is not valid JSON: ${problem}`,
      invalid: `does not describe a dataset: ${problem}`,
    };
    const finding = { check: checks[failure], severity: "error", split: null, files: [file] } as const;
    return { ...nothing, findings: [{ ...finding, problem: problems[failure], remedy: remedies[failure] }] };
  }
}
