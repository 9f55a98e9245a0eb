/** The patches of a dataset under examination as its manifest lists them, and findings on its rows. */
import type { DatasetDescription } from "../dataset/description.js";
import { type ManifestPlace, surveyManifest } from "../dataset/manifest/list-manifest.js";
import { missingSplit } from "../dataset/open-dataset.js";
import { type SplitName, splitNames } from "../dataset/split-name.js";
import { isWsssError } from "../errors.js";
import type { CheckCode, Finding } from "./finding.js";
import type { PatchOrigin } from "./patch-table.js";
import type { PatchToExamine } from "./patch-to-examine.js";
import { unreadable } from "./read-file.js";

/** What a manifest says of a dataset, as far as it can be believed. */
export interface ManifestSurveyed {
  readonly plans: readonly PatchToExamine[];
  /** Where the patches come from, by `tableKey`; null where the manifest names patients, and was checked for them. */
  readonly origins: ReadonlyMap<string, PatchOrigin> | null;
  readonly findings: readonly Finding[];
}

/** Lists the patches of all splits by a manifest; whatever is wrong with it is a finding. */
export async function surveyByManifest(
  folder: string,
  place: ManifestPlace,
  description: DatasetDescription,
): Promise<ManifestSurveyed> {
  const error = { severity: "error", split: null, files: [place.path] } as const;
  try {
    const { splits, findings } = await surveyManifest(place, description);
    const remedy = "correct the row; docs/own-data.md says what a manifest may hold";
    const ofRows = findings.all().map(({ kind, where, problem }): Finding => {
      const check: CheckCode = `manifest-${kind}`;
      return { ...error, check, problem: `${where}: ${problem}`, remedy };
    });
    const leftOut = splitNames.flatMap((split): Finding[] => {
      const count = splits[split]?.unlabelled ?? 0;
      if (count === 0) return [];
      const problem = `has no label yet for ${count} patches, which are left out`;
      const advice = `label them: wsss-tissue label ${folder}`;
      return [{ ...error, check: "label-missing", severity: "warning", split, problem, remedy: advice }];
    });
    // Rows that can't be used may be those of train.
    const lacksTrain = splits.train === null && ofRows.length === 0;
    return {
      plans: splitNames.flatMap((name) => (splits[name]?.files ?? []).map((file) => planOf(name, file))),
      origins: splitNames.some((name) => splits[name]?.files.some(({ patient }) => patient !== undefined))
        ? null
        : new Map(),
      findings: [...(lacksTrain ? [await withoutTrain(folder, place.path)] : ofRows), ...leftOut],
    };
  } catch (failure) {
    const nothing = { plans: [], origins: new Map<string, PatchOrigin>() };
    if (isWsssError(failure, "WSSS_ERR_IO")) return { ...nothing, findings: [unreadable(failure, place.path, null)] };
    if (!isWsssError(failure, "WSSS_ERR_DATASET")) throw failure;
    const remedy = "correct the manifest; docs/own-data.md says what it may hold";
    // The message begins with the file, which the report says, and may have several lines.
    const problem = failure.message.replace(`manifest ${place.path} `, "").replaceAll(/\s*\n\s*/g, " ");
    return { ...nothing, findings: [{ ...error, check: "manifest-invalid", problem, remedy }] };
  }
}

function planOf(
  split: SplitName,
  {
    stem,
    imagePath,
    place,
    maskPath,
    patient,
    labels,
  }: Omit<PatchToExamine, "split" | "nameLabel"> & { labels?: readonly number[] },
): PatchToExamine {
  return { split, stem, imagePath, place, maskPath, patient, nameLabel: labels };
}

async function withoutTrain(folder: string, manifest: string): Promise<Finding> {
  const problem = (await missingSplit(folder, "train", manifest)).message;
  const remedy = "name patches of train: nothing can be learned without them";
  return { check: "missing-split", severity: "error", split: "train", files: [manifest], problem, remedy };
}
