import type { Command } from "commander";

import { setupLibTorch } from "../../libtorch/index.js";
import { loadAddon } from "../../native/load.js";
import { act, addTalkOptions, type Streams } from "../environment.js";
import { talk, writeResult } from "../terminal.js";

interface SetupCommandOptions {
  readonly force?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `wsss-tissue setup`: gets LibTorch and the addon ready. */
export function addSetupCommand(program: Command, streams: Streams): void {
  const command = program
    .command("setup")
    .summary("find or fetch LibTorch, and build the addon if it has to be")
    .description(
      "Finds LibTorch (LIBTORCH, the cache, an installed Python torch), or fetches it into the cache, verified, and loads the\n" +
        "addon, which is built from source if there is no binary for this machine. Every command does so when it must;\n" +
        "setup does it now.",
    )
    .option("--force", "fetch LibTorch into the cache even if a usable one is there");
  addTalkOptions(command);
  command.action(async (options: SetupCommandOptions) => {
    await act(streams, options, async ({ terminal, signal }) => {
      const onProgress = ({ message }: { readonly message: string }): void => talk(terminal, message);
      const { folder } = await setupLibTorch({ force: options.force ?? false, signal, onProgress });
      const { libtorchVersion } = (await loadAddon()).deviceReport();
      writeResult(
        terminal,
        { folder, libtorch: libtorchVersion },
        () => `LibTorch ${libtorchVersion} in ${folder} is ready`,
      );
    });
  });
}
