/** Scores of patches, patients and the whole test set, from the saved pixel counts of an evaluation. */
import type { CountsFacts } from "./folder-schema.js";

/** Pixel counts [K][K + 1]: rows are ground truth, columns prediction, the last one background. */
export type Confusion = readonly (readonly number[])[];

/** Scores of some patches together, as fractions; null where nothing is scored. */
export interface PixelScores {
  readonly accuracy: number | null;
  readonly mIoU: number | null;
  /** One for each class; null for a class that is in neither ground truth nor prediction. */
  readonly iou: readonly (number | null)[];
}

/** A patient or a patch, and how well it was segmented. */
export interface ScoredGroup {
  readonly name: string;
  readonly patches: number;
  readonly scores: PixelScores;
}

/** What is known of an evaluation beside its scores. */
export interface PooledCounts {
  readonly classes: readonly string[];
  /** Which execution of train-segmenter was evaluated; null for a segmenter from elsewhere. */
  readonly segmenter: string | null;
  readonly confusion: Confusion;
  readonly patches: readonly ScoredGroup[];
  /** Null where the dataset does not say whom each patch is of. */
  readonly patients: readonly ScoredGroup[] | null;
}

/** Calls `take` for each cell of the matrix of some patches; the counts of boundaries behind it are left out. */
function eachCell(
  { classes, counts }: CountsFacts,
  patches: readonly number[],
  take: (truth: number, predicted: number, pixels: number) => void,
): void {
  const columns = classes.length + 1;
  for (const patch of patches) {
    const [from, to] = [counts.offsets[patch] ?? 0, counts.offsets[patch + 1] ?? 0];
    for (let entry = from; entry < to; entry++) {
      const cell = counts.cells[entry] ?? 0;
      const truth = Math.floor(cell / columns);
      if (truth < classes.length) take(truth, cell % columns, counts.values[entry] ?? 0);
    }
  }
}

function confusionOf(saved: CountsFacts, patches: readonly number[]): number[][] {
  const confusion = saved.classes.map(() => new Array<number>(saved.classes.length + 1).fill(0));
  eachCell(saved, patches, (truth, predicted, pixels) => {
    const row = confusion[truth];
    if (row !== undefined) row[predicted] = (row[predicted] ?? 0) + pixels;
  });
  return confusion;
}

const sumOf = (values: Iterable<number>): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};

/** Without the matrix itself, which would be large for each of many patches. */
function scoresOfPatches(saved: CountsFacts, members: readonly number[]): PixelScores {
  const classCount = saved.classes.length;
  const truths = new Float64Array(classCount);
  const predictions = new Float64Array(classCount + 1);
  const rights = new Float64Array(classCount);
  eachCell(saved, members, (truth, predicted, pixels) => {
    truths[truth] = (truths[truth] ?? 0) + pixels;
    predictions[predicted] = (predictions[predicted] ?? 0) + pixels;
    if (truth === predicted) rights[truth] = (rights[truth] ?? 0) + pixels;
  });
  const iou = saved.classes.map((_, index) => {
    const right = rights[index] ?? 0;
    const union = (truths[index] ?? 0) + (predictions[index] ?? 0) - right;
    return union === 0 ? null : right / union;
  });
  const known = iou.filter((value) => value !== null);
  const total = sumOf(truths);
  if (total === 0) return { accuracy: null, mIoU: null, iou };
  return { accuracy: sumOf(rights) / total, mIoU: sumOf(known) / known.length, iou };
}

/** Pools the counts of an evaluation by patch, by patient, and as a whole. */
export function poolCounts(saved: CountsFacts): PooledCounts {
  const { classes, segmenter, patches } = saved;
  const all = patches.map((_, index) => index);
  const group = (name: string, members: readonly number[]): ScoredGroup => ({
    name,
    patches: members.length,
    scores: scoresOfPatches(saved, members),
  });
  const ofPatient = new Map<string, number[]>();
  for (const [index, { patient }] of patches.entries()) {
    if (patient !== undefined) ofPatient.set(patient, [...(ofPatient.get(patient) ?? []), index]);
  }
  const isKnown = patches.length > 0 && patches.every(({ patient }) => patient !== undefined);
  return {
    classes,
    segmenter,
    confusion: confusionOf(saved, all),
    patches: patches.map(({ stem }, index) => group(stem, [index])),
    patients: isKnown ? [...ofPatient].map(([name, members]) => group(name, members)) : null,
  };
}
