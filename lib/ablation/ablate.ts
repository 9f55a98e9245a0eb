/** An ablation from its options to its table: every cell with every seed, resumed where it stopped. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { throwIfAborted } from "../async/cancellation.js";
import { fingerprintDataset } from "../dataset/dataset-fingerprint.js";
import type { Dataset } from "../dataset/open-dataset.js";
import { type Difference, differencesBetween } from "../files/fingerprint.js";
import { makeFolder } from "../files/make-folder.js";
import { checkOptions } from "../options/check.js";
import * as fields from "../options/fields.js";
import { reportFileName } from "../report/report-file.js";
import { checkPlan } from "../run/check-plan.js";
import type { RunCheckpoints, RunDevice } from "../run/context.js";
import { dataLocation, openData } from "../run/open-data.js";
import type { GroupWork } from "../run/group-work.js";
import { mergeOptions, type PlanOptions } from "../run/plan-options.js";
import { allSections, type PlanSections, recordedPlan, resolveSections } from "../run/plan.js";
import { refuseDifferences } from "../run/refuse-differences.js";
import type { RunReporter } from "../run/reporter.js";
import { assertTestMasks } from "../run/stages/evaluation-stage.js";
import { whileLocked } from "../run/run-lock.js";
import type { DataLocation } from "../run/data-location.js";
import { currentVersions } from "../run/run-record.js";
import { readAblation, writeAblation } from "./ablation-file.js";
import { writeAblationReport } from "./ablation-report.js";
import type { Ablation } from "./ablation.js";
import { type Cell, type CellName, cellsOf } from "./cells.js";
import { type CellChoice, type CellQuestion, chooseCells } from "./choose-cells.js";
import { type ComparisonCache, forgetComparisons } from "./differences.js";
import { OutcomeGrid } from "./outcome-grid.js";
import { leadCells } from "./lead-cells.js";
import type { AblationWork, PerformedCell } from "./perform-cell.js";
import { performSeed } from "./perform-seed.js";

/** What a command wants of the folder of an ablation. */
export interface AblationRequest {
  /** The ablation's folder; made if it is not there. */
  readonly out: string;
  /** Where the patches are. @defaultValue where they were for this folder the last time */
  readonly data?: DataLocation | undefined;
  /** Seeds that each cell is trained with, none twice. @defaultValue those of the folder's table, at first 0, 1 and 2 */
  readonly seeds?: readonly number[] | undefined;
  /**
   * Names of the cells to train, or `"all"`.
   * @defaultValue those of the folder's table, at first all
   */
  readonly only?: readonly string[] | "all" | undefined;
  /** Options of all cells as they were given, without a seed; on top of those that the folder was given before. */
  readonly given: Omit<PlanOptions, "seed">;
  /** @defaultValue as for this folder the last time, at first `auto` and all cores */
  readonly device?: Partial<RunDevice> | undefined;
  /** @defaultValue resume, a checkpoint after each epoch, the newest two kept */
  readonly checkpoints?: Partial<RunCheckpoints> | undefined;
  /** Whether trainings write event files for TensorBoard, into `tensorboard/` of their cell's folder. @defaultValue `false` */
  readonly tensorboard?: boolean | undefined;
  /** Whether options may differ from those of the folder; what depends on them is done again. */
  readonly force: boolean;
  /** Whether folders are taken although a process of another machine or container is perhaps at work in them. @defaultValue `false` */
  readonly forceUnlock?: boolean | undefined;
  /** Hands work out to the processes of a group, of which this one is process 0. @defaultValue this process alone */
  readonly groupWork?: GroupWork | undefined;
  /**
   * What the processes share out: the `steps` of every training, or the `cells`, of which each process then does one at a time.
   * @defaultValue `"steps"`
   */
  readonly parallel?: "steps" | "cells" | undefined;
  readonly signal: AbortSignal;
  readonly reporter: RunReporter;
  /** The command line, for the record. */
  readonly command?: string | undefined;
}

const schema = z.strictObject({
  seeds: z
    .array(fields.seed)
    .min(1)
    .refine((seeds) => new Set(seeds).size === seeds.length, "seeds of which none is named twice"),
});

/** What is decided before the folder is touched. */
interface Prepared {
  /** The folder's table, if it is of the same options. */
  readonly before: Ablation | undefined;
  readonly data: DataLocation;
  readonly dataset: Dataset;
  readonly given: PlanOptions;
  readonly plan: PlanSections;
  readonly seeds: readonly number[];
  readonly choice: CellChoice;
  readonly header: Omit<Ablation, "cells" | "seeds">;
}

/** A plan without its seeds, which differ from run to run. */
function seedless(plan: Partial<PlanSections>): Partial<PlanSections> {
  const text = JSON.stringify(plan, (key, value: unknown) => (key === "seed" ? undefined : value));
  return JSON.parse(text) as Partial<PlanSections>;
}

function withoutRepeats(texts: readonly (string | undefined)[]): string[] {
  return [...new Set(texts.filter((text) => text !== undefined))];
}

/** The cells of this command: as it says, else those of the table so far, else all. */
function choose(
  { only, reporter }: AblationRequest,
  before: Ablation | undefined,
  question: Omit<CellQuestion, "only">,
): CellChoice {
  const known = before?.cells.map(({ name }) => name);
  const choice = chooseCells({ ...question, only: only === "all" ? undefined : (only ?? known) });
  const more = chooseCells(question).cells.length - choice.cells.length;
  if (only === undefined && more > 0) reporter.note(`the cells are those of the table so far; --only all adds ${more}`);
  return choice;
}

