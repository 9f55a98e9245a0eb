/** Options of making, loading and saving a network, and the zod rules for them. */
import { z } from "zod";
import type { TissueClass } from "../dataset/tissue-class.js";
import { refuseOption } from "../options/check.js";
import { type Device, device } from "../options/device.js";
import * as fields from "../options/fields.js";
import {
  type ClassifierBackbone,
  classifierBackbones,
  type SegmenterBackbone,
  segmenterBackbones,
} from "./backbones.js";
import { type Precision, precision } from "./precision.js";

/** Options of every call that makes a network. */
export interface ModelLoadOptions {
  /**
   * Where the network lives.
   * @defaultValue `"auto"`: the first GPU if LibTorch can use one, otherwise the CPU
   */
  readonly device?: Device | undefined;
  /**
   * Seed of the random first weights, an integer 0..4294967295.
   * @defaultValue `0`
   */
  readonly seed?: number | undefined;
  /**
   * Threads that one operation of this network may use on the CPU, 0..1024; 0 = one per core, and no more than a CPU quota of the
   * container pays for.
   * @defaultValue `0`
   */
  readonly threads?: number | undefined;
  /**
   * In what the network multiplies: `"auto"`, `"float32"` or `"bfloat16"`.
   * @defaultValue `"auto"`: trainings in what is fastest on the device, everything else in float32
   */
  readonly precision?: Precision | undefined;
  /**
   * Whether float32 convolutions on a GPU may multiply in TF32, of eleven significant bits. With `false` float32 means float32 there too, at
   * several times the time. It changes nothing on a CPU, nor in bfloat16.
   * @defaultValue `true`, as in PyTorch
   */
  readonly tf32?: boolean | undefined;
  /** Aborting it stops the making; the promise then rejects with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of every call that makes a new network. */
export interface ModelCreateOptions extends ModelLoadOptions {
  /** Tissue classes in the order of the outputs, 1 to 254, with names that differ; usually `dataset.classes`. */
  readonly classes: readonly TissueClass[];
  /**
   * Name and colour of background, which is class K in masks and has no output.
   * @defaultValue white, named `background`, as in both published datasets
   */
  readonly background?: TissueClass | undefined;
  /**
   * Channel multiplier above 0, at most 4: every layer gets this share of the paper's channels, at least 16 of them.
   * @defaultValue `1`, the paper's network. A quarter trains about ten times as fast
   */
  readonly width?: number | undefined;
  /**
   * Weight file to start from instead of random weights, of any container that `inspectWeights` reads; or `"imagenet"`, for the
   * ImageNet weights of this network out of the cache, fetched if they are not there (`fetchWeights` says how). A file that is
   * called so is `"./imagenet"`.
   * @defaultValue none
   */
  readonly weights?: string | undefined;
  /**
   * Which weights of a file with several: the key that leads to a state dict, such as `"model_ema"`, `"0.teacher"` or, for the top
   * level, `"."`; or the start of the names of the tensors that are meant, such as `"module.encoder_k"`.
   * @defaultValue the one that there is; a file with several is refused with their keys
   */
  readonly weightsKey?: string | undefined;
  /**
   * Whether `weights` must hold exactly this network: each of its tensors, no others (but what lies beside it under another prefix), all in the same shapes, and, if the file
   * names classes, the same ones in the same order. With `false`, what fits is taken, the rest keeps its random
   * start, and `weightsReport` lists every tensor that was left out; a file that fits nowhere is refused all the same.
   * @defaultValue `true`, since a partial load is the commonest silent error
   */
  readonly strict?: boolean | undefined;
  /**
   * Networks that were trained on ImageNet by others read patches with ImageNet's mean taken off, divided by its standard deviation; ours
   * read values in 0..1. With `true` the first layer of such a file is changed so that both compute the same (but for the zeros that
   * are padded to the border); files of other origins are left alone. `false`: as published, weights are taken as they are.
   * @defaultValue `true`
   */
  readonly foldNormalization?: boolean | undefined;
}

/** Options of `Classifier.create`. */
export interface ClassifierCreateOptions extends ModelCreateOptions {
  /**
   * The network.
   * @defaultValue `"resnet38"`, the paper's. The small networks train about twenty times as fast on a CPU, and are meant to start from ImageNet weights
   */
  readonly backbone?: ClassifierBackbone | undefined;
}

/** Options of `Segmenter.create`. */
export interface SegmenterCreateOptions extends ModelCreateOptions {
  /**
   * Network below ASPP and decoder.
   * @defaultValue `"resnet101"`, as published
   */
  readonly backbone?: SegmenterBackbone | undefined;
  /**
   * Ratio of patch size to feature size at the end of the backbone. 8 sees finer detail and costs about three times as much.
   * @defaultValue `16`, as published
   */
  readonly outputStride?: 8 | 16 | undefined;
  /**
   * Channel multiplier of ASPP and decoder, above 0, at most 4. Pretrained weights fix the width of the backbone; with a small one, such as
   * MobileNetV2, the paper's head does most of the work.
   * @defaultValue the value of `width`
   */
  readonly headWidth?: number | undefined;
}

/** Options of `save`. */
export interface SaveOptions {
  /** Aborting it stops the saving; the file at the path then stays as it was. */
  readonly signal?: AbortSignal | undefined;
}

/** Rules of {@link SaveOptions}. */
export const saveSchema = z.strictObject({ signal: fields.signal.optional() });

/**
 * Refuses a key of a weight file where no file is named: the file has been forgotten.
 * @throws WsssError `WSSS_ERR_OPTION`
 */
export function refuseKeyAlone(call: string, weights: string | undefined, weightsKey: string | undefined): void {
  if (weights !== undefined || weightsKey === undefined || weightsKey === "") return;
  throw refuseOption(call, "weightsKey", "given with weights, the file that it chooses from", weightsKey);
}

const byte = z.int().min(0).max(255);

/** Only name and colour are taken; other properties, which datasets may carry, are of no interest. */
const tissueClass = z.object({
  name: z.string().min(1).max(200),
  colour: z.tuple([byte, byte, byte]).readonly(),
});

const classes = z
  .array(tissueClass)
  .min(1)
  .max(254)
  .readonly()
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, "classes with names that differ");

/** Rules and defaults of {@link ModelLoadOptions}. */
export const modelLoadSchema = z.strictObject({
  device: device.default("auto"),
  seed: fields.seed.default(0),
  threads: z.int().min(0).max(1024).default(0),
  precision: precision.default("auto"),
  tf32: fields.flag.default(true),
  signal: fields.signal.optional(),
});

/** Rules and defaults of {@link ClassifierCreateOptions}. */
export const classifierCreateSchema = modelLoadSchema.extend({
  classes,
  background: tissueClass.default({ name: "background", colour: [255, 255, 255] }),
  width: z.number().gt(0).max(4).default(1),
  weights: fields.path.optional(),
  weightsKey: fields.weightsKey.optional(),
  strict: fields.flag.default(true),
  foldNormalization: fields.flag.default(true),
  backbone: z.enum(classifierBackbones).default("resnet38"),
});

/** Rules and defaults of {@link SegmenterCreateOptions}. */
export const segmenterCreateSchema = classifierCreateSchema.extend({
  backbone: z.enum(segmenterBackbones).default("resnet101"),
  outputStride: z.union([z.literal(8), z.literal(16)]).default(16),
  headWidth: z.number().gt(0).max(4).optional(),
});
