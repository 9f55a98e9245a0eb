/** The manifest of a bundle (`bundle.json`): its type, its zod schema, and the names of its files. */
import { z } from "zod";
import type { TissueClass } from "../dataset/tissue-class.js";
import * as fields from "../options/fields.js";
import { savedTissueClass } from "./model-description.js";

/** What `bundle.json` says. */
export interface BundleManifest {
  /** What the folder is, and in which version of the format. */
  readonly format: typeof bundleFormat;
  /** Name of the model. */
  readonly name: string;
  /** Version of this package that wrote the bundle. */
  readonly packageVersion: string;
  /** The K tissue classes, in the order of the outputs of both networks. */
  readonly classes: readonly TissueClass[];
  /** Index K in masks; never predicted. */
  readonly background: TissueClass;
  /** How the classifier gates the segmenter, unless whoever uses the bundle says otherwise. */
  readonly gate: {
    /** A class is open where the classifier's probability is above this, 0..1. */
    readonly gateThreshold: number;
    /** As {@link GateSettings.gateRule}. */
    readonly gateRule: "exclude" | "multiply";
  };
  /** Scale of the patches that the segmenter learned from, in micrometres a pixel; null where it is not known. */
  readonly micronsPerPixel?: number | null | undefined;
  /** Side of these patches, in pixels; null where it is not known. */
  readonly patchPx?: number | null | undefined;
  /** What `saveBundle` was told; empty without. */
  readonly scores: Readonly<Record<string, number | null>>;
  /** Their 95 % intervals, from where to where, by the names of the scores; bundles of before have none. */
  readonly intervals?: Readonly<Record<string, readonly [low: number, high: number]>> | undefined;
  /** Each file of a network by its name. */
  readonly files: Readonly<
    Record<
      string,
      {
        /** SHA-256 of the file, hexadecimal. */
        readonly sha256: string;
        /** Size of the file. */
        readonly bytes: number;
      }
    >
  >;
}

/** Format of the bundles that this version reads and writes. */
export const bundleFormat = "wsss-tissue-native bundle 1";
/** File name of the manifest. */
export const manifestName = "bundle.json";
/** File names of both networks. */
export const weightFiles = { classifier: "classifier.safetensors", segmenter: "segmenter.safetensors" } as const;

/** File names of both networks for other engines, where the bundle has them. */
export const onnxFiles = { classifier: "classifier.onnx", segmenter: "segmenter.onnx" } as const;

/** The rule of a manifest. */
export const manifestSchema = z.object({
  format: z.literal(bundleFormat),
  name: z.string(),
  packageVersion: z.string(),
  classes: z.array(savedTissueClass).min(1),
  background: savedTissueClass,
  gate: z.object({ gateThreshold: fields.probability, gateRule: z.enum(["exclude", "multiply"]) }),
  // Bundles of before slides have neither.
  micronsPerPixel: z.number().gt(0).nullable().optional(),
  patchPx: z.int().min(1).nullable().optional(),
  scores: z.record(z.string(), z.number().nullable()),
  intervals: z.record(z.string(), z.tuple([z.number(), z.number()])).optional(),
  files: z.record(z.string(), z.object({ sha256: z.string().length(64), bytes: z.int().min(0) })),
});
