/** Opens the dataset of a run, cut to a subset if that is asked for. */
import { join } from "node:path";
import { type Dataset, openDataset } from "../dataset/open-dataset.js";
import type { Split, SplitName } from "../dataset/split.js";
import { WsssError } from "../errors.js";
import { printable } from "../text/printable.js";
import type { OwnDataset } from "./own-dataset.js";
import type { SubsetOptions } from "./plan-options.js";
import type { RunReporter } from "./reporter.js";
import type { DataLocation } from "./data-location.js";

/** What says where the patches of a folder's runs are. */
export interface LocationRequest {
  readonly out: string;
  readonly data?: DataLocation | undefined;
  readonly ownDataset?: OwnDataset | undefined;
}

/** What says how a dataset is opened. */
export interface OpenRequest {
  /** Splits that must be there. */
  readonly splits: readonly SplitName[];
  readonly reporter: RunReporter;
}

/**
 * Where the patches are: as the command says, or else where they were the last time.
 * @throws WsssError `WSSS_ERR_OPTION` if nobody has ever said.
 */
export function dataLocation(request: LocationRequest, before: DataLocation | undefined): DataLocation {
  if (request.ownDataset !== undefined) return { folder: join(request.out, request.ownDataset.folder) };
  const location = request.data ?? before;
  if (location !== undefined) return location;
  throw new WsssError("WSSS_ERR_OPTION", "data is missing: it must be the folder of a dataset", { option: "data" });
}

/** Opens a dataset, cut to the patches that are to be used, and says what is noteworthy about it. */
export async function openData(
  { reporter, splits }: OpenRequest,
  { folder, preset, description }: DataLocation,
  subset: SubsetOptions = {},
): Promise<Dataset> {
  const dataset = await openDataset(folder, {
    ...(preset !== undefined && { preset }),
    ...(description !== undefined && { description }),
    require: splits,
  });
  const skipped = [dataset.train, dataset.val, dataset.test].flatMap((split) => split.skipped);
  const unlabelled = dataset.train.unlabelled + dataset.val.unlabelled + dataset.test.unlabelled;
  if (unlabelled > 0) reporter.note(`${unlabelled} patches have no label yet and are left out`);
  if (skipped.length > 0) {
    reporter.warn(
      `${skipped.length} files in the folders of patches are neither patches nor masks and are ignored, such as ${printable(skipped[0] ?? "")}`,
    );
  }
  noteDraw(reporter, dataset);
  // One draw for all seeds of training, so that runs with several seeds see the same patches.
  const part = (split: Split, count: number | undefined): Split =>
    count === undefined || split.count === 0 ? split : split.subset(count);
  const { train, val, test } = subset;
  return {
    ...dataset,
    train: part(dataset.train, train),
    val: part(dataset.val, val),
    test: part(dataset.test, test),
  };
}

/** Says how patients were drawn into splits, as no file of the user does. */
function noteDraw(reporter: RunReporter, { description, train, val, test }: Dataset): void {
  if (description.split === undefined) return;
  const shares = [train, val, test].map(({ name, files }) => {
    const patients = new Set(files.map(({ patient }) => patient)).size;
    return `${name} ${files.length} patches of ${patients} ${patients === 1 ? "patient" : "patients"}`;
  });
  reporter.note(`patients are drawn into splits: ${shares.join(", ")}`);
}
