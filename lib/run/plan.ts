/** The plan of a run: the options of every part, checked and with all defaults filled in. */
import { z } from "zod";
import {
  classifierTrainingTable,
  resolveClassifierTraining,
  type ResolvedClassifierTraining,
} from "../classifier/classifier-training-options.js";
import { boundaryTolerancePx } from "../evaluation/boundary-tolerance.js";
import type { EvaluationSettings } from "../evaluation/evaluation-settings.js";
import {
  type ClassifierBackbone,
  classifierBackbones,
  type SegmenterBackbone,
  segmenterBackbones,
} from "../model/backbones.js";
import { refuseKeyAlone } from "../model/model-options.js";
import type { Complete } from "../model/training-options.js";
import { checkOptions, refuseOption } from "../options/check.js";
import { recordedSettings } from "../options/declared-option.js";
import * as fields from "../options/fields.js";
import { type NamedNetwork, pretrainedNameOf } from "../pretrained/weights-of-name.js";
import { pseudoMaskOptionTable } from "../pseudo-masks/pseudo-mask-option-table.js";
import { resolvePseudoMasks } from "../pseudo-masks/pseudo-mask-options.js";
import type { PseudoMaskSettings } from "../pseudo-masks/pseudo-mask-settings.js";
import type { GateSettings } from "../segmenter/gate-settings.js";
import { viewOptionTable } from "../segmenter/view-option-table.js";
import type { ViewSettings } from "../segmenter/view-settings.js";
import { resolveGate, resolveViews } from "../segmenter/segmentation-options.js";
import {
  type ResolvedSegmenterTraining,
  resolveSegmenterTraining,
  segmenterTrainingTable,
} from "../segmenter/segmenter-training-options.js";
import type { PlanOptions } from "./plan-options.js";

/** What both networks are made from. */
interface NetworkSection<Backbone> {
  readonly seed: number;
  readonly width: number;
  readonly backbone: Backbone;
  readonly weights: string | null;
  /** Only where they were given, so that run folders of before there was a choice stay what they are. */
  readonly weightsKey?: string;
  readonly strict?: false;
  readonly foldNormalization: boolean;
}

/** Complete options of each part of a run; stages work with them as they are. */
export interface PlanSections {
  readonly classifier: NetworkSection<ClassifierBackbone> & { readonly training: ResolvedClassifierTraining };
  readonly pseudoMasks: Complete<PseudoMaskSettings>;
  readonly segmenter: NetworkSection<SegmenterBackbone> & {
    readonly outputStride: 8 | 16;
    readonly headWidth: number;
    readonly masks: "pseudo" | "ground-truth";
    /** Only where there are some, so that run folders of before there was a choice stay what they are. */
    readonly rounds?: number;
    readonly training: ResolvedSegmenterTraining;
  };
  readonly evaluation: Complete<GateSettings> &
    Complete<ViewSettings> &
    Complete<EvaluationSettings> & { readonly gate: boolean };
  readonly pictures: { readonly count: number };
}

/** Name of a part of the plan. */
export type SectionName = keyof PlanSections;

/** All parts of a plan. */
export const allSections = ["classifier", "pseudoMasks", "segmenter", "evaluation", "pictures"] as const;

const network = {
  seed: fields.seed.default(0),
  width: z.number().gt(0).max(4).default(1),
  weights: fields.path.optional(),
  // Empty: none, whatever the run folder was given before.
  weightsKey: z.union([z.literal(""), fields.weightsKey]).optional(),
  strict: fields.flag.default(true),
  foldNormalization: fields.flag.optional(),
};
const classifierSchema = z.strictObject({
  ...network,
  backbone: z.enum(classifierBackbones).default("resnet38"),
  training: z.unknown().optional(),
});
const segmenterSchema = z.strictObject({
  ...network,
  backbone: z.enum(segmenterBackbones).default("resnet101"),
  outputStride: z.union([z.literal(8), z.literal(16)]).default(16),
  headWidth: z.number().gt(0).max(4).optional(),
  masks: z.enum(["pseudo", "ground-truth"]).default("pseudo"),
  rounds: z.int().min(0).max(20).default(0),
  training: z.unknown().optional(),
});
const evaluationSchema = z.strictObject({ gate: fields.flag.default(true), boundaryTolerancePx });
const picturesSchema = z.strictObject({ count: fields.countOrNone.default(8) });

