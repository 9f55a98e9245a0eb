/** What mosaics need of the train patches, by their labels. */
import type { Split } from "../dataset/split.js";
import { WsssError } from "../errors.js";

/** How many patches of a split each class has that are labelled with it alone; null where labels are not known before masks are read. */
export function singleClassCounts({
  files,
  classes,
}: Pick<Split, "files" | "classes">): readonly { readonly name: string; readonly count: number }[] | null {
  if (files.some(({ labels }) => labels === undefined)) return null;
  const single = files.flatMap(({ labels = [] }) => (labels.filter((one) => one === 1).length === 1 ? [labels] : []));
  return classes.map(({ name }, index) => ({ name, count: single.filter((labels) => labels[index] === 1).length }));
}

/**
 * Checks that mosaics can be made, where the labels of all patches are known before they are read.
 * @param mosaic - share of a step's patches that are mosaics.
 * @throws WsssError `WSSS_ERR_DATASET` if fewer than two classes have patches that are labelled with them alone, or, where all
 *   patches are mosaics, one class has none.
 */
export function assertMosaics(call: string, split: Pick<Split, "files" | "classes" | "dataset">, mosaic: number): void {
  const counts = singleClassCounts(split);
  if (mosaic === 0 || counts === null) return;
  const without = counts.filter(({ count }) => count === 0);
  if (counts.length - without.length >= 2 && (mosaic < 1 || without.length === 0)) return;
  const found = counts.map(({ name, count }) => `${count} of ${name}`).join(", ");
  const need =
    mosaic < 1 ? "two classes at least have such patches" : "every class has such patches, or mosaic is below 1";
  const message =
    `mosaics are made of train patches that hold one class alone, and ${split.dataset} has ${found}; ${need}, ` +
    `or mosaic stays 0 (${call})`;
  throw new WsssError("WSSS_ERR_DATASET", message, { call, option: "mosaic", value: mosaic });
}
