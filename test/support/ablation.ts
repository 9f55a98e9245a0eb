/** Ablations of the smallest networks, in this process and as command lines. */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { ablate, type AblationRequest } from "../../dist/ablation/ablate.js";
import type { Ablation, CellReport, DoneOutcome } from "../../dist/ablation/ablation.js";
import { silentReporter } from "../../dist/run/reporter.js";

/** What each cell is trained with, as options and, below, as words. */
const training = { batchSize: 4, learningRate: 0.02, headLearningRateFactor: 1 };
export const given = {
  classifier: { width: 1 / 16, training: { ...training, epochs: 2, pdaStartEpoch: 1 } },
  segmenter: { width: 1 / 16, training: { ...training, epochs: 3 } },
  pictures: { count: 1 },
};
const classifierWords = ["--classifier-epochs", "2", "--pda-start-epoch", "1"];
const sharedWords = ["--width", "1/16", "--batch-size", "4", "--lr", "0.02", "--head-lr-factor", "1"];
// One thread: several would wait for one another where something else is at work, and one gives the same bits always.
const place = ["--device", "cpu", "--threads", "1"];
/** {@link given} on the command line. */
export const words = [...sharedWords, ...classifierWords, "--segmenter-epochs", "3", "--pictures", "1", ...place];

type Options = Partial<AblationRequest> & Required<Pick<AblationRequest, "out" | "data">>;

/** An ablation in this process; what it says goes to `heard`. */
export async function runAblation(options: Options, heard: string[] = []): Promise<Ablation> {
  return await ablate({
    given,
    device: { device: "cpu", threads: 1 },
    force: false,
    signal: new AbortController().signal,
    reporter: { ...silentReporter, note: (text) => heard.push(text), warn: (text) => heard.push(text) },
    ...options,
  });
}

/** The value of a JSON file. */
export async function readJson<Value>(...parts: string[]): Promise<Value> {
  return JSON.parse(await readFile(path.join(...parts), "utf8")) as Value;
}

/** One line of the table. */
export function cellOf({ cells }: Ablation, name: string): CellReport {
  const found = cells.find((cell) => cell.name === name);
  if (found === undefined) throw new Error(`no cell ${name}`);
  return found;
}

/** What came out of a cell with the seed at a position; fails if it is not done. */
export function doneOf(ablation: Ablation, name: string, index = 0): DoneOutcome {
  const outcome = cellOf(ablation, name).seeds[index]?.outcome;
  if (outcome?.status !== "done") throw new Error(`${name} is not done: ${JSON.stringify(outcome)}`);
  return outcome;
}
