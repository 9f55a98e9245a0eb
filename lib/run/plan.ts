import { z } from "zod";

import { checkOptions } from "../options/check.js";
import { type ResolvedClassifierTraining, resolveClassifierTraining } from "../options/classifier-training.js";
import * as fields from "../options/fields.js";
import { type GateSettings, type PseudoMaskSettings, resolveGate, resolvePseudoMasks } from "../options/inference.js";
import { type ResolvedSegmenterTraining, resolveSegmenterTraining } from "../options/segmenter-training.js";
import type { Complete } from "../options/training.js";
import type { PlanOptions } from "./plan-options.js";

/** Complete options of each part of a run. The key of a stage is made of its section. */
export interface PlanSections {
  readonly classifier: {
    readonly seed: number;
    readonly width: number;
    readonly weights: string | null;
    readonly training: ResolvedClassifierTraining;
  };
  readonly pseudoMasks: Complete<PseudoMaskSettings>;
  readonly segmenter: {
    readonly seed: number;
    readonly width: number;
    readonly weights: string | null;
    readonly outputStride: 8 | 16;
    readonly masks: "pseudo" | "ground-truth";
    readonly training: ResolvedSegmenterTraining;
  };
  readonly evaluation: Complete<GateSettings> & { readonly gate: boolean };
  readonly pictures: { readonly count: number };
}

/** Name of a part of the plan. */
export type SectionName = keyof PlanSections;

const network = {
  seed: fields.seed.default(0),
  width: z.number().gt(0).max(4).default(1),
  weights: fields.path.optional(),
};
const classifierSchema = z.strictObject({ ...network, training: z.unknown().optional() });
const segmenterSchema = z.strictObject({
  ...network,
  outputStride: z.union([z.literal(8), z.literal(16)]).default(16),
  masks: z.enum(["pseudo", "ground-truth"]).default("pseudo"),
  training: z.unknown().optional(),
});
const evaluationSchema = z.strictObject({ gate: fields.flag.default(true) });
const picturesSchema = z.strictObject({ count: fields.countOrNone.default(8) });

function classifierSection({ seed, recipe, classifier = {} }: PlanOptions): PlanSections["classifier"] {
  const { weights, ...checked } = checkOptions(classifierSchema, "run, classifier", { seed, ...classifier });
  const training = resolveClassifierTraining(
    { seed: checked.seed, recipe, ...classifier.training },
    { pretrained: weights !== undefined },
  );
  return { seed: checked.seed, width: checked.width, weights: weights ?? null, training };
}

function segmenterSection({ seed, recipe, segmenter = {} }: PlanOptions): PlanSections["segmenter"] {
  const { weights, ...checked } = checkOptions(segmenterSchema, "run, segmenter", { seed, ...segmenter });
  const training = resolveSegmenterTraining({ seed: checked.seed, recipe, ...segmenter.training });
  const { width, outputStride, masks } = checked;
  return { seed: checked.seed, width, weights: weights ?? null, outputStride, masks, training };
}

function evaluationSection({ recipe, evaluation = {} }: PlanOptions): PlanSections["evaluation"] {
  const { gate, ...settings } = evaluation;
  return { ...checkOptions(evaluationSchema, "run, evaluation", { gate }), ...resolveGate({ recipe, ...settings }) };
}

const resolvers: { readonly [Name in SectionName]: (options: PlanOptions) => PlanSections[Name] } = {
  classifier: classifierSection,
  pseudoMasks: ({ recipe, pseudoMasks }) => resolvePseudoMasks({ recipe, ...pseudoMasks }),
  segmenter: segmenterSection,
  evaluation: evaluationSection,
  pictures: (options) => checkOptions(picturesSchema, "run, pictures", options.pictures),
};

/**
 * Fills in and checks the named parts of a plan, touching no file and no device.
 * @throws WsssError `WSSS_ERR_OPTION` naming option, bound and value.
 */
export function resolveSections(options: PlanOptions, names: readonly SectionName[]): Partial<PlanSections> {
  return Object.fromEntries(names.map((name) => [name, resolvers[name](options)]));
}
