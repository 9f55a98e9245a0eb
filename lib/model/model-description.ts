/** What a weight file of ours says of its network: its metadata, written, read and checked. */
import { z } from "zod";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { packageVersion } from "../files/package-version.js";
import {
  type ClassifierBackbone,
  classifierBackbones,
  type SegmenterBackbone,
  segmenterBackbones,
} from "./backbones.js";
import type { TrainingHistory } from "./training-history.js";

/** The two networks. */
export type ModelRole = "classifier" | "segmenter";

/** What a saved model says about itself, in the metadata of its weight file. */
export interface ModelDescription {
  readonly role: ModelRole;
  /** Tissue classes in the order of the outputs. */
  readonly classes: readonly TissueClass[];
  /** Background, class K, which no output stands for. */
  readonly background: TissueClass;
  /** Channel multiplier, 1 = the paper's network. */
  readonly width: number;
  /** Channel multiplier of a segmenter's ASPP and decoder; of classifiers {@link width}. */
  readonly headWidth: number;
  /** The network of a classifier, or the one below a segmenter's ASPP and decoder. */
  readonly backbone: ClassifierBackbone | SegmenterBackbone;
  /** Ratio of patch size to feature size at the end of the backbone. */
  readonly outputStride: 8 | 16;
  /** Whether this model's line of trainings began with weights from elsewhere; decides what `freezeStem: "auto"` means. */
  readonly pretrained: boolean;
}

const format = "wsss-tissue-native";

/** The metadata of a weight file, all strings as the format wants them. */
export function metadataOf(
  description: ModelDescription,
  trainings: readonly TrainingHistory[] = [],
): Record<string, string> {
  const plain = ({ name, colour }: TissueClass): object => ({ name, colour });
  const metadata: Record<string, string> = {
    format,
    role: description.role,
    classes: JSON.stringify(description.classes.map(plain)),
    background: JSON.stringify(plain(description.background)),
    width: String(description.width),
    headWidth: String(description.headWidth),
    backbone: description.backbone,
    outputStride: String(description.outputStride),
    pretrained: String(description.pretrained),
    packageVersion,
  };
  if (trainings.length > 0) metadata["trainings"] = JSON.stringify(trainings);
  return metadata;
}

const jsonText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: "custom", message: "no JSON" });
    return z.NEVER;
  }
});

const byte = z.int().min(0).max(255);
/** A class as files of ours hold it. */
export const savedTissueClass = z.object({ name: z.string().min(1), colour: z.tuple([byte, byte, byte]) });

const sharedShape = {
  classes: jsonText.pipe(z.array(savedTissueClass).min(1).max(254)),
  background: jsonText.pipe(savedTissueClass),
  width: z.coerce.number().gt(0),
  // Version 0.1 wrote none: one width for the whole network.
  headWidth: z.coerce.number().gt(0).optional(),
  pretrained: z.enum(["true", "false"]),
};
const outputStride = z.enum(["8", "16"]).transform((text) => (text === "8" ? 8 : 16));
const metadataSchema = z.discriminatedUnion("role", [
  z.object({
    ...sharedShape,
    role: z.literal("classifier"),
    // Version 0.1 wrote neither for classifiers.
    backbone: z.enum(classifierBackbones).default("resnet38"),
    outputStride: outputStride.default(8),
  }),
  z.object({ ...sharedShape, role: z.literal("segmenter"), backbone: z.enum(segmenterBackbones), outputStride }),
]);

/**
 * What a weight file says about its model; `null` if it is not one of ours.
 * @throws WsssError `WSSS_ERR_WEIGHTS` if it claims to be ours and its metadata is incomplete or contradictory.
 */
export function describeModel(path: string, metadata: Readonly<Record<string, string>>): ModelDescription | null {
  if (metadata["format"] !== format) return null;
  const checked = metadataSchema.safeParse(metadata);
  if (!checked.success) {
    const broken = String(checked.error.issues[0]?.path[0] ?? "metadata");
    const version = metadata["packageVersion"] ?? "unknown";
    const message =
      `${path} was written by wsss-tissue-native ${version}, but its metadata entry "${broken}" can't be understood ` +
      `by version ${packageVersion}; use the version that wrote it, or save the weights again`;
    throw new WsssError("WSSS_ERR_WEIGHTS", message, { path, entry: broken, writtenBy: version });
  }
  const { width, headWidth = width, pretrained } = checked.data;
  return { ...checked.data, headWidth, pretrained: pretrained === "true" };
}
