/** What the report understands of the JSON files of a run folder; whatever is missing or of another form is null. */
import { z } from "zod";

const score = z.number().nullable().catch(null);
const scoreList = z.array(score).catch([]);
const interval = z.tuple([score, score]).catch([null, null]);
const intervalList = z.array(interval).catch([]);
const text = z.string().nullable().catch(null);
const count = z.number().nullable().catch(null);
const options = z.record(z.string(), z.unknown()).catch({});

const splitFacts = z.looseObject({ count, masks: text }).nullable().catch(null);
const classFacts = z.looseObject({ name: z.string(), colour: z.array(z.number()).catch([]) });

/** `run.json`, of this version or an earlier one. */
export const recordSchema = z.looseObject({
  versions: z
    .looseObject({ package: text, node: text, libtorch: text })
    .catch({ package: null, node: null, libtorch: null }),
  createdAt: text,
  data: z.looseObject({ folder: text }).catch({ folder: null }),
  device: options,
  dataset: z
    .looseObject({
      name: text,
      classes: z.array(classFacts).catch([]),
      train: splitFacts,
      val: splitFacts,
      test: splitFacts,
    })
    .catch({ name: null, classes: [], train: null, val: null, test: null }),
  base: options,
  given: options,
  plan: options,
});

/** The facts of `run.json`. */
export type RecordFacts = z.output<typeof recordSchema>;

/** The marker of a finished stage. */
export const markerSchema = z.looseObject({
  id: text,
  result: z.unknown(),
  finishedAt: text,
  elapsedMs: count,
});

const segmentation = z.looseObject({
  accuracy: score,
  meanClassAccuracy: score,
  mIoU: score,
  fwIoU: score,
  meanBoundaryF1: score,
  iou: scoreList,
  dice: scoreList,
  boundaryF1: scoreList,
});
const intervals = z.looseObject({
  by: text,
  units: count,
  level: count,
  accuracy: interval,
  meanClassAccuracy: interval,
  mIoU: interval,
  fwIoU: interval,
  meanBoundaryF1: interval,
  iou: intervalList,
  dice: intervalList,
  boundaryF1: intervalList,
});
const testScores = segmentation.extend({ intervals: intervals.nullable().catch(null) });

/** Scores of a segmentation, fractions 0..1. */
export type SegmentationFacts = z.output<typeof segmentation>;
/** Scores of the test patches, with intervals where there are any. */
export type TestFacts = z.output<typeof testScores>;
/** From where to where a score lies. */
export type IntervalFacts = z.output<typeof interval>;

const classifierScores = z.looseObject({ exactMatch: score, jaccard: score, classAccuracy: scoreList });

/** `result.json`, and the results of the stages that it is made of. */
export const resultSchema = z.looseObject({
  classifier: classifierScores.nullable().catch(null),
  pseudoMasks: z.record(z.string(), segmentation).nullable().catch(null),
  segmenter: z
    .looseObject({ plain: testScores.nullable().catch(null), gated: testScores.nullable().catch(null) })
    .nullable()
    .catch(null),
});

/** The result of the stage that draws pseudo masks. */
export const maskResultSchema = z.looseObject({ scores: z.record(z.string(), segmentation).nullable().catch(null) });

/** The result of a training. */
export const trainingResultSchema = z.looseObject({ epochs: count, steps: count, bestEpoch: count, bestScore: count });

const ranked = z.looseObject({
  rank: z.enum(["best", "median", "worst"]),
  place: z.number(),
  stem: z.string(),
  mIoU: score,
  picture: z.string(),
});

/** The result of the stage that draws pictures. */
export const picturesSchema = z.looseObject({
  pictures: z.array(z.string()).catch([]),
  ranked: z.array(ranked).catch([]),
});

/** A test patch that stands out by its score, and its picture. */
export type RankedFacts = z.output<typeof ranked>;

const whole = z.array(z.int().min(0));

/** `evaluation/plain.json` and `evaluation/gated.json`. */
export const countsSchema = z.looseObject({
  classes: z.array(z.string()).min(1).max(254),
  segmenter: text,
  patches: z.array(z.looseObject({ stem: z.string(), patient: z.string().optional() })),
  counts: z.looseObject({ offsets: whole, cells: whole, values: whole }),
});

/** The pixel counts of an evaluation. */
export type CountsFacts = z.output<typeof countsSchema>;
