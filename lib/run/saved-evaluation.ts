/** Evaluations in a run folder: counts as JSON, confusion matrix and scores by patch as CSV. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { WsssError } from "../errors.js";
import type { PatchCounts } from "../evaluation/patch-counts.js";
import {
  type BoundaryTolerance,
  type EvaluatedPatch,
  evaluationOfCounts,
  type PatchScores,
  type SegmentationEvaluation,
} from "../evaluation/segmentation-evaluation.js";
import { patchViews, type PatchViews } from "../native/patch-views.js";
import { readJsonIfPresent, writeText } from "./files.js";
import { csvTable, type MetricColumn } from "./metrics-file.js";

/** Folder of the run folder with what was evaluated, patch by patch. */
export const evaluationFolder = "evaluation";

/** Without or with the class gate. */
export type EvaluationName = "plain" | "gated";

/** The counts of an evaluation, from which every score can be had again. */
export interface SavedEvaluation {
  readonly format: 1;
  /** Name of the dataset. */
  readonly dataset: string;
  /** Names of the tissue classes. */
  readonly classes: readonly string[];
  readonly boundaryTolerancePx: BoundaryTolerance;
  /** What the segmenter looked at; absent for the patch alone. */
  readonly views?: PatchViews;
  /** Which execution of train-segmenter made the segmenter; null for one from elsewhere. */
  readonly segmenter: string | null;
  /** Of the test split, in its order. */
  readonly patches: readonly EvaluatedPatch[];
  readonly counts: PatchCounts;
}

const whole = z.array(z.int().min(0));
const evaluatedPatch = z.object({ stem: z.string(), patient: z.string().optional() });
const schema = z.object({
  format: z.literal(1),
  dataset: z.string(),
  classes: z.array(z.string()).min(1).max(254),
  boundaryTolerancePx: z.union([z.number(), z.literal("auto")]),
  views: z.enum(patchViews).optional(),
  segmenter: z.string().nullable(),
  patches: z
    .array(evaluatedPatch)
    .min(1)
    .refine((patches) => new Set(patches.map(({ stem }) => stem)).size === patches.length),
  counts: z.object({ offsets: whole, cells: whole, values: whole }),
});

/** File of a run folder with one evaluation. */
export function evaluationFile(name: EvaluationName): string {
  return join(evaluationFolder, `${name}.json`);
}

/** File of a run folder with the confusion matrix, for people. */
export function confusionFile(name: EvaluationName): string {
  return join(evaluationFolder, `${name}-confusion.csv`);
}

/** File of a run folder with the scores of each patch, for people. */
export function patchScoresFile(name: EvaluationName): string {
  return join(evaluationFolder, `${name}-patches.csv`);
}

function columnsOf(classes: readonly string[]): MetricColumn<PatchScores>[] {
  const ofClass = (what: "iou" | "dice" | "boundaryF1", heading: string): MetricColumn<PatchScores>[] =>
    classes.map((name, index) => ({ heading: `${heading} ${name}`, value: (patch) => patch[what][index] }));
  return [
    { heading: "patch", value: ({ stem }) => stem },
    { heading: "patient", value: ({ patient }) => patient },
    { heading: "pixelAccuracy", value: ({ pixelAccuracy }) => pixelAccuracy },
    { heading: "meanClassAccuracy", value: ({ meanClassAccuracy }) => meanClassAccuracy },
    { heading: "mIoU", value: ({ mIoU }) => mIoU },
    { heading: "fwIoU", value: ({ fwIoU }) => fwIoU },
    { heading: "meanBoundaryF1", value: ({ meanBoundaryF1 }) => meanBoundaryF1 },
    ...ofClass("iou", "IoU"),
    ...ofClass("dice", "Dice"),
    ...ofClass("boundaryF1", "boundary F1"),
  ];
}

/** A line for each class of the ground truth: how many of its pixels were taken for what. */
function confusionTable(classes: readonly string[], confusion: SegmentationEvaluation["confusion"]): string {
  const predicted = [...classes, "background"].map((name, column) => ({
    heading: `predicted ${name}`,
    value: (row: number) => confusion[row]?.[column],
  }));
  return csvTable<number>([{ heading: "true class", value: (row) => classes[row] }, ...predicted], [...classes.keys()]);
}

/**
 * Writes an evaluation into the run folder: its counts as JSON, confusion matrix and the scores of each patch as CSV.
 * @throws WsssError `WSSS_ERR_IO`
 */
export async function saveEvaluation(
  root: string,
  name: EvaluationName,
  origin: Pick<SavedEvaluation, "dataset" | "classes" | "segmenter" | "views">,
  { patches, counts, confusion, boundaryTolerancePx }: SegmentationEvaluation,
): Promise<void> {
  const saved: SavedEvaluation = {
    format: 1,
    ...origin,
    boundaryTolerancePx,
    patches: patches.map(({ stem, patient }) => ({ stem, ...(patient !== undefined && { patient }) })),
    counts,
  };
  // Not indented: there are dozens of numbers for each patch.
  await writeText(join(root, evaluationFile(name)), `${JSON.stringify(saved)}\n`);
  await writeText(join(root, confusionFile(name)), confusionTable(origin.classes, confusion));
  await writeText(join(root, patchScoresFile(name)), csvTable(columnsOf(origin.classes), patches));
}

/** Removes what earlier evaluations have left. */
export async function removeEvaluations(root: string): Promise<void> {
  await rm(join(root, evaluationFolder), { recursive: true, force: true });
}

/** An evaluation as it was saved, and its scores. */
export interface OpenedEvaluation {
  readonly path: string;
  readonly saved: SavedEvaluation;
  readonly evaluation: SegmentationEvaluation;
}

/**
 * Reads an evaluation that {@link saveEvaluation} wrote.
 * @returns undefined if there is no such file.
 * @throws WsssError `WSSS_ERR_DATASET` if it is of another kind or damaged, `WSSS_ERR_IO`.
 */
export async function openEvaluation(path: string, signal?: AbortSignal): Promise<OpenedEvaluation | undefined> {
  const found = await readJsonIfPresent(path);
  if (found === undefined) return undefined;
  const checked = schema.safeParse(found);
  const broken = (): WsssError =>
    new WsssError("WSSS_ERR_DATASET", `${path} is no evaluation of this version; run evaluate again`, { path });
  if (!checked.success || checked.data.counts.offsets.length !== checked.data.patches.length + 1) throw broken();
  const saved = checked.data as SavedEvaluation;
  try {
    const evaluation = await evaluationOfCounts(saved.counts, { ...saved, classCount: saved.classes.length }, signal);
    return { path, saved, evaluation };
  } catch (error) {
    if (error instanceof WsssError && error.code === "WSSS_ERR_SHAPE") throw broken();
    throw error;
  }
}
