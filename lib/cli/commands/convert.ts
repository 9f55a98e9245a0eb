import type { Command } from "commander";

import { convertWeights } from "../../weights/convert-weights.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";

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
  addTalkOptions(command).addHelpText(
    "after",
    `
Examples:
  wsss-tissue convert runs/luad/classifier.safetensors stage1.pth
  wsss-tissue convert ilsvrc-cls_rna-a1_cls1000_ep-0001.params resnet38.safetensors`,
  );
  command.action(async (input: string, output: string, options: TalkOptions & { readonly keepNames?: boolean }) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const conversion = await convertWeights(input, output, { translate: options.keepNames !== true, signal });
      writeResult(terminal, { output, ...conversion }, () => {
        const { container, origin, dropped, tensorCount } = conversion;
        const names = origin === "" ? "" : `, names of ${origin} translated`;
        const left = dropped.length === 0 ? "" : `, left out ${dropped.join(", ")}`;
        return `${output}: ${tensorCount} tensors from ${container}${names}${left}`;
      });
    });
  });
}
