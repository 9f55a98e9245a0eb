/** A run that is stopped at the beginning of each stage: a typed error, everything saved before stays, the rest goes on. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import path from "node:path";
import { demoDataset } from "../dist/demo/demo-dataset.js";
import { tinyDemoSettings } from "../dist/demo/settings.js";
import { withRun } from "../dist/run/open-run.js";
import { runPipeline } from "../dist/run/pipeline.js";
import { type RunReporter, silentReporter } from "../dist/run/reporter.js";
import type { StageName } from "../dist/text/stage-names.js";
import { digestsOf, freshFolder } from "./support/command-line.js";

const stages = ["dataset", "train-classifier", "pseudo-masks", "train-segmenter", "evaluate", "pictures"] as const;

interface Log {
  readonly started: StageName[];
  readonly skipped: StageName[];
}

let out: string;

/** The tiny demo; `stopAt` aborts it as soon as that stage reports anything. */
async function run(stopAt?: StageName): Promise<Log> {
  const controller = new AbortController();
  const log: Log = { started: [], skipped: [] };
  const stop = (stage: string): void => {
    if (stage === stopAt) controller.abort();
  };
  const reporter: RunReporter = {
    ...silentReporter,
    stageStarted: (stage) => log.started.push(stage),
    stageSkipped: (stage) => log.skipped.push(stage),
    progress: ({ stage }) => {
      stop(stage);
    },
  };
  const { patchPx, counts, plan } = tinyDemoSettings;
  const request = {
    out,
    splits: ["train", "test"],
    sections: ["classifier", "pseudoMasks", "segmenter", "evaluation", "pictures"],
    base: plan,
    given: { seed: 1 },
    force: false,
    signal: controller.signal,
    reporter,
    ownDataset: demoDataset({ seed: 1, patchPx, counts }),
  } as const;
  await withRun(request, async (context) => await runPipeline(context, performance.now()));
  return log;
}

describe("a run that is stopped", () => {
  beforeAll(async () => {
    out = path.join(await freshFolder(), "demo");
  });

  // One folder through all of it: each time the run comes one stage further.
  test.each(stages)("in %s fails as cancelled, and keeps what was there", async (stage) => {
    const before = await digestsOf(out).catch(() => ({}));
    await expect(run(stage)).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
    // Metrics and checkpoints of a training that was stopped are replaced when it begins anew, and the report says how far it is; all
    // else stays.
    const replaced = /^(run\.json|report\.html|metrics\/|checkpoints\/)/;
    const kept = Object.fromEntries(Object.entries(before).filter(([name]) => !replaced.test(name)));
    const after = await digestsOf(out);
    expect(after).toMatchObject(kept);
    expect(Object.keys(after).filter((name) => name.includes(".part") || name.endsWith("run.lock"))).toEqual([]);
    expect(Object.keys(after)).not.toContain(`stages/${stage}.json`);
  });

  test("goes on to the end, without what was done", async () => {
    const log = await run();
    expect(log.started).toEqual(["pictures"]);
    expect(log.skipped).toEqual(stages.slice(0, -1));
  });
});
