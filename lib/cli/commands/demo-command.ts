/** The command `demo`: its options, its run folder by seed, and a run on procedural tissue. */
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import type { Command } from "commander";
import { demoDataset } from "../../demo/demo-dataset.js";
import { demoSettings, tinyDemoSettings } from "../../demo/settings.js";
import { allSections } from "../../run/plan.js";
import { act, addTalkOptions, type Streams } from "../environment.js";
import { planOfRun } from "../plan-of-command.js";
import * as groups from "../run-options.js";
import { addPipelineOptions, runAll } from "./run-command.js";

interface DemoOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly out?: string;
  readonly force?: boolean;
  readonly forceUnlock?: boolean;
  readonly tiny?: boolean;
  readonly seed?: number;
}

/** Each seed has its own folder, so that demos with several seeds stand side by side. */
function defaultFolder(seed: number, tiny: boolean): string {
  return resolve(join("wsss-demo", `${tiny ? "tiny-" : ""}seed-${seed}`));
}

/** `wsss-tissue demo`: everything on procedural tissue, without any download of data. */
export function addDemoCommand(program: Command, streams: Streams): void {
  const command = program
    .command("demo")
    .summary("the whole pipeline on procedural tissue, in minutes; needs no data")
    .description(
      "Draws a seeded dataset of procedural tissue with true masks, trains small networks on its patch-level labels through\n" +
        "all stages, scores them and draws pictures. Takes two to six minutes on two cores. All options of run go\n" +
        "on top of the demo's own settings.",
    );
  groups.addFolderOptions(command, "wsss-demo/seed-<seed>");
  command.option("--tiny", "a demo of seconds that learns next to nothing, to try the installation");
  addPipelineOptions(command);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue demo
  wsss-tissue demo --seed 7 --json
  wsss-tissue demo --tiny --out /tmp/tiny`,
  );
  command.action(async (options: DemoOptions) => {
    const startedAt = performance.now();
    await act(streams, options, async ({ terminal, view, signal }) => {
      const { seed = 0, tiny = false, force = false, forceUnlock = false } = options;
      const settings = tiny ? tinyDemoSettings : demoSettings;
      const given = groups.givenOptions(command);
      const request = {
        out: options.out ?? defaultFolder(seed, tiny),
        splits: ["train", "test"],
        sections: allSections,
        base: settings.plan,
        given: planOfRun({ ...given, seed }),
        device: groups.deviceOf(given),
        checkpoints: groups.checkpointsOf(given),
        tensorboard: given["tensorboard"] === true,
        force,
        forceUnlock,
        signal,
        reporter: view,
        ownDataset: demoDataset({ seed, patchPx: settings.patchPx, counts: settings.counts }),
      } as const;
      await runAll(request, startedAt, { terminal, view });
    });
  });
}
