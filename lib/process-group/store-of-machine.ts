/** What the processes of a machine keep once: one of them makes it, the others see the same memory. */
import { readFile, readlink } from "node:fs/promises";
import { WsssError } from "../errors.js";
import { digestOf } from "../files/fingerprint.js";
import type { ProcessGroup } from "./process-group.js";

/** What of a group is needed to agree on who makes something. */
export type MakingAgreement = Pick<ProcessGroup, "localSize" | "claim" | "announce" | "awaitAnnouncement">;

/** Something in native memory that several processes need, and how each comes by it. */
export interface KeptByMachine<Kept, Place> {
  /** What it is made from, and how, as JSON: whatever would change it must change this too. Asked where it is needed alone. */
  readonly origin: () => Promise<object>;
  /** Makes it; `isShared` asks for memory that others can attach. */
  readonly make: (isShared: boolean) => Promise<Kept>;
  /** Where others find it, as JSON; null if its memory can't be attached. */
  readonly placeOf: (kept: Kept) => Place | null;
  /** Makes what `placeOf` describes of the same memory. @throws WsssError with the detail `gone` if it is not kept any more */
  readonly attach: (place: Place) => Kept;
}

/** What the process that makes something tells the others of it. */
type Announced<Place> = { readonly kept: Place | null } | { readonly failed: true };

/** Longest announcement, in characters: stores of groups refuse what is much longer. */
const longestAnnouncement = 2 ** 22;

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
  const key = digestOf({ machine, origin: await kept.origin() });
  // A turn ends when what was made in it is let go, or could not be made: the first to ask in the next one makes it.
  for (let turn = 0; ; turn += 1) {
    const name = `kept/${key}/${turn}`;
    if ((await group.claim(name)) === 0) return await makeForAll(group, name, kept);
    const announced = JSON.parse(await group.awaitAnnouncement(name, signal)) as Announced<Place>;
    if ("failed" in announced) continue;
    if (announced.kept === null) return await kept.make(false);
    try {
      return kept.attach(announced.kept);
    } catch (error) {
      if (!(error instanceof WsssError)) throw error;
      if (error.details["gone"] === undefined) return await kept.make(false);
    }
  }
}

async function makeForAll<Kept, Place>(
  group: MakingAgreement,
  name: string,
  { make, placeOf }: KeptByMachine<Kept, Place>,
): Promise<Kept> {
  const announce = async (announced: Announced<Place>): Promise<void> => {
    const text = JSON.stringify(announced);
    await group.announce(name, text.length > longestAnnouncement ? JSON.stringify({ kept: null }) : text);
  };
  let made: Kept;
  try {
    made = await make(true);
  } catch (error) {
    // A group that is lost meanwhile is told of by its next call.
    await announce({ failed: true }).catch(() => undefined);
    throw error;
  }
  await announce({ kept: placeOf(made) });
  return made;
}

/** Processes with the same text see each other's memory and the same files; null where they can't, or the system does not say. */
async function machineOfProcess(): Promise<string | null> {
  try {
    const [boot, overcommit, processes, files] = await Promise.all([
      readFile("/proc/sys/kernel/random/boot_id", "utf8"),
      readFile("/proc/sys/vm/overcommit_memory", "utf8"),
      readlink("/proc/self/ns/pid"),
      readlink("/proc/self/ns/mnt"),
    ]);
    // A system that promises no more memory than it has refuses memory of one's own when it is asked for, but shared memory when it is written.
    if (overcommit.trim() === "2") return null;
    return [boot.trim(), processes, files, process.getuid?.()].join(" ");
  } catch {
    return null;
  }
}
