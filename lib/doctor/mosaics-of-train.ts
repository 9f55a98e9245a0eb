/** What the mosaics of a segmenter's training would be made of. */
import type { DatasetDescription } from "../dataset/description.js";
import { type MosaicChoice, mosaicShare } from "../segmenter/mosaic-share.js";
import type { PatchToExamine } from "./patch-to-examine.js";

/** What `mosaic: "auto"` comes to on the train patches; null where a label can't be read, or there are no patches. */
export function mosaicsOfTrain(
  plans: readonly PatchToExamine[],
  { name, classes }: Pick<DatasetDescription, "name" | "classes">,
): MosaicChoice | null {
  const train = plans.filter(({ split }) => split === "train");
  const files = train.flatMap(({ nameLabel, patient }) => {
    return nameLabel === undefined ? [] : [{ labels: nameLabel, ...(patient !== undefined && { patient }) }];
  });
  if (files.length === 0 || files.length < train.length) return null;
  return mosaicShare("examineDataset", { files, classes, dataset: name }, "auto", "pseudo");
}
