/** The options that a run can be given, and how layers of them are merged. */
import type { ClassifierTrainingSettings } from "../classifier/classifier-training-settings.js";
import type { EvaluationSettings } from "../evaluation/evaluation-settings.js";
import type { ClassifierBackbone, SegmenterBackbone } from "../model/backbones.js";
import type { Recipe } from "../options/fields.js";
import type { PseudoMaskSettings } from "../pseudo-masks/pseudo-mask-settings.js";
import type { GateSettings } from "../segmenter/gate-settings.js";
import type { ViewSettings } from "../segmenter/view-settings.js";
import type { SegmenterTrainingSettings } from "../segmenter/segmenter-training-settings.js";

/** How many patches of each split a run uses, drawn without preference, the same for every seed. @defaultValue all */
export interface SubsetOptions {
  readonly train?: number | undefined;
  readonly val?: number | undefined;
  readonly test?: number | undefined;
}

/** The network of a stage before it is trained. */
export interface NetworkOptions {
  /** Channel multiplier. @defaultValue `1`, the paper's network */
  readonly width?: number | undefined;
  /** Weight file to start from. @defaultValue random weights */
  readonly weights?: string | undefined;
  /** As `ModelCreateOptions.weightsKey`. @defaultValue the only state dict of the file */
  readonly weightsKey?: string | undefined;
  /** As `ModelCreateOptions.strict`. @defaultValue `true` */
  readonly strict?: boolean | undefined;
  /** As `ModelCreateOptions.foldNormalization`. @defaultValue `true`; recipe `"published"` `false` */
  readonly foldNormalization?: boolean | undefined;
}

/** What a run can be told; everything has a default. Seeds and recipes that a part is not given are those of the whole. */
export interface PlanOptions {
  /** Seed of first weights, shuffle, augmentation and dropout. @defaultValue `0` */
  readonly seed?: number | undefined;
  /** Base values of all options. @defaultValue `"default"` */
  readonly recipe?: Recipe | undefined;
  readonly subset?: SubsetOptions | undefined;
  readonly classifier?:
    | (NetworkOptions & {
        /** @defaultValue `"resnet38"` */
        readonly backbone?: ClassifierBackbone | undefined;
        readonly training?: ClassifierTrainingSettings | undefined;
      })
    | undefined;
  readonly pseudoMasks?: PseudoMaskSettings | undefined;
  readonly segmenter?:
    | (NetworkOptions & {
        /** @defaultValue `"resnet101"` */
        readonly backbone?: SegmenterBackbone | undefined;
        readonly outputStride?: 8 | 16 | undefined;
        /** Channel multiplier of ASPP and decoder. @defaultValue the value of `width` */
        readonly headWidth?: number | undefined;
        /** What to learn from. @defaultValue `"pseudo"`, the masks of the stage before */
        readonly masks?: "pseudo" | "ground-truth" | undefined;
        /**
         * Rounds of self-training, 0..20: in each a segmenter is trained and draws the masks again that the next one learns from, among
         * the classes of each patch's label. Each costs a training more. In later rounds mosaics take the place of half of the patches at
         * most. Not with `masks: "ground-truth"`.
         * @defaultValue `0`, as published
         */
        readonly rounds?: number | undefined;
        readonly training?: SegmenterTrainingSettings | undefined;
      })
    | undefined;
  readonly evaluation?:
    | (GateSettings &
        ViewSettings &
        EvaluationSettings & {
          /** Whether to evaluate with the class gate too. @defaultValue `true` */
          readonly gate?: boolean | undefined;
        })
    | undefined;
  readonly pictures?:
    | {
        /** Most pictures of each split. @defaultValue `8` */
        readonly count?: number | undefined;
      }
    | undefined;
}

type PlainObject = Readonly<Record<string, unknown>>;

function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function mergeTwo(under: PlainObject, over: PlainObject): PlainObject {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    if (isPlainObject(value) && isPlainObject(below)) merged[key] = mergeTwo(below, value);
    else if (value !== undefined) merged[key] = value;
  }
  return merged;
}

/** Options on top of one another, the last wins; undefined counts as not given. */
export function mergeOptions(...layers: readonly (PlanOptions | undefined)[]): PlanOptions {
  return layers.reduce<PlainObject>((under, over) => mergeTwo(under, (over ?? {}) as PlainObject), {});
}
