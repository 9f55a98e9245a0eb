/** Finds the classifier that belongs to a run folder. */
import { resolve } from "node:path";
import { readRunRecord } from "./run-record.js";

/**
 * Where the classifier of a run folder lies: in the folder itself, or where the run has taken it from. Nobody has looked whether it
 * is there.
 * @throws WsssError `WSSS_ERR_DATASET` if there is a `run.json` that is not of this program.
 */
export async function classifierOfRun(root: string): Promise<string> {
  const record = await readRunRecord(root);
  return resolve(root, record?.basis?.classifier ?? "classifier.safetensors");
}
