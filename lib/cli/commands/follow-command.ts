/** The hidden command `follow`: what `--processes` starts, to take part in the run of the process that started it. */
import type { Command } from "commander";
import { act, type Streams } from "../environment.js";
import { addGroupSettings, withGroup } from "../group-of-command.js";
import { givenOptions } from "../run-options.js";
import { WsssError } from "../../errors.js";

/** `wsss-tissue follow`: not for people. */
export function addFollowCommand(program: Command, streams: Streams): void {
  const command = program
    .command("follow", { hidden: true })
    .description("Takes part in the run of another process; --processes starts it.");
  addGroupSettings(command).option("--debug", "print the stack of an error");
  command.action(async () => {
    await act(streams, { quiet: true }, async ({ signal }) => {
      await withGroup(givenOptions(command), signal, async () => {
        throw new WsssError("WSSS_ERR_OPTION", "follow must be started by --processes of another command", {});
      });
    });
  });
}
