/** The action that commands of a single stage share: open the run folder, do the work, print the answer. */
import type { Command } from "commander";
import type { SplitName } from "../../dataset/split.js";
import type { PlanCheck } from "../../run/check-plan.js";
import type { RunContext, RunSources } from "../../run/context.js";
import { withRun } from "../../run/open-run.js";
import type { PlanOptions } from "../../run/plan-options.js";
import type { SectionName } from "../../run/plan.js";
import { act, type Streams } from "../environment.js";
import { withGroup } from "../group-of-command.js";
import { checkpointsOf, dataOf, deviceOf, givenOptions } from "../run-options.js";
import { writeResult } from "../terminal.js";

/** What a command of one stage prints. */
export interface StageAnswer {
  readonly json: unknown;
  text(): string;
}

/** A command that does one part of a run in its run folder. */
export interface StageCommand {
  readonly splits: readonly SplitName[];
  readonly sections: readonly SectionName[];
  /** What is checked before the run folder is touched. */
  readonly check?: PlanCheck;
  plan(given: Readonly<Record<string, unknown>>): PlanOptions;
  sources?(given: Readonly<Record<string, unknown>>): RunSources;
  work(context: RunContext): Promise<StageAnswer>;
}

/** Gives a command its action. */
export function setStageAction(command: Command, streams: Streams, stage: StageCommand): void {
  command.action(
    async (options: { json?: boolean; quiet?: boolean; out: string; force?: boolean; forceUnlock?: boolean }) => {
      await act(streams, options, async ({ terminal, view, signal }) => {
        const given = givenOptions(command);
        const plain = {
          out: options.out,
          data: dataOf(given),
          splits: stage.splits,
          sections: stage.sections,
          given: stage.plan(given),
          device: deviceOf(given),
          checkpoints: checkpointsOf(given),
          tensorboard: given["tensorboard"] === true,
          sources: stage.sources?.(given),
          check: stage.check,
          force: options.force ?? false,
          forceUnlock: options.forceUnlock ?? false,
          signal,
          reporter: view,
        };
        await withGroup(given, signal, async (groupWork, stop) => {
          await withRun({ ...plain, groupWork, signal: stop }, async (context) => {
            const answer = await stage.work(context);
            view.close();
            writeResult(terminal, answer.json, () => answer.text());
          });
        });
      });
    },
  );
}
