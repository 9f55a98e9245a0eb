/** The command `convert`: its options, and what was translated or left out of a weight file, in words. */
import type { Command } from "commander";
import { convertWeights, type WeightConversion } from "../../model/convert-weights.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { addWeightsKey } from "../run-options.js";
import { writeResult } from "../terminal.js";

interface ConvertOptions extends TalkOptions {
  readonly keepNames?: boolean;
  readonly weightsKey?: string;
}

function describeConversion(conversion: WeightConversion): string {
  const { container, origin, dropped, unread, stripped, foundUnder, tensorCount } = conversion;
  const parts = [`${tensorCount} tensors from ${container}${foundUnder === "" ? "" : ` (${foundUnder})`}`];
  if (origin !== "") parts.push(`names of ${origin} translated`);
  if (stripped.length > 0) parts.push(`${stripped.join(", ")} taken off names`);
  if (dropped.length + unread.length > 0) parts.push(`left out ${[...dropped, ...unread].join(", ")}`);
  return parts.join(", ");
}

/** `wsss-tissue convert IN OUT`: weights from one container into another. */
export function addConvertCommand(program: Command, streams: Streams): void {
  const command = program
    .command("convert")
    .argument("<input>", "weight file: .safetensors, .pth, .pth.tar, .params, whatever its name")
    .argument("<output>", "file to write: .safetensors, or .pth for Python's torch.load(weights_only=True)")
    .summary("write weights as .safetensors or .pth")
    .description(
      "Reads weights of any container and writes them anew. Tensors of known origin (MXNet's ResNet38, torchvision's ResNets) get\n" +
        "the names of our networks, which are those of the published code.",
    )
    .option("--keep-names", "leave the tensors' names as they are");
  addTalkOptions(addWeightsKey(command)).addHelpText(
    "after",
    `
Examples:
  wsss-tissue convert runs/luad/classifier.safetensors stage1.pth
  wsss-tissue convert ilsvrc-cls_rna-a1_cls1000_ep-0001.params resnet38.safetensors`,
  );
  command.action(async (input: string, output: string, options: ConvertOptions) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const { keepNames, weightsKey } = options;
      const conversion = await convertWeights(input, output, { translate: keepNames !== true, weightsKey, signal });
      writeResult(terminal, { output, ...conversion }, () => `${output}: ${describeConversion(conversion)}`);
    });
  });
}
