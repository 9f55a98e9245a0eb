/** The command `demo`: its options, its run folder by seed, and a run on procedural tissue. */
import { join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import type { Command } from "commander";
import { demoDataset } from "../../demo/demo-dataset.js";
import { demoSettings, slideDemoPlan, tinyDemoSettings, tinySlideDemoPlan } from "../../demo/settings.js";
import { segmentDemoSlide, slideDemoDataset } from "../../demo/slide-demo.js";
import type { OwnDataset } from "../../run/own-dataset.js";
import type { PlanOptions } from "../../run/plan-options.js";
import { allSections } from "../../run/plan.js";
import { act, addTalkOptions, type Streams } from "../environment.js";
import { planOfRun } from "../plan-of-command.js";
import * as groups from "../run-options.js";
import { describeScores } from "../slide-scores-text.js";
import { addPipelineOptions, type AfterRun, runAll } from "./run-command.js";

interface DemoOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly out?: string;
  readonly force?: boolean;
  readonly forceUnlock?: boolean;
  readonly tiny?: boolean;
  readonly slide?: boolean;
  readonly seed?: number;
}

/** Each seed has its own folder, so that demos with several seeds stand side by side. */
function defaultFolder(seed: number, tiny: boolean, slide: boolean): string {
  return resolve(join("wsss-demo", `${tiny ? "tiny-" : ""}${slide ? "slide-" : ""}seed-${seed}`));
}

/** What the demo of slides does at the end. */
const segmentSlideOfRun: AfterRun = async (context) => {
  const demo = await segmentDemoSlide(context);
  const { slide, folder, scores } = demo;
  const lines = [
    `the slide ${slide}, which no network has seen`,
    describeScores(scores),
    `  its map is in ${folder}; look at it by: npx wsss-tissue view "${slide}" "${folder}"`,
  ];
  return { json: { slide: demo }, text: lines.join("\n") };
};

interface DemoMaking {
  readonly plan: PlanOptions;
  readonly ownDataset: OwnDataset;
}

function patchDemo(seed: number, tiny: boolean): DemoMaking {
  const { plan, patchPx, counts } = tiny ? tinyDemoSettings : demoSettings;
  return { plan, ownDataset: demoDataset({ seed, patchPx, counts }) };
}

function slideDemo(seed: number, tiny: boolean): DemoMaking {
  const { plan, ...settings } = tiny ? tinySlideDemoPlan : slideDemoPlan;
  return { plan, ownDataset: slideDemoDataset({ seed, ...settings }) };
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
  command.option("--slide", "draw whole slides, cut the patches out of them, and segment a slide at the end");
  addPipelineOptions(command);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue demo
  wsss-tissue demo --slide
  wsss-tissue demo --seed 7 --json
  wsss-tissue demo --tiny --out /tmp/tiny`,
  );
  command.action(async (options: DemoOptions) => {
    const startedAt = performance.now();
    await act(streams, options, async ({ terminal, view, signal }) => {
      const { seed = 0, tiny = false, slide = false, force = false, forceUnlock = false } = options;
      const { plan, ownDataset } = slide ? slideDemo(seed, tiny) : patchDemo(seed, tiny);
      const given = groups.givenOptions(command);
      const request = {
        out: options.out ?? defaultFolder(seed, tiny, slide),
        splits: ["train", "test"],
        sections: allSections,
        base: plan,
        given: planOfRun({ ...given, seed }),
        device: groups.deviceOf(given),
        checkpoints: groups.checkpointsOf(given),
        tensorboard: given["tensorboard"] === true,
        force,
        forceUnlock,
        signal,
        reporter: view,
        ownDataset,
      } as const;
      await runAll(request, startedAt, { terminal, view }, slide ? segmentSlideOfRun : undefined);
    });
  });
}
