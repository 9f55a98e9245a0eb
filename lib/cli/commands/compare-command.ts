/** The command `compare`: its options, and the printed comparison of two runs. */
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { compareRuns } from "../../run/compare-runs.js";
import { comparisonReport } from "../comparison-report.js";
import { act, addTalkOptions, type Streams } from "../environment.js";
import { writeResult } from "../terminal.js";
import { decimal, integer, oneOf } from "../values.js";

interface CompareOptions {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly gate?: boolean;
  readonly by?: "patch" | "patient";
  readonly level?: number;
  readonly resamples?: number;
  readonly permutations?: number;
  readonly seed?: number;
}

/** `wsss-tissue compare`: two runs on the same test patches. */
export function addCompareCommand(program: Command, streams: Streams): void {
  const command = program
    .command("compare")
    .summary("two runs on the same test patches: difference, interval, paired test")
    .description(
      "Says by how much the second run scores better or worse than the first on the same test patches, and whether\n" +
        "that could be chance: a bootstrap interval of each difference, and a paired randomisation test.",
    )
    .argument("<first>", "run folder, or an evaluation/*.json of one", (text: string) => resolve(text))
    .argument("<second>", "what it is compared with", (text: string) => resolve(text))
    .option("--gate", "the evaluations with the class gate, or without it (default: with, where both have one)")
    .option("--no-gate", "the evaluations without it")
    .option(
      "--by <what>",
      "draw by `patch` or by `patient` (default: `patient`, where the dataset says it)",
      oneOf("patch", "patient"),
    )
    .option("--level <x>", "share of the resamples inside an interval (default: `0.95`)", decimal)
    .option("--resamples <n>", "resamples of the bootstrap (default: `2000`)", integer)
    .option(
      "--permutations <n>",
      "most permutations of the test; where there are no more, all are looked at and `p` is exact (default: `10000`)",
      integer,
    )
    .option("--seed <n>", "seed of the draws (default: `0`)", integer);
  addTalkOptions(command.optionsGroup("Output:")).addHelpText(
    "after",
    `
Examples:
  wsss-tissue compare runs/full runs/weak
  wsss-tissue compare ablation/seed-0/no-pda ablation/seed-0/multi-layer --by patch
  wsss-tissue compare runs/luad/evaluation/plain.json runs/luad/evaluation/gated.json`,
  );
  command.action(async (first: string, second: string, options: CompareOptions) => {
    await act(streams, options, async ({ terminal, view, signal }) => {
      if (first === second) throw new InvalidArgumentError("first and second are the same run.");
      const { by, level, resamples, permutations, seed } = options;
      const gate = command.getOptionValueSource("gate") === "cli" ? options.gate : undefined;
      const comparison = await compareRuns({
        first,
        second,
        which: gate === undefined ? undefined : gate ? "gated" : "plain",
        options: { by, level, resamples, permutations, seed, signal },
      });
      view.close();
      writeResult(terminal, comparison, () => comparisonReport(comparison));
    });
  });
}
