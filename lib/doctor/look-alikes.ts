import { readdir } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Other names that people give to the folders of the layout. */
const otherNames: Readonly<Record<string, readonly string[]>> = {
  train: ["training", "trainset", "train_img"],
  train_mask: ["train_masks", "train-mask", "train-masks", "training_mask", "training_masks", "train_gt"],
  val: ["valid", "validation", "dev", "valset"],
  test: ["testing", "testset"],
  img: ["imgs", "image", "images", "patches"],
  mask: ["masks", "gt", "ground-truth", "ground_truth", "annotations"],
};

/**
 * A folder beside the expected one that has its name in other capitals, or one that people use for the same thing.
 * @returns its name, or null if there is none, or the folder can't be listed.
 */
export async function lookAlikeOf(folder: string, expected: string): Promise<string | null> {
  const entries = await readdir(join(folder, dirname(expected)), { withFileTypes: true }).catch(() => []);
  const names = [expected, ...(otherNames[expected] ?? [])];
  const alike = entries.find((entry) => entry.isDirectory() && names.includes(entry.name.toLowerCase()));
  return alike?.name ?? null;
}
