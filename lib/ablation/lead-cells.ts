/** An ablation whose cells the processes of a group do, each another one: process 0 keeps the table, the others follow it. */
import { fingerprintDataset } from "../dataset/dataset-fingerprint.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import { shareCall } from "../process-group/share-call.js";
import type { GroupWork } from "../run/group-work.js";
import { openData } from "../run/open-data.js";
import { allSections, type PlanSections, resolveSections } from "../run/plan.js";
import { silentReporter } from "../run/reporter.js";
import { currentVersions } from "../run/run-record.js";
import { type CellName, cellsOf } from "./cells.js";
import type { AblationWork, PerformedCell } from "./perform-cell.js";
import { reportOutcome } from "./report-outcome.js";
import { type Piece, type PieceKeeping, piecesOf, sharePieces } from "./share-cells.js";

/** Name of the work that process 0 hands out. */
export const cellsWork = "ablation-cells";

/** Which cells are to be done. */
interface WantedCells {
  readonly names: readonly CellName[];
  readonly seeds: readonly number[];
}

/** What another process is told; the rest of its work it makes for itself. */
interface CellsContext extends WantedCells {
  readonly work: Omit<AblationWork, "dataset" | "signal" | "reporter" | "groupWork" | "neighbours">;
}

function piecesWanted({ given }: Pick<AblationWork, "given">, { names, seeds }: WantedCells): readonly Piece[] {
  const plan = resolveSections(given, allSections) as PlanSections;
  const cells = cellsOf(plan).filter(({ name }) => names.includes(name));
  return piecesOf(cells, seeds);
}

/**
 * Does cells together with the processes of a group.
 * @param keep - called with each cell as soon as it is known.
 * @throws WsssError as {@link sharePieces}.
 */
export async function leadCells(
  groupWork: GroupWork,
  work: AblationWork,
  wanted: WantedCells,
  keep: (seed: number, name: CellName, performed: PerformedCell) => Promise<void>,
): Promise<void> {
  const { root, data, given, device, checkpoints, tensorboard, force, forceUnlock, reporter } = work;
  const context: CellsContext = {
    ...wanted,
    work: { root, data, given, device, checkpoints, tensorboard, force, forceUnlock },
  };
  const { group } = groupWork;
  await groupWork.handOut(cellsWork, context);
  reporter.note(`${group.size} processes take the cells in turn; this shows what process 0 is at`);
  await shareCells(work, wanted, group, {
    keep: async ({ seed, cell, heading }, performed) => {
      await keep(seed, cell.name, performed);
      reportOutcome(reporter, heading, performed);
    },
    warn: (text) => reporter.warn(text),
    takeWarnings: () => [],
  });
}

/** The cells, by processes that see the same data and are of one version. */
async function shareCells(
  work: AblationWork,
  wanted: WantedCells,
  group: ProcessGroup,
  keeping: PieceKeeping,
): Promise<void> {
  const asked = async (): Promise<object> => {
    const { package: own, libtorch } = await currentVersions();
    return { call: "ablate", package: own, libtorch, dataset: await fingerprintDataset(work.dataset), ...wanted };
  };
  const pieces = piecesWanted(work, wanted);
  await shareCall(group, work.signal, asked, async () => await sharePieces(work, pieces, group, keeping));
}

/** Does cells for process 0 of a group, which keeps the table. @param context - as {@link leadCells} hands it out. */
export async function followCells(context: unknown, group: ProcessGroup, signal: AbortSignal): Promise<void> {
  const { work, ...wanted } = context as CellsContext;
  const dataset = await openData({ reporter: silentReporter, splits: ["train", "test"] }, work.data, work.given.subset);
  const warnings: string[] = [];
  const reporter = { ...silentReporter, warn: (text: string) => void warnings.push(text) };
  await shareCells({ ...work, dataset, signal, reporter }, wanted, group, {
    keep: async () => {
      // Process 0 keeps it.
    },
    warn: () => undefined,
    takeWarnings: () => warnings.splice(0),
  });
}
