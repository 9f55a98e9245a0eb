/** What the processes of a machine keep once: one of them makes it, the others see the same memory. */
import { readFile, readlink } from "node:fs/promises";
import { WsssError } from "../errors.js";
import { digestOf } from "../files/fingerprint.js";
import type { ProcessGroup } from "./process-group.js";

/** What of a group is needed to agree on who makes something. */
export type MakingAgreement = Pick<ProcessGroup, "localSize" | "claim" | "announce" | "awaitAnnouncement">;

/** Something in native memory that several processes need, and how each comes by it. */
export interface KeptByMachine<Kept, Place> {
  /** What tells it from all else that the processes keep, as JSON. */
  readonly contents: unknown;
  /** Makes it; `isShared` asks for memory that others can attach. */
  readonly make: (isShared: boolean) => Promise<Kept>;
  /** Where others find it, as JSON; null if its memory can't be attached. */
  readonly placeOf: (kept: Kept) => Place | null;
  /** Makes what `placeOf` describes of the same memory. @throws WsssError with the detail `gone` if it is not kept any more */
  readonly attach: (place: Place) => Kept;
}

/**
 * Gives each process of a machine the same thing, in memory that they have in common: the first that asks makes it. A process that is
 * alone on its machine, and one that can't attach what another has made, makes its own.
 *
 * Whatever is attached stays where it is when the process that made it lets it go, or ends; it is then made anew for those who ask later.
 *
 * @throws WsssError what `make` throws; `WSSS_ERR_PROCESS_GROUP` if a process is lost; `WSSS_ERR_CANCELLED`.
 */
export async function keepOncePerMachine<Kept, Place>(
  group: MakingAgreement | undefined,
  kept: KeptByMachine<Kept, Place>,
  signal?: AbortSignal,
): Promise<Kept> {
  const machine = group !== undefined && group.localSize > 1 ? await machineOfProcess() : null;
  if (group === undefined || machine === null) return await kept.make(false);
  const key = digestOf({ machine, contents: kept.contents });
  for (let turn = 0; ; turn += 1) {
    const name = `kept/${key}/${turn}`;
    if ((await group.claim(name)) === 0) return await makeForAll(group, name, kept);
    const place = JSON.parse(await group.awaitAnnouncement(name, signal)) as Place | null;
    if (place === null) return await kept.make(false);
    try {
      return kept.attach(place);
    } catch (error) {
      if (!(error instanceof WsssError)) throw error;
      // Who made it has let it go: the next one to ask makes it anew.
      if (error.details["gone"] === undefined) return await kept.make(false);
    }
  }
}

async function makeForAll<Kept, Place>(
  group: MakingAgreement,
  name: string,
  { make, placeOf }: KeptByMachine<Kept, Place>,
): Promise<Kept> {
  let made: Kept;
  try {
    made = await make(true);
  } catch (error) {
    // Each then sees for itself what is wrong; a group that is lost meanwhile is told of by its next call.
    await group.announce(name, "null").catch(() => undefined);
    throw error;
  }
  await group.announce(name, JSON.stringify(placeOf(made)));
  return made;
}

/** Processes with the same text see each other's memory and the same files; null where the system does not say. */
async function machineOfProcess(): Promise<string | null> {
  try {
    const [boot, processes, files] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readlink("/proc/self/ns/pid"),
      readlink("/proc/self/ns/mnt"),
    ]);
    return [boot.trim(), processes, files, process.getuid?.()].join(" ");
  } catch {
    return null;
  }
}
