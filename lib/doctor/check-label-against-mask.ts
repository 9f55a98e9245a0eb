/** Findings on labels in file names that contradict the true mask, and on masks without tissue. */
import type { DatasetDescription } from "../dataset/description.js";
import { labelsOfMask } from "../dataset/loaded-split.js";
import type { Finding } from "./finding.js";
import { nameOfPatch, type PatchToExamine } from "./patch-to-examine.js";
import type { MaskFacts } from "./read-mask.js";

/** Share of a mask below which a class that the label does not name is a matter of the rule rather than of the label. */
const tinyShare = 0.01;

/** Compares the label in a patch's name with its true mask, by the description's rule of when a class is present. */
export function checkLabelAgainstMask(
  { maskPath, split, nameLabel, ...patch }: PatchToExamine,
  mask: MaskFacts | null,
  description: DatasetDescription,
): Finding[] {
  if (mask === null || maskPath === undefined) return [];
  const where = { split, files: [nameOfPatch(patch), maskPath] } as const;
  if (nameLabel === undefined) return checkBackground(mask, maskPath, where.split);
  const { classes, labels } = description;
  const total = mask.height * mask.width;
  const implied = labelsOfMask(mask, classes.length, labels.minClassShare);
  return classes.flatMap(({ name }, index): Finding[] => {
    const pixels = mask.counts[index] ?? 0;
    const named = nameLabel[index] === 1;
    // Where pixels are ignored the class may lie among them.
    if (named && pixels === 0 && mask.ignored === 0) {
      const problem = `names ${name}, of which its mask has no pixel`;
      const remedy = "correct the label in the name, or the mask; check that both belong together";
      return [{ ...where, check: "label-not-in-mask", severity: "error", problem, remedy }];
    }
    if (named || implied[index] !== 1) return [];
    const share = pixels / total;
    const severity = share < tinyShare ? "warning" : "error";
    const problem = `does not name ${name}, which covers ${(100 * share).toFixed(2)} % of its mask`;
    const remedy =
      severity === "warning"
        ? `name it, or say in the description (labels.minClassShare, now ${labels.minClassShare}) which share counts`
        : `correct the label in the name, or the mask; from a share of ${labels.minClassShare} on a class is present`;
    return [{ ...where, check: "label-lacks-class", severity, problem, remedy }];
  });
}

/** A mask without tissue contradicts a label, which is said there; without a label, the patch teaches and scores nothing. */
function checkBackground(mask: MaskFacts, file: string, split: Finding["split"]): Finding[] {
  if (mask.counts.at(-1) !== mask.height * mask.width) return [];
  const problem = "is background everywhere, so its patch has no class at all";
  const remedy = "check that the mask was drawn; if there is no tissue, remove patch and mask";
  return [{ check: "mask-background", severity: "warning", split, files: [file], problem, remedy }];
}
