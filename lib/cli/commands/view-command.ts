/** The command `view`: a page with a slide and its map, for the browser of this machine. */
import { once } from "node:events";
import { resolve } from "node:path";
import type { Command } from "commander";
import { openSlide } from "../../slide/open-slide.js";
import { serveView } from "../../view/view-server.js";
import { act, type ActionTools, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { writeResult } from "../terminal.js";
import { decimal, oneOf, port } from "../values.js";

interface ViewCommandOptions extends TalkOptions {
  readonly port: number;
  readonly slideMpp?: number;
  readonly damaged?: "error" | "background";
}

/** `wsss-tissue view`: shows a slide and its map in the browser. */
export function addViewCommand(program: Command, streams: Streams): void {
  const command = program
    .command("view")
    .argument("<slide>", "the slide; of a DICOM slide any file of its series, of MIRAX the `.mrxs`")
    .argument("[results]", "folder that `segment` wrote into; without it the slide is shown alone")
    .summary("look at a slide and its map in the browser")
    .description(
      "Serves a page with the slide and its classes over it, on 127.0.0.1 only, until it is stopped. The address that is printed is good for\n" +
        "one visit of one browser. From another machine: ssh -L PORT:127.0.0.1:PORT HOST, with --port PORT.",
    )
    .option("--port <n>", "port to listen on, 0 = any that is free", port, 0)
    .option("--slide-mpp <um>", "micrometres a pixel of the finest level, where the slide does not say it", decimal)
    .option(
      "--damaged <what>",
      "what pixels are that can't be decoded: an `error`, or `background` (default: background)",
      oneOf("error", "background"),
    );
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue view case-7.svs maps
  wsss-tissue view case-7.svs maps --port 8123`,
  );
  command.action(async (file: string, results: string | undefined, options: ViewCommandOptions) => {
    const serve = async ({ terminal, view, signal }: ActionTools): Promise<void> => {
      const { port: wanted, slideMpp, damaged = "background" } = options;
      await using slide = await openSlide(file, { defaultMicronsPerPixel: slideMpp, damaged, cacheMiB: 256, signal });
      const place = results === undefined ? undefined : resolve(results);
      const onFault = (error: unknown): void => view.warn(error instanceof Error ? error.message : String(error));
      const server = await serveView({ slide, results: place, port: wanted, signal, onFault });
      try {
        view.close();
        writeResult(terminal, { url: server.url }, () => `${server.url}\nStop it by Ctrl-C.`);
        if (!signal.aborted) await once(signal, "abort");
      } finally {
        await server.close();
      }
    };
    await act(streams, options, serve, "closing the page's server");
  });
}