/** The published code feeds values in 0..1 to weights that were trained on normalised ones. */
function foldsByRecipe(recipe: PlanOptions["recipe"]): boolean {
  return recipe !== "published";
}

interface GivenWeights {
  readonly weights: string | undefined;
  readonly weightsKey: string | undefined;
  readonly strict: boolean;
}

/** How a weight file is read, where it is not as usual. */
function loadingOf(
  call: string,
  { weights, weightsKey = "", strict }: GivenWeights,
): { weightsKey?: string; strict?: false } {
  refuseKeyAlone(call, weights, weightsKey);
  return { ...(weightsKey !== "" && { weightsKey }), ...(!strict && weights !== undefined && { strict }) };
}

/** Weights that are named for another network are refused before anything is fetched. */
function refuseOtherWeights(call: string, weights: string | undefined, wanted: NamedNetwork): void {
  if (weights !== undefined) pretrainedNameOf(call, weights, wanted);
}

function classifierSection({ seed, recipe, classifier = {} }: PlanOptions): PlanSections["classifier"] {
  const checked = checkOptions(classifierSchema, "run, classifier", { seed, ...classifier });
  const { weights, weightsKey, strict, foldNormalization = foldsByRecipe(recipe), ...network } = checked;
  const loading = loadingOf("run, classifier", { weights, weightsKey, strict });
  refuseOtherWeights("run, classifier", weights, network);
  const training = resolveClassifierTraining(
    { seed: checked.seed, recipe, ...classifier.training },
    { pretrained: weights !== undefined, backbone: network.backbone },
  );
  return { ...network, weights: weights ?? null, ...loading, foldNormalization, training };
}

function segmenterSection({ seed, recipe, segmenter = {} }: PlanOptions): PlanSections["segmenter"] {
  const checked = checkOptions(segmenterSchema, "run, segmenter", { seed, ...segmenter });
  const { weights, weightsKey, strict, headWidth = checked.width, rounds, ...others } = checked;
  if (rounds > 0 && checked.masks !== "pseudo") {
    throw refuseOption(
      "run, segmenter",
      "rounds",
      '0 with masks "ground-truth": only pseudo masks are drawn again',
      rounds,
    );
  }
  const { foldNormalization = foldsByRecipe(recipe), ...network } = others;
  const training = resolveSegmenterTraining(
    { seed: checked.seed, recipe, ...segmenter.training },
    { pretrained: weights !== undefined, backbone: network.backbone },
  );
  const loading = loadingOf("run, segmenter", { weights, weightsKey, strict });
  refuseOtherWeights("run, segmenter", weights, network);
  const repeated = rounds > 0 ? { rounds } : {};
  return { ...network, ...repeated, headWidth, weights: weights ?? null, ...loading, foldNormalization, training };
}

function evaluationSection({ recipe, evaluation = {} }: PlanOptions): PlanSections["evaluation"] {
  const { gate, boundaryTolerancePx: tolerance, views, ...settings } = evaluation;
  const own = checkOptions(evaluationSchema, "run, evaluation", { gate, boundaryTolerancePx: tolerance });
  return { ...own, ...resolveGate({ recipe, ...settings }), ...resolveViews({ views }) };
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

/** The classifier's section as a run folder records it, and as the key of its stage is made of it: see {@link recordedSettings}. */
export function recordedClassifier(section: PlanSections["classifier"]): PlanSections["classifier"] {
  return { ...section, training: recordedSettings(classifierTrainingTable, section.training) };
}

/** The same of the segmenter. */
export function recordedSegmenter(section: PlanSections["segmenter"]): PlanSections["segmenter"] {
  return { ...section, training: recordedSettings(segmenterTrainingTable, section.training) };
}

/** The same of the evaluation. */
export function recordedEvaluation(section: PlanSections["evaluation"]): PlanSections["evaluation"] {
  return recordedSettings(viewOptionTable, section);
}

/** A plan as a run folder records it. */
export function recordedPlan<Plan extends Partial<PlanSections>>(plan: Plan): Plan {
  const { classifier, pseudoMasks, segmenter, evaluation } = plan;
  return {
    ...plan,
    ...(pseudoMasks !== undefined && { pseudoMasks: recordedSettings(pseudoMaskOptionTable, pseudoMasks) }),
    ...(classifier !== undefined && { classifier: recordedClassifier(classifier) }),
    ...(segmenter !== undefined && { segmenter: recordedSegmenter(segmenter) }),
    ...(evaluation !== undefined && { evaluation: recordedEvaluation(evaluation) }),
  };
}
