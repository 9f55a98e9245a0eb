/** The cells of an ablation, taken by the processes of a group: each takes the next one that nobody has, until all are done. */
import { cancellation, throwIfAborted } from "../async/cancellation.js";
import { freeNativeMemory } from "../native/free-native-memory.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import type { DivergedOutcome } from "./ablation.js";
import { type Cell, wholeMethod } from "./cells.js";
import { type AblationWork, blockedBy, makeShared, performCell, type PerformedCell } from "./perform-cell.js";
import { headingOf } from "./report-outcome.js";

/** A piece of work that one process does. */
export type Piece =
  | { readonly kind: "shared"; readonly seed: number; readonly masks: boolean }
  | {
      readonly kind: "cell";
      readonly seed: number;
      readonly cell: Cell;
      readonly waits: boolean;
      readonly heading: string;
    };

/** What a piece came to. */
type Result = { readonly diverged: DivergedOutcome | null } | PerformedCell;

/** What a process tells the others of a piece that it has done. */
interface DonePiece {
  readonly piece: number;
  readonly result: Result;
  /** What process 0 is to say of it. */
  readonly warnings: readonly string[];
}

/**
 * All pieces, in the order in which they are taken: first what cells of a seed share, then cells that stand alone, then those that stand
 * on what is shared: by then that of their seed is mostly there.
 */
export function piecesOf(cells: readonly Cell[], seeds: readonly number[]): readonly Piece[] {
  const standing = cells.filter(({ shares }) => shares !== "nothing");
  const masks = standing.some(({ shares }) => shares === "masks");
  // The method itself is done in the folder in which what others share is made.
  const waits = ({ name, shares }: Cell): boolean =>
    shares !== "nothing" || (name === wholeMethod && standing.length > 0);
  const all = seeds.flatMap((seed, index) =>
    cells.map((cell, place) => {
      const heading = headingOf(index * cells.length + place + 1, seeds.length * cells.length, seed, cell.name);
      return { kind: "cell", seed, cell, waits: waits(cell), heading } as const;
    }),
  );
  const shared = standing.length === 0 ? [] : seeds.map((seed) => ({ kind: "shared", seed, masks }) as const);
  return [...shared, ...all.filter((piece) => !piece.waits), ...all.filter((piece) => piece.waits)];
}

/** What is known of all pieces, as the processes tell each other: a list that each adds to and reads from its beginning. */
class DonePieces {
  readonly #group: ProcessGroup;

  constructor(group: ProcessGroup) {
    this.#group = group;
  }

  async add(done: DonePiece): Promise<void> {
    const place = await this.#group.claim("ablation/done");
    await this.#group.announce(`ablation/done/${place}`, JSON.stringify(done));
  }

  /** So many of them, each as soon as it is there. @throws WsssError `WSSS_ERR_PROCESS_GROUP` if a process is lost. */
  async *first(count: number, signal: AbortSignal): AsyncGenerator<DonePiece, void, void> {
    for (let place = 0; place < count; place += 1) {
      // The text is of a process of this package and version.
      yield JSON.parse(await this.#group.awaitAnnouncement(`ablation/done/${place}`, signal)) as DonePiece;
    }
  }
}

/** What the cells of each seed share, as far as it is known. */
class Shared {
  readonly #known = new Map<number, DivergedOutcome | null>();
  readonly #waiting = new Map<number, (diverged: DivergedOutcome | null) => void>();

  set(seed: number, diverged: DivergedOutcome | null): void {
    this.#known.set(seed, diverged);
    this.#waiting.get(seed)?.(diverged);
  }

  /** How the shared classifier diverged; null if it is there. A process waits for one seed at a time. */
  async of(seed: number, signal: AbortSignal): Promise<DivergedOutcome | null> {
    const known = this.#known.get(seed);
    if (known !== undefined) return known;
    throwIfAborted(signal, "the ablation");
    return await new Promise((resolve, reject) => {
      this.#waiting.set(seed, resolve);
      signal.addEventListener("abort", () => reject(cancellation(signal, "the ablation")), { once: true });
    });
  }
}

async function performPiece(work: AblationWork, piece: Piece, shared: Shared): Promise<Result> {
  if (piece.kind === "shared") return { diverged: (await makeShared(work, piece.seed, piece.masks)) ?? null };
  const { cell, seed, heading } = piece;
  const diverged = piece.waits ? await shared.of(seed, work.signal) : null;
  if (diverged === null) return await performCell(work, cell, seed, heading);
  return { outcome: cell.name === wholeMethod ? diverged : blockedBy(diverged), skipped: false };
}

/** What a process does with the pieces of an ablation beside taking them. */
export interface PieceKeeping {
  /** Called with each cell as soon as it is known, one at a time; only process 0 has anything to keep. */
  readonly keep: (piece: Extract<Piece, { kind: "cell" }>, performed: PerformedCell) => Promise<void>;
  /** Called with what other processes warn of. */
  readonly warn: (text: string) => void;
  /** What this process has warned of and nobody has seen. */
  readonly takeWarnings: () => readonly string[];
}

/**
 * Takes part in the pieces of an ablation until all of them are done, by whatever process.
 * @throws WsssError what a piece throws; `WSSS_ERR_PROCESS_GROUP` if another process is lost or fails, in the middle of a piece too.
 */
export async function sharePieces(
  work: AblationWork,
  pieces: readonly Piece[],
  group: ProcessGroup,
  { keep, warn, takeWarnings }: PieceKeeping,
): Promise<void> {
  const donePieces = new DonePieces(group);
  const shared = new Shared();
  const stop = new AbortController();
  const signal = AbortSignal.any([work.signal, stop.signal]);
  const follow = async (): Promise<void> => {
    for await (const { piece: index, result, warnings } of donePieces.first(pieces.length, signal)) {
      const piece = pieces[index];
      for (const text of warnings) warn(text);
      if (piece?.kind === "shared" && "diverged" in result) shared.set(piece.seed, result.diverged);
      if (piece?.kind === "cell" && "outcome" in result) await keep(piece, result);
    }
  };
  const take = async (): Promise<void> => {
    for (;;) {
      const index = await group.claim("ablation/piece");
      const piece = pieces[index];
      if (piece === undefined) return;
      const result = await performPiece({ ...work, signal, neighbours: group }, piece, shared);
      await donePieces.add({ piece: index, result, warnings: takeWarnings() });
      await freeNativeMemory();
    }
  };
  // Whichever fails first says why; the other one then ends because of it, with its work saved.
  const both = [follow(), take()].map(async (part) => {
    try {
      await part;
    } catch (error) {
      stop.abort(error);
      throw error;
    }
  });
  try {
    await Promise.all(both);
  } finally {
    await Promise.allSettled(both);
  }
}
