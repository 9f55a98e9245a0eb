/** Folders with names like those of the layout: `validation` for `val`, `images` for `img`. */
import { dirname, join } from "node:path";
import { readFolder } from "../files/read-folder.js";
import { nearestName } from "../text/nearest-name.js";
import type { SplitName } from "./split-name.js";

/** Other names that people give to the folders of the layout. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  train: ["training", "trainset", "train_img", "训练", "训练集"],
  train_mask: ["train_masks", "train-mask", "train-masks", "training_mask", "training_masks", "train_gt"],
  val: ["valid", "validation", "dev", "valset", "eval", "evaluation", "验证", "验证集"],
  test: ["testing", "testset", "测试", "测试集"],
  img: ["imgs", "image", "images", "patches"],
  mask: ["masks", "gt", "ground-truth", "ground_truth", "annotations"],
};

/** Folders in the root of a dataset. */
const rootFolders = ["train_mask", "train", "val", "test"] as const;

/** A folder that the layout has in the root of a dataset. */
export type RootFolder = SplitName | "train_mask";

/**
 * A folder beside the expected one that has its name in other capitals, or one that people use for the same thing.
 * @returns its name, or null if there is none, or the folder can't be listed.
 */
export async function lookAlikeOf(folder: string, expected: string): Promise<string | null> {
  const entries = await readFolder(join(folder, dirname(expected))).catch(() => []);
  const names = [expected, ...(otherNames[expected] ?? [])];
  const alike = entries.find(({ name, isFolder }) => isFolder && names.includes(name.toLowerCase()));
  return alike?.name ?? null;
}

/**
 * The folder of the layout that a name was most likely meant to be: `val` for `2.validation` or `val2`.
 * @returns null if it is like none of them.
 */
export function nearestRootFolder(name: string): RootFolder | null {
  const words = name.toLowerCase().match(/\p{L}+/gu) ?? [];
  const letters = words.join("");
  const wordOf = new Map<string, RootFolder>(
    rootFolders.flatMap((folder) => [folder, ...(otherNames[folder] ?? [])].map((word) => [lettersOf(word), folder])),
  );
  const spelled = [letters, ...words].find((word) => wordOf.has(word));
  const nearest = spelled ?? nearestName(letters, [...wordOf.keys()]);
  return nearest === undefined ? null : (wordOf.get(nearest) ?? null);
}

function lettersOf(word: string): string {
  return word.replaceAll(/[^\p{L}]/gu, "");
}
