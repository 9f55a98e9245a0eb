/** The record of a run (`run.json`): data, options, versions; how it is read and written. */
import { join } from "node:path";
import { z } from "zod";
import type { DatasetFingerprint } from "../dataset/dataset-fingerprint.js";
import { WsssError } from "../errors.js";
import { packageVersion } from "../files/package-version.js";
import { loadAddon } from "../native/load.js";
import type { RunDevice, RunSources } from "./context.js";
import type { DataLocation } from "./data-location.js";
import { readJsonIfPresent, writeJson } from "./files.js";
import type { PlanOptions } from "./plan-options.js";
import type { PlanSections } from "./plan.js";

/** Versions of what computes. */
export interface RunVersions {
  readonly package: string;
  readonly node: string;
  readonly libtorch: string;
}

/** `run.json`: everything that was decided for a run. */
export interface RunRecord {
  readonly format: 1;
  readonly versions: RunVersions;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly data: DataLocation;
  readonly device: RunDevice;
  readonly dataset: DatasetFingerprint;
  /** What the run takes from other run folders instead of making it, relative to its own folder. */
  readonly basis?: RunSources | undefined;
  /** Options under the given ones that are not the library's defaults. */
  readonly base?: PlanOptions | undefined;
  /** Options as they were given, over all commands for this folder. */
  readonly given: PlanOptions;
  /** The same with every default filled in, for the parts that a command has used so far. */
  readonly plan: Partial<PlanSections> & { readonly demo?: unknown };
}

const recordFile = "run.json";

/** Enough of a record to tell that this program wrote it; the rest is compared, never trusted. */
const envelope = z.looseObject({
  format: z.literal(1),
  data: z.looseObject({ folder: z.string() }),
  device: z.looseObject({}),
  given: z.looseObject({}),
  plan: z.looseObject({}),
});

/** The versions of this process; loads the addon. */
export async function currentVersions(): Promise<RunVersions> {
  const { libtorchVersion } = (await loadAddon()).deviceReport();
  return { package: packageVersion, node: process.versions.node, libtorch: libtorchVersion };
}

/**
 * The record of a run folder; undefined if the folder or the record is not there.
 * @throws WsssError `WSSS_ERR_DATASET` if there is a `run.json` that is not of this program.
 */
export async function readRunRecord(root: string): Promise<RunRecord | undefined> {
  const path = join(root, recordFile);
  const found = await readJsonIfPresent(path);
  if (found === undefined) return undefined;
  if (envelope.safeParse(found).success) return found as RunRecord;
  throw new WsssError("WSSS_ERR_DATASET", `${path} is not the record of a run of this version; choose another folder`, {
    path,
  });
}

/** Writes `run.json`, whole or not at all. @throws WsssError `WSSS_ERR_IO` */
export async function writeRunRecord(root: string, record: RunRecord): Promise<void> {
  await writeJson(join(root, recordFile), record);
}
