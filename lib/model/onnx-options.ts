/** How a network becomes an ONNX file: options, and what the file says of itself. */
import path from "node:path";
import { z } from "zod";
import { WsssError } from "../errors.js";
import type { NativeSegmenterExport } from "../native/native-models.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { metadataOf, type ModelDescription } from "./model-description.js";

/** What the ONNX file of a segmenter gives. */
export type OnnxOutput = "logits" | "probabilities" | "class-map";

/** All that such a file can give. */
export const onnxOutputs = ["logits", "probabilities", "class-map"] as const satisfies readonly OnnxOutput[];

/** Height and width of pictures, in px. */
export interface OnnxPictureSize {
  /** 32 or more. */
  readonly height: number;
  /** 32 or more. */
  readonly width: number;
}

/** Options of `exportOnnx`. */
export interface OnnxExportOptions {
  /**
   * What a segmenter gives: `"logits"` [N, K, H, W], `"probabilities"` (their softmax), or `"class-map"` [N, H, W], uint8. Classifiers
   * have no choice.
   * @defaultValue `"logits"`: what is to be averaged over overlapping tiles or views
   */
  readonly output?: OnnxOutput | undefined;
  /**
   * The one size of pictures that the file takes, 32 px or more: the side of squares, or height and width. Some engines want one, or are
   * faster with it.
   * @defaultValue any size
   */
  readonly fixedSize?: number | OnnxPictureSize | undefined;
  /** Aborting it rejects the promise with `WSSS_ERR_CANCELLED`. */
  readonly signal?: AbortSignal | undefined;
}

/** Ending of ONNX files. */
export const onnxEnding = ".onnx";

const side = z.int().min(32).max(65_535);
const schema = z.strictObject({
  output: z.enum(onnxOutputs).optional(),
  fixedSize: z.union([side, z.strictObject({ height: side, width: side })]).optional(),
  signal: fields.signal.optional(),
});

/** Options of an export that were checked, as the addon wants them. */
export interface CheckedOnnxExport {
  readonly request: Omit<NativeSegmenterExport, "metadata">;
  readonly signal: AbortSignal | undefined;
}

/**
 * Checks an export before its work begins.
 * @throws WsssError `WSSS_ERR_OPTION`
 */
export function checkOnnxExport(
  call: string,
  role: ModelDescription["role"],
  file: unknown,
  options: OnnxExportOptions,
): CheckedOnnxExport {
  const target = fields.path.safeParse(file);
  if (!target.success || !target.data.endsWith(onnxEnding)) {
    throw refuseOption(call, "path", `a path that ends in ${onnxEnding}`, file);
  }
  const { output, fixedSize = { height: 0, width: 0 }, signal } = checkOptions(schema, call, options);
  if (output !== undefined && role === "classifier") {
    const message = `${call}: output is for segmenters; a classifier gives its probabilities and the maps of its levels`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "output", value: output });
  }
  const size = typeof fixedSize === "number" ? { height: fixedSize, width: fixedSize } : fixedSize;
  return { request: { path: path.resolve(target.data), output: output ?? "logits", ...size }, signal };
}

/**
 * What the file says of itself: classes with colours, network, scale.
 * @param weights - what tells its weights from others.
 * @param scale - of the patches that it learned from; null where it is not known.
 */
export function onnxMetadata(
  description: ModelDescription,
  weights: string,
  scale: { readonly micronsPerPixel: number | null; readonly patchPx: number | null },
): Record<string, string> {
  const known = Object.entries(scale).filter(([, value]) => value !== null);
  return {
    ...metadataOf(description),
    input: "image: float32 [N, 3, height, width], red, green, blue, 0 to 255",
    weights,
    ...Object.fromEntries(known.map(([name, value]) => [name, String(value)])),
  };
}
