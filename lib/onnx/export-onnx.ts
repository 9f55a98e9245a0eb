/** `exportOnnx`: a weight file of ours as an ONNX file. */
import { Classifier } from "../classifier/classifier.js";
import { WsssError } from "../errors.js";
import { inspectWeights } from "../model/inspect-weights.js";
import { describeModel } from "../model/model-description.js";
import { checkOnnxExport, type OnnxExportOptions } from "../model/onnx-options.js";
import { refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { Segmenter } from "../segmenter/segmenter.js";

const call = "exportOnnx";

/**
 * Writes the classifier or segmenter of a weight file as an ONNX file; {@link Classifier.exportOnnx} says what is in it.
 *
 * @param input - a `.safetensors` file that `save` or a training of this library wrote.
 * @param output - a path that ends in `.onnx`, in a folder that is there.
 * @returns which of the two networks it was.
 * @throws WsssError `WSSS_ERR_OPTION`, `WSSS_ERR_IO`, `WSSS_ERR_CANCELLED`; `WSSS_ERR_WEIGHTS` if the file is not one of ours, so that
 *   nothing says what its network is.
 */
export async function exportOnnx(
  input: string,
  output: string,
  options: OnnxExportOptions = {},
): Promise<"classifier" | "segmenter"> {
  if (!fields.path.safeParse(input).success) throw refuseOption(call, "input", "a path", input);
  const { signal } = checkOnnxExport(call, "segmenter", output, options);
  const { metadata } = await inspectWeights(input, { statistics: false, signal });
  const role = describeModel(input, metadata)?.role;
  if (role === undefined) {
    const message =
      `${input} does not say which network it holds, nor its classes: load it with Classifier.create or Segmenter.create ` +
      `({ classes, weights }), save that as .safetensors, and export the saved file`;
    throw new WsssError("WSSS_ERR_WEIGHTS", message, { path: input });
  }
  // What only one of the networks can do is refused before it is loaded.
  checkOnnxExport(call, role, output, options);
  const opening = { device: "cpu", signal } as const;
  await using model = await (role === "classifier" ? Classifier : Segmenter).load(input, opening);
  await model.exportOnnx(output, options);
  return role;
}
