/** Pairs the patches and masks of a split under examination, and reads the labels in their names. */
import { dirname } from "node:path";
import { ambiguityProblem, pairMasks } from "../dataset/pair-masks.js";
import { maskFolder } from "../dataset/split.js";
import { accentForm } from "../files/accent-match.js";
import { composeNamesRemedy } from "../files/foreign-name.js";
import { checkLabels, type NamedDescription } from "./check-labels.js";
import type { Finding } from "./finding.js";
import type { PatchToExamine } from "./patch-to-examine.js";
import type { SplitSurvey } from "./survey-split.js";

/** The patches of a split with their labels and masks, before a file is opened. */
export interface SplitPlan {
  readonly patches: readonly PatchToExamine[];
  readonly findings: readonly Finding[];
}

/** Pairs the files of a split and reads the labels in their names. */
export function planSplit(survey: SplitSurvey, description: NamedDescription | null): SplitPlan {
  const { name, patches, masks } = survey;
  if (patches === null) return { patches: [], findings: [] };
  const labels = description === null ? null : checkLabels(patches, name, description);
  const { maskOf, bare, lonely, byAccents, ambiguous } = pairMasks(patches.files, masks?.files ?? [], name);
  // Train needs no masks; without the folder of val or test, that it is missing has been said.
  const wanted = name === "train" ? (masks?.files.length ?? 0) > 0 : masks !== null;
  const where = maskFolder(name);
  const error = { severity: "error", split: name } as const;
  const unmasked = (wanted ? bare : []).map(({ path, stem }): Finding => {
    const problem = `has no true mask ${stem}.png in ${where}`;
    const only = name === "train" ? ", or remove all masks of train: they serve scores only" : "";
    const remedy = `add the mask, named like its patch and a PNG${only}`;
    return { ...error, check: "mask-missing", files: [path], problem, remedy };
  });
  const unpatched = lonely.map(({ path }): Finding => {
    const problem = "has no patch of this name";
    return {
      ...error,
      check: "mask-without-patch",
      files: [path],
      problem,
      remedy: "add the patch, or remove the mask",
    };
  });
  const paired = byAccents.map(({ path, name: file, stem }): Finding => {
    const mask = maskOf.get(stem) ?? "";
    const problem =
      `stores the accents of its name (${accentForm(file)}) in another way than its mask; ` +
      "this library pairs them, the published code and many tools do not";
    const remedy = `name them exactly alike: ${composeNamesRemedy(dirname(dirname(mask)))}`;
    return { check: "accents-differ", severity: "warning", split: name, files: [path, mask], problem, remedy };
  });
  const unsure = ambiguous.map((one): Finding => {
    const files = [one.file.path, ...one.masks.map(({ path }) => path)];
    const remedy = "remove the wrong one, or name patch and mask exactly alike";
    return { ...error, check: "same-name-but-accents", files, problem: ambiguityProblem(one), remedy };
  });
  const planned = patches.files.map(({ stem, path }, index) => ({
    split: name,
    stem,
    imagePath: path,
    maskPath: maskOf.get(stem),
    nameLabel: labels?.labels[index],
  }));
  return { patches: planned, findings: [...(labels?.findings ?? []), ...unmasked, ...unpatched, ...paired, ...unsure] };
}
