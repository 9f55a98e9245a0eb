/** The command `convert`: its options, and what was translated or left out of a weight file, in words. */
import { type Command, InvalidArgumentError } from "commander";
import { convertWeights, type WeightConversion } from "../../model/convert-weights.js";
import { onnxEnding, type OnnxOutput, onnxOutputs, type OnnxPictureSize } from "../../model/onnx-options.js";
import { exportOnnx } from "../../onnx/export-onnx.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { addWeightsKey } from "../run-options.js";
import { writeResult } from "../terminal.js";
import { oneOf, pictureSize } from "../values.js";

interface ConvertOptions extends TalkOptions {
  readonly keepNames?: boolean;
  readonly weightsKey?: string;
  readonly output?: OnnxOutput;
  readonly fixedSize?: OnnxPictureSize;
}

function describeConversion(conversion: WeightConversion): string {
  const { container, origin, dropped, unread, stripped, foundUnder, tensorCount } = conversion;
  const parts = [`${tensorCount} tensors from ${container}${foundUnder === "" ? "" : ` (${foundUnder})`}`];
  if (origin !== "") parts.push(`names of ${origin} translated`);
  if (stripped.length > 0) parts.push(`${stripped.join(", ")} taken off names`);
  if (dropped.length + unread.length > 0) parts.push(`left out ${[...dropped, ...unread].join(", ")}`);
  return parts.join(", ");
}

function refuseGiven(options: Readonly<Record<string, unknown>>, why: string): void {
  const given = Object.keys(options).find((name) => options[name] !== undefined);
  if (given !== undefined) throw new InvalidArgumentError(`${given} ${why}.`);
}

/** `wsss-tissue convert IN OUT`: weights from one container into another. */
export function addConvertCommand(program: Command, streams: Streams): void {
  const command = program
    .command("convert")
    .argument("<input>", "weight file: .safetensors, .pth, .pth.tar, .params, whatever its name")
    .argument("<output>", "file to write: .safetensors, .onnx, or .pth for Python's torch.load(weights_only=True)")
    .summary("write weights as .safetensors, .pth or .onnx")
    .description(
      "Reads weights of any container and writes them anew. Tensors of known origin (MXNet's ResNet38, torchvision's ResNets) get\n" +
        "the names of our networks, which are those of the published code. As .onnx a network that was trained here runs in other\n" +
        "engines, pixels of 0 to 255 in, without its class gate (docs/onnx.md).",
    )
    .option("--keep-names", "leave the tensors' names as they are")
    .option(
      "--output <what>",
      "of a segmenter as .onnx: `logits`, `probabilities` or `class-map` (default: `logits`)",
      oneOf(...onnxOutputs),
    )
    .option(
      "--fixed-size <px>",
      "the one size of pictures that the .onnx takes: side, or height x width as `224x320` (default: any)",
      pictureSize,
    );
  addTalkOptions(addWeightsKey(command)).addHelpText(
    "after",
    `
Examples:
  wsss-tissue convert runs/luad/classifier.safetensors stage1.pth
  wsss-tissue convert runs/luad/segmenter.safetensors luad.onnx --output probabilities
  wsss-tissue convert ilsvrc-cls_rna-a1_cls1000_ep-0001.params resnet38.safetensors`,
  );
  command.action(async (input: string, output: string, options: ConvertOptions) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const { keepNames, weightsKey, output: what, fixedSize } = options;
      if (output.endsWith(onnxEnding)) {
        refuseGiven({ "--keep-names": keepNames, "--weights-key": weightsKey }, "is not for .onnx files");
        const role = await exportOnnx(input, output, { output: what, fixedSize, signal });
        writeResult(terminal, { output, role }, () => `${output}: ${role} as ONNX, opset 17`);
        return;
      }
      refuseGiven({ "--output": what, "--fixed-size": fixedSize }, "is for .onnx files alone");
      const conversion = await convertWeights(input, output, { translate: keepNames !== true, weightsKey, signal });
      writeResult(terminal, { output, ...conversion }, () => `${output}: ${describeConversion(conversion)}`);
    });
  });
}