/** Whether a command asks for more than the folder's table has; one that only goes on leaves the record as it is. */
function isNew(
  before: Ablation | undefined,
  { given, seeds, cells }: Pick<Prepared, "given" | "seeds"> & CellChoice,
): boolean {
  if (before === undefined || differencesBetween(before.given, given).length > 0) return true;
  const known = before.cells.map(({ name }) => name);
  return seeds.some((seed) => !before.seeds.includes(seed)) || cells.some(({ name }) => !known.includes(name));
}

/** Checks the options of every cell, also against the data, now and not when its turn comes after hours. */
function checkCells(cells: readonly Cell[], given: PlanOptions, dataset: Dataset): void {
  assertTestMasks(dataset);
  for (const { options } of cells) {
    // What a cell shares with another is made by the same options.
    checkPlan(resolveSections(mergeOptions(given, options), allSections), dataset, {});
  }
}

async function prepare(request: AblationRequest): Promise<Prepared> {
  const { out, command } = request;
  const stored = await readAblation(out);
  const given = mergeOptions(stored?.given, request.given);
  const plan = resolveSections(given, allSections) as PlanSections;
  const { seeds } = checkOptions(schema, "ablate", { seeds: request.seeds ?? stored?.seeds ?? [0, 1, 2] });
  const data = dataLocation(request, stored?.data);
  const dataset = await openData({ ...request, splits: ["train", "test"] }, data, given.subset);
  const fingerprint = await fingerprintDataset(dataset);
  const now = { plan: seedless(recordedPlan(plan)), dataset: fingerprint };
  const differences: Difference[] =
    stored === undefined
      ? []
      : [...differencesBetween(stored.plan, now.plan), ...differencesBetween(stored.dataset, now.dataset, "dataset")];
  refuseDifferences("an ablation", request, differences);
  // Scores of other options are no part of this table, even where they were the folder's.
  const before = differences.length > 0 ? undefined : stored;
  const choice = choose(request, before, { plan, train: dataset.train });
  checkCells(choice.cells, given, dataset);
  const added = isNew(before, { given, seeds, ...choice }) ? [command] : [];
  const header = {
    format: 1,
    startedAt: before?.startedAt ?? new Date().toISOString(),
    versions: await currentVersions(),
    commands: withoutRepeats([...(before?.commands ?? []), ...added]),
    data,
    ...now,
    device: { ...stored?.device, ...request.device },
    given,
    notes: withoutRepeats([...(before?.notes ?? []), ...choice.notes]),
  } as const;
  return { before, data, dataset, given, plan, seeds, choice, header };
}

/** Writes the page of the table; one that can't be written is no reason to stop. */
async function keepReport(
  { root, signal, reporter }: AblationWork,
  table: Ablation,
  known: ComparisonCache,
): Promise<void> {
  try {
    await writeAblationReport(root, table, { known, signal });
  } catch (error) {
    if (signal.aborted) return;
    const why = error instanceof Error ? error.message : String(error);
    reporter.warn(`${reportFileName} of the ablation is not up to date: ${why}`);
  }
}

/**
 * Trains and scores the method and what it is made of: each single level, no PDA, the published recipe, no mosaics, mosaics alone,
 * self-training, full supervision; each with several seeds, each a run folder of its own, `<out>/seed-<seed>/<cell>`. The class gate is
 * no cell: every segmenter is scored without and with it.
 *
 * The table, `ablation.json`, `ablation.md` and `report.html`, is written after every cell. A cell that diverges is a result and no error; the others
 * go on. What is done is skipped, so that the same call goes on after an interruption.
 *
 * @throws WsssError `WSSS_ERR_OPTION` if an option or a cell's name is wrong, or options differ from those of the folder without
 *   `force`; `WSSS_ERR_DATASET`; `WSSS_ERR_BUSY` while another process works in the folder; `WSSS_ERR_IO`;
 *   `WSSS_ERR_CANCELLED`; and what a stage throws.
 */
export async function ablate(request: AblationRequest): Promise<Ablation> {
  const { out: root, checkpoints, tensorboard, force, forceUnlock, groupWork, parallel, reporter } = request;
  const { before, data, dataset, given, plan, seeds, choice, header } = await prepare(request);
  for (const note of choice.notes) reporter.note(note);
  await makeFolder(root);
  return await whileLocked({ ...request, folder: root }, async (signal) => {
    const names = choice.cells.map(({ name }) => name);
    const grid = new OutcomeGrid(cellsOf(plan), names, seeds, before);
    const table = (): Ablation => ({ ...header, seeds: grid.seeds, cells: grid.report() });
    const { device } = header;
    const work: AblationWork = {
      root,
      data,
      dataset,
      given,
      device,
      checkpoints,
      tensorboard,
      force,
      forceUnlock,
      signal,
      reporter,
    };
    const known: ComparisonCache = new Map();
    const report = async (): Promise<void> => await keepReport(work, table(), known);
    await writeAblation(root, table());
    const keep = async (seed: number, name: CellName, { outcome, skipped }: PerformedCell): Promise<void> => {
      grid.set(seed, name, outcome);
      await writeAblation(root, table());
      if (skipped) return;
      forgetComparisons(known, seed, name);
      await report();
    };
    if (groupWork === undefined && parallel === "cells") {
      reporter.note("there is one process only: it does the cells one after the other; --processes starts others");
    }
    if (groupWork !== undefined && parallel === "cells") {
      await leadCells(groupWork, work, { names, seeds }, keep);
    } else {
      for (const [index, seed] of seeds.entries()) {
        throwIfAborted(signal, "the ablation");
        const place = { first: index * choice.cells.length + 1, total: seeds.length * choice.cells.length };
        await performSeed({ ...work, groupWork }, choice.cells, seed, place, keep);
      }
    }
    // A folder of before there were reports, in which all was done.
    if (!existsSync(join(root, reportFileName))) await report();
    return table();
  });
}
