/** Calls that the processes of a group make together: compared before there is any work, and ended for all if one process fails. */
import { WsssError } from "../errors.js";
import { canonicalJson, differencesBetween } from "../files/fingerprint.js";
import { packageVersion } from "../files/package-version.js";
import type { ProcessGroup } from "./process-group.js";

function reasonIn(error: unknown): string | undefined {
  return error instanceof Error ? error.message : undefined;
}

/**
 * Leaves a group. One in which a collective call has failed is left already.
 * @param why - the error of a process that has failed itself; told to the others.
 */
export async function leaveQuietly(group: ProcessGroup, why?: unknown): Promise<void> {
  await group.leave(reasonIn(why)).catch((failure: unknown) => {
    if (!(failure instanceof WsssError)) throw failure;
  });
}

/**
 * Makes a call together with the other processes of a group, each of which does a part of its work. A process that fails, or gives up,
 * leaves the group, so that the others do not wait for it.
 *
 * @param group - `undefined`: this process alone.
 * @param asked - what the call is and works on; the same in every process.
 * @throws WsssError what the work throws; `WSSS_ERR_PROCESS_GROUP` if a process is lost or asks for something else.
 */
export async function shareCall<Result>(
  group: ProcessGroup | undefined,
  signal: AbortSignal,
  asked: () => Promise<object>,
  work: () => Promise<Result>,
): Promise<Result> {
  if (group === undefined) return await work();
  try {
    assertAlike(await group.meet(canonicalJson({ package: packageVersion, ...(await asked()) }), signal));
    return await work();
  } catch (error) {
    await leaveQuietly(group, error);
    throw error;
  }
}

/** @throws WsssError `WSSS_ERR_PROCESS_GROUP` naming the first process that differs from process 0, and in what. */
function assertAlike(texts: readonly string[]): void {
  const [first = ""] = texts;
  const rank = texts.findIndex((text) => text !== first);
  if (rank === -1) return;
  const [difference] = differencesBetween(JSON.parse(first), JSON.parse(texts[rank] ?? "null"));
  const values = [difference?.now, difference?.before].map((value) => canonicalJson(value ?? null));
  const message =
    `process ${rank} has other options, data or versions than process 0: ${difference?.path ?? ""} is ${values.join(" instead of ")}; ` +
    "start all processes alike";
  throw new WsssError("WSSS_ERR_PROCESS_GROUP", message, { rank });
}
