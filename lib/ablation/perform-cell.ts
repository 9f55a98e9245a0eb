/** One cell of an ablation with one seed: its run folder, all stages, and what it shares with other cells. */
import { WsssError } from "../errors.js";
import { join } from "node:path";
import type { Dataset } from "../dataset/open-dataset.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import type { RunCheckpoints, RunContext, RunDevice, RunSources } from "../run/context.js";
import type { GroupWork } from "../run/group-work.js";
import { withRun } from "../run/open-run.js";
import { runPipeline } from "../run/pipeline.js";
import { mergeOptions, type PlanOptions } from "../run/plan-options.js";
import { allSections } from "../run/plan.js";
import type { RunReporter } from "../run/reporter.js";
import type { DataLocation } from "../run/data-location.js";
import { pseudoMaskFolder } from "../run/sources.js";
import { performClassifierStage } from "../run/stages/classifier-stage.js";
import { performPseudoMasksStage } from "../run/stages/pseudo-masks-stage.js";
import type { BlockedOutcome, CellOutcome, DivergedOutcome } from "./ablation.js";
import { CellReporter } from "./cell-reporter.js";
import { type Cell, type Shares, wholeMethod } from "./cells.js";
import { orDiverged } from "./divergence.js";
import { folderOfCell } from "./outcome-grid.js";

/** What all cells of an ablation work with. */
export interface AblationWork {
  /** Folder of the ablation. */
  readonly root: string;
  readonly data: DataLocation;
  readonly dataset: Dataset;
  readonly given: PlanOptions;
  readonly device: Partial<RunDevice> | undefined;
  readonly checkpoints: Partial<RunCheckpoints> | undefined;
  readonly tensorboard: boolean | undefined;
  readonly force: boolean;
  readonly forceUnlock: boolean | undefined;
  /** Hands every stage out to the processes of a group. */
  readonly groupWork?: GroupWork | undefined;
  /** Processes that work at other cells. */
  readonly neighbours?: ProcessGroup | undefined;
  readonly signal: AbortSignal;
  readonly reporter: RunReporter;
}

/** A cell that is done, now or before. */
export interface PerformedCell {
  readonly outcome: CellOutcome;
  /** Whether nothing had to be worked at. */
  readonly skipped: boolean;
}

/** What a cell's run stands on, seen from its own folder. */
function basisOf(shares: Shares): RunSources {
  if (shares === "nothing") return {};
  const classifier = join("..", wholeMethod, "classifier.safetensors");
  return shares === "classifier" ? { classifier } : { classifier, masks: join("..", wholeMethod, pseudoMaskFolder) };
}

/** Works in the run folder of a cell. */
async function inCell<Result>(
  { root, given, dataset, ...work }: AblationWork,
  cell: Pick<Cell, "name" | "options" | "shares">,
  seed: number,
  reporter: RunReporter,
  act: (context: RunContext) => Promise<Result>,
): Promise<Result> {
  const request = {
    ...work,
    out: join(root, folderOfCell(seed, cell.name)),
    opened: dataset,
    splits: ["train", "test"],
    sections: allSections,
    given: mergeOptions(given, cell.options, { seed }),
    basis: basisOf(cell.shares),
    reporter,
  } as const;
  return await withRun(request, act);
}

/**
 * All stages of a cell with one seed, in a run folder of its own.
 * @param heading - says which cell of how many it is.
 * @throws WsssError as `runPipeline`, but for a divergence.
 */
export async function performCell(
  work: AblationWork,
  cell: Cell,
  seed: number,
  heading: string,
): Promise<PerformedCell> {
  const reporter = new CellReporter(work.reporter, heading);
  const outcome = await inCell(work, cell, seed, reporter, async (context) => {
    return await orDiverged(context, reporter, async () => {
      const { result, stages } = await runPipeline(context, performance.now());
      // Not the time of this command, which skips what is done: the same table comes out however often it was interrupted.
      const elapsedMs = stages.reduce((sum, stage) => sum + stage.elapsedMs, 0);
      const { classifier, segmenter } = result;
      if (classifier === undefined || segmenter === undefined) {
        throw new WsssError("WSSS_ERR_INTERNAL", "a cell without scores was let through to where they are needed");
      }
      return { status: "done", ...result, classifier, segmenter, elapsedMs } as const;
    });
  });
  return { outcome, skipped: reporter.stage === undefined };
}

/**
 * Makes what other cells share with `multi-layer`, in its run folder, where `multi-layer` itself was not asked for.
 * @returns undefined when it is there, or how its classifier diverged.
 */
export async function makeShared(
  work: AblationWork,
  seed: number,
  masks: boolean,
): Promise<DivergedOutcome | undefined> {
  const reporter = new CellReporter(work.reporter, `seed ${seed}: what cells share with ${wholeMethod}`);
  const cell = { name: wholeMethod, options: {}, shares: "nothing" } as const;
  return await inCell(work, cell, seed, reporter, async (context) => {
    const make = async (): Promise<undefined> => {
      await performClassifierStage(context);
      if (masks) await performPseudoMasksStage(context);
    };
    return await orDiverged(context, reporter, make, isOfClassifier);
  });
}

/** Whether it is what others share that diverged. */
export function isOfClassifier({ stage }: DivergedOutcome): boolean {
  return stage === "train-classifier";
}

/** The outcome of a cell whose share of `multi-layer` is missing. */
export function blockedBy({ step }: DivergedOutcome): BlockedOutcome {
  return { status: "blocked", message: `the classifier of ${wholeMethod} diverged at step ${step}` };
}
