// What the processes of a machine keep once: who makes it, who attaches it, and the memory that they have in common.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";

import { type KnownMasks, shareMasks } from "../dist/dataset/share-groups.js";
import { WsssError } from "../dist/errors.js";
import { loadAddon } from "../dist/native/load.js";
import { nativeCall } from "../dist/native/job.js";
import type { ProcessGroup } from "../dist/process-group/process-group.js";
import {
  keepOncePerMachine,
  type KeptByMachine,
  type MakingAgreement,
} from "../dist/process-group/store-of-machine.js";
import { datasetFolder } from "./support/dataset-folder.js";

/** Processes of one machine, as far as they agree on who makes what; all of them in this process. */
class Board {
  readonly #claims = new Map<string, number>();
  readonly #texts = new Map<string, Promise<string>>();
  readonly #write = new Map<string, (text: string) => void>();

  member(localSize = 3): MakingAgreement {
    return {
      localSize,
      claim: async (name) => {
        const before = this.#claims.get(name) ?? 0;
        this.#claims.set(name, before + 1);
        return await Promise.resolve(before);
      },
      announce: async (name, text) => {
        const reading = this.#text(name);
        this.#write.get(name)?.(text);
        await reading;
      },
      awaitAnnouncement: async (name, signal) => {
        signal?.throwIfAborted();
        const stopped = new Promise<never>((_, reject) => {
          // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the reason, unchanged
          signal?.addEventListener("abort", () => reject(signal.reason));
        });
        return await Promise.race([this.#text(name), stopped]);
      },
    };
  }

  async #text(name: string): Promise<string> {
    const text = this.#texts.get(name) ?? new Promise((resolve) => this.#write.set(name, resolve));
    this.#texts.set(name, text);
    return await text;
  }
}

type Kept = readonly [how: "shared" | "own" | "attached", from: string];

function keeping(who: string, changes: Partial<KeptByMachine<Kept, string>> = {}): KeptByMachine<Kept, string> {
  return {
    origin: async () => await Promise.resolve({ of: "patches" }),
    make: async (isShared) => await Promise.resolve([isShared ? "shared" : "own", who] as const),
    placeOf: ([, from]) => from,
    attach: (place) => ["attached", place],
    ...changes,
  };
}

describe("who makes what a machine keeps", () => {
  test("one does, and the others attach it", async () => {
    const board = new Board();
    const all = await Promise.all(
      ["a", "b", "c"].map(async (who) => await keepOncePerMachine(board.member(), keeping(who))),
    );
    // Whoever asks first.
    const [, maker] = all.find(([how]) => how === "shared")!;
    expect(all.map(([how]) => how).sort()).toEqual(["attached", "attached", "shared"]);
    expect(new Set(all.map(([, from]) => from))).toEqual(new Set([maker]));
  });

  test("who is alone on the machine, or in no group, asks nobody", async () => {
    const silent = (): never => {
      throw new Error("nobody is to be asked");
    };
    const alone = { localSize: 1, claim: silent, announce: silent, awaitAnnouncement: silent };
    expect(await keepOncePerMachine(alone, keeping("a"))).toEqual(["own", "a"]);
    expect(await keepOncePerMachine(undefined, keeping("a"))).toEqual(["own", "a"]);
  });

  test("what comes from something else is made by itself", async () => {
    const board = new Board();
    expect(await keepOncePerMachine(board.member(), keeping("a"))).toEqual(["shared", "a"]);
    const other = keeping("b", { origin: async () => await Promise.resolve({ of: "masks" }) });
    expect(await keepOncePerMachine(board.member(), other)).toEqual(["shared", "b"]);
  });

  test("where the first fails, one of the others makes it", async () => {
    const board = new Board();
    const fails = keeping("a", { make: async () => await Promise.reject(new Error("a damaged file")) });
    await expect(keepOncePerMachine(board.member(), fails)).rejects.toThrow("a damaged file");
    expect(await keepOncePerMachine(board.member(), keeping("b"))).toEqual(["shared", "b"]);
    expect(await keepOncePerMachine(board.member(), keeping("c"))).toEqual(["attached", "b"]);
  });

  test("where all fail, each says why", async () => {
    const board = new Board();
    const fails = (who: string): KeptByMachine<Kept, string> =>
      keeping(who, { make: async () => await Promise.reject(new Error(`${who} can't`)) });
    const ends = await Promise.allSettled(
      ["a", "b"].map(async (who) => await keepOncePerMachine(board.member(), fails(who))),
    );
    expect(ends).toMatchObject([{ reason: { message: "a can't" } }, { reason: { message: "b can't" } }]);
  });

  test("what takes too long to describe is made by each", async () => {
    const board = new Board();
    const wordy = (who: string): KeptByMachine<Kept, string> => keeping(who, { placeOf: () => "x".repeat(2 ** 22) });
    expect(await keepOncePerMachine(board.member(), wordy("a"))).toEqual(["shared", "a"]);
    expect(await keepOncePerMachine(board.member(), wordy("b"))).toEqual(["own", "b"]);
  });

  test("who is told to stop does not wait for the others", async () => {
    const board = new Board();
    const begun = new Promise<void>((resolve) => {
      const make = async (): Promise<Kept> => {
        resolve();
        return await new Promise(() => undefined);
      };
      void keepOncePerMachine(board.member(), keeping("a", { make }));
    });
    await begun;
    const stop = new AbortController();
    const waiting = keepOncePerMachine(board.member(), keeping("b"), stop.signal);
    stop.abort(new Error("stopped"));
    await expect(waiting).rejects.toThrow("stopped");
  });

  test("where its memory can't be had, each makes its own", async () => {
    const board = new Board();
    await keepOncePerMachine(board.member(), keeping("a", { placeOf: () => null }));
    expect(await keepOncePerMachine(board.member(), keeping("b"))).toEqual(["own", "b"]);
    const refused = keeping("d", {
      attach: () => {
        throw new WsssError("WSSS_ERR_IO", "not allowed");
      },
    });
    const other = new Board();
    await keepOncePerMachine(other.member(), keeping("c"));
    expect(await keepOncePerMachine(other.member(), refused)).toEqual(["own", "d"]);
  });

  test("what was let go is made again, for those who ask after that", async () => {
    const board = new Board();
    await keepOncePerMachine(board.member(), keeping("a"));
    const attach = (place: string): Kept => {
      if (place === "a") throw new WsssError("WSSS_ERR_IO", "let go", { gone: place });
      return ["attached", place];
    };
    expect(await keepOncePerMachine(board.member(), keeping("b", { attach }))).toEqual(["shared", "b"]);
    expect(await keepOncePerMachine(board.member(), keeping("c", { attach }))).toEqual(["attached", "b"]);
  });

  test("an error that is none of ours is not taken for a refusal", async () => {
    const board = new Board();
    await keepOncePerMachine(board.member(), keeping("a"));
    const broken = keeping("b", {
      attach: () => {
        throw new TypeError("a fault");
      },
    });
    await expect(keepOncePerMachine(board.member(), broken)).rejects.toThrow("a fault");
  });
});

test("masks of files that were written anew are read anew", async () => {
  const folder = await datasetFolder();
  const file = path.join(folder, "mask.png");
  const addon = await loadAddon();
  const board = new Board();
  const masksAs = async (value: number): Promise<KnownMasks<null>> => {
    const make = async (isShared: boolean): Promise<KnownMasks<null>> => {
      const store = new addon.MaskStore(1, 2, 2, 1, isShared);
      store.setMask(0, 0, new Uint8Array(4).fill(value));
      return await Promise.resolve({ store, facts: null });
    };
    const toShare = { origin: {}, files: [file], count: 1, height: 2, width: 2, levelCount: 1, make };
    return await shareMasks(board.member() as ProcessGroup, addon, toShare, undefined);
  };
  const values = ({ store }: KnownMasks<null>): number[] => [...new Uint8Array(store.mask(0, 0))];
  await writeFile(file, "as it was");
  const [first, attached] = [await masksAs(1), await masksAs(2)];
  expect([values(first), values(attached)]).toEqual([new Array(4).fill(1), new Array(4).fill(1)]);
  await writeFile(file, "as it is now");
  expect(values(await masksAs(3))).toEqual(new Array(4).fill(3));
});

describe("memory that stores have in common", () => {
  const detailsOf = (work: () => unknown): Readonly<Record<string, unknown>> & { readonly code: string } => {
    try {
      nativeCall(work);
    } catch (error) {
      if (error instanceof WsssError) return { ...error.details, code: error.code };
    }
    throw new Error("it was not refused");
  };

  test("patches, labels and masks are seen where they are attached", async () => {
    const { PatchStore, MaskStore } = await loadAddon();
    const patches = new PatchStore(2, 3, 4, 5, true);
    const attached = new PatchStore(2, 3, 4, 5, patches.address!);
    patches.setPatch(1, new Uint8Array(36).fill(7));
    patches.setLabels(1, Uint8Array.of(0, 1, 1, 0, 1));
    expect([...new Uint8Array(attached.patch(1))]).toEqual(new Array<number>(36).fill(7));
    expect([...new Uint8Array(attached.patch(0))]).toEqual(new Array<number>(36).fill(0));
    expect([...new Uint8Array(attached.labels(1))]).toEqual([0, 1, 1, 0, 1]);
    const masks = new MaskStore(2, 3, 4, 2, true);
    new MaskStore(2, 3, 4, 2, masks.address!).setMask(1, 0, new Uint8Array(12).fill(3));
    expect([...new Uint8Array(masks.mask(1, 0))]).toEqual(new Array<number>(12).fill(3));
    expect([attached.address, new PatchStore(1, 1, 1, 1).address, new MaskStore(1, 1, 1, 1, false).address]).toEqual([
      null,
      null,
      null,
    ]);
  });

  test("addresses of nothing, of other memory and of other shapes are refused", async () => {
    const { PatchStore } = await loadAddon();
    const { address } = new PatchStore(2, 3, 4, 5, true);
    const [process_ = "", file = "", mark = ""] = address!.split("/");
    const attach = (where: unknown, count = 2) => detailsOf(() => new PatchStore(count, 3, 4, 5, where as string));
    expect(attach(address, 3)).toEqual({ code: "WSSS_ERR_IO", gone: address });
    const otherMark = [process_, file, mark.replace(/./gu, (digit) => (digit === "0" ? "1" : "0"))].join("/");
    expect(attach(otherMark)).toEqual({ code: "WSSS_ERR_IO", gone: otherMark });
    for (const number of ["0", "1", "99999"]) {
      const elsewhere = [process_, number, mark].join("/");
      expect(attach(elsewhere)).toEqual({ code: "WSSS_ERR_IO", gone: elsewhere });
    }
    expect(attach("nowhere")).toEqual({ code: "WSSS_ERR_IO" });
    expect(attach("")).toMatchObject({ code: "WSSS_ERR_OPTION" });
    expect(attach(7)).toMatchObject({ code: "WSSS_ERR_OPTION" });
  });

  test("it outlives the process that made it, which leaves nothing behind", async () => {
    const { PatchStore } = await loadAddon();
    const script = fileURLToPath(new URL("support/keeps-patches.mjs", import.meta.url));
    const keeper = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    const [said] = (await once(keeper.stdout, "data")) as [Buffer];
    const address = said.toString().trim();
    const attached = new PatchStore(2, 3, 4, 5, address);
    keeper.kill("SIGKILL");
    await once(keeper, "exit");
    expect([...new Uint8Array(attached.patch(1))]).toEqual(new Array<number>(36).fill(9));
    expect(detailsOf(() => new PatchStore(2, 3, 4, 5, address))).toEqual({ code: "WSSS_ERR_IO", gone: address });
  });
});
