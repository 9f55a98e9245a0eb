/** The command `ablate`: its options, its help, and the demo's patches that `--demo` draws for it. */
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { ablate } from "../../ablation/ablate.js";
import { ablationText } from "../../ablation/ablation-text.js";
import { demoDataset } from "../../demo/demo-dataset.js";
import { demoSettings } from "../../demo/settings.js";
import { makeFolder } from "../../files/make-folder.js";
import { mergeOptions } from "../../run/plan-options.js";
import type { RunReporter } from "../../run/reporter.js";
import { type LockRequest, whileLocked } from "../../run/run-lock.js";
import { act, addTalkOptions, type Streams } from "../environment.js";
import { addTrainingGroupOptions, withGroup } from "../group-of-command.js";
import { planOfRun, presetOf } from "../plan-of-command.js";
import * as groups from "../run-options.js";
import { writeResult } from "../terminal.js";
import { seedList, wordOr, words } from "../values.js";
import { addMethodOptions, addNetworkPreset } from "./run-command.js";

interface AblateOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly out: string;
  readonly force?: boolean;
  readonly forceUnlock?: boolean;
  readonly seeds?: readonly number[];
  readonly only?: readonly string[] | "all";
  readonly demo?: boolean;
  readonly parallel?: "steps" | "cells";
}

/** One set for all seeds, so that they differ in the training alone. */
const demoData = demoDataset({ seed: 0, patchPx: demoSettings.patchPx, counts: demoSettings.counts });

/** Draws the demo's patches, if they are not there; alone in the folder, as all work in it is. */
async function makeDemoData(request: LockRequest & { readonly reporter: RunReporter }): Promise<void> {
  await makeFolder(request.folder);
  await whileLocked(request, async (signal) => {
    await demoData.make({ root: request.folder, signal, reporter: request.reporter });
  });
}

/** The command line as it can be given again in a shell. */
function commandLine(given: readonly string[]): string {
  const quoted = given.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`));
  return ["wsss-tissue", ...quoted].join(" ");
}

/** `wsss-tissue ablate`: full supervision and ablations as one table. */
export function addAblateCommand(program: Command, streams: Streams): void {
  const command = program
    .command("ablate")
    .summary("full supervision and ablations over several seeds, as one table")
    .description(
      "Trains and scores the method (multi-layer), each feature level alone, the method without PDA, the published recipe,\n" +
        "no mosaics, mosaics alone, self-training and full supervision, with several seeds, and tables mean and standard\n" +
        "deviation without and with the class gate.\n" +
        "Each cell is a run folder, OUT/seed-<seed>/<cell>. What is done is skipped: after an interruption, give the same\n" +
        "command again. All options of run hold for every cell, under what makes the cell what it is.",
    );
  groups.addDataOptions(command);
  groups.addAblationOptions(command);
  command
    .option(
      "--demo",
      "on the demo's procedural tissue (of seed 0), with the demo's settings under what is given; needs no data",
    )
    .option(
      "--seeds <n or list>",
      "so many seeds (`3` = 0, 1 and 2), or a list: `4,7`; one alone with a comma behind it: `7,` (default: those of the folder's table, at first `3`)",
      seedList,
    )
    .option(
      "--only <cells>",
      "names of cells with commas between, or `all` (default: those of the folder's table, at first `all`)",
      wordOr("all", words),
    );
  groups.addCheckpointOptions(command);
  groups.addBoardOption(command);
  groups.addPlaceOptions(command.optionsGroup("Device:"));
  addTrainingGroupOptions(command).addOption(
    new Option(
      "--parallel <what>",
      "what several processes share out: the `steps` of every training, or the `cells`, each process doing another one (default: `steps`)",
    ).choices(["steps", "cells"]),
  );
  addNetworkPreset(command);
  addMethodOptions(command);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue ablate --data datasets/LUAD-HistoSeg --preset luad-histoseg --out ablations/luad
  wsss-tissue ablate --demo --out ablations/procedural
  wsss-tissue ablate --data my-tissue --out ablations/small --seeds 5 --width 1/8 --epochs 16
  wsss-tissue ablate --out ablations/small --only multi-layer,full-supervision --seeds 7,`,
  );
  command.action(async (options: AblateOptions) => {
    await act(streams, options, async ({ terminal, view, signal }) => {
      const given = groups.givenOptions(command);
      const demo = options.demo ?? false;
      if (demo && given["data"] !== undefined)
        throw new InvalidArgumentError("--demo has data of its own; leave --data out.");
      if (demo && given["networks"] !== undefined)
        throw new InvalidArgumentError("--demo has networks of its own; leave --networks out.");
      const { forceUnlock, out } = options;
      const plan = planOfRun(given);
      const request = {
        out: options.out,
        data: demo ? { folder: join(options.out, demoData.folder) } : groups.dataOf(given),
        seeds: options.seeds,
        only: options.only,
        given: mergeOptions(demo ? demoSettings.plan : presetOf(given), plan),
        device: groups.deviceOf(given),
        checkpoints: groups.checkpointsOf(given),
        tensorboard: given["tensorboard"] === true,
        force: options.force ?? false,
        forceUnlock,
        parallel: options.parallel,
        signal,
        reporter: view,
        command: commandLine(program.args),
      };
      await withGroup(given, signal, async (groupWork, stop) => {
        if (demo) await makeDemoData({ folder: out, forceUnlock, signal: stop, reporter: view });
        const ablation = await ablate({ ...request, groupWork, signal: stop });
        view.close();
        view.note(`the table is in ${options.out}/ablation.md, all figures are in ${options.out}/ablation.json`);
        writeResult(terminal, ablation, () => ablationText(ablation));
      });
    });
  });
}
