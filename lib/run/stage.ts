/** A stage of a run in general: skipped if it is done and whole, otherwise performed and marked. */
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { throwIfAborted } from "../async/cancellation.js";
import { WsssError } from "../errors.js";
import { ioFailure } from "../files/file-access.js";
import { digestOf } from "../files/fingerprint.js";
import { writeJson } from "./files.js";
import type { RunReporter } from "./reporter.js";
import { checkStage, measureOutput, type StageMarker, type StageOutput } from "./stage-marker.js";
import type { StageName } from "../text/stage-names.js";

/** What every stage needs of its surroundings. */
export interface StageSurroundings {
  /** The run folder. */
  readonly root: string;
  readonly signal: AbortSignal;
  readonly reporter: RunReporter;
  /** Called before the work of a stage that is not skipped; what it throws leaves what the stage had left before. */
  readonly beforeWork?: ((stage: StageName) => Promise<void>) | undefined;
}

/** One stage: what it depends on, what it writes, and the work. */
export interface Stage<Result> {
  readonly name: StageName;
  /** Everything the result depends on, as JSON: options, inputs, ids of the stages before. */
  readonly key: unknown;
  /** What it writes, relative to the run folder. */
  readonly outputs: readonly string[];
  /** Does the work, knowing the digest of {@link key}; what it returns goes into the marker as JSON and comes back from there when the stage is skipped. */
  work(key: string): Promise<Result>;
}

/** A stage that is done, now or before. */
export interface StageOutcome<Result> {
  readonly stage: StageName;
  readonly skipped: boolean;
  readonly id: string;
  readonly result: Result;
  /** How long the work took when it was done, in milliseconds. */
  readonly elapsedMs: number;
}

async function measureOutputs(root: string, stage: Stage<unknown>): Promise<StageOutput[]> {
  const outputs: StageOutput[] = [];
  for (const path of stage.outputs) {
    const output = await measureOutput(root, path);
    if (output === undefined) {
      throw new WsssError("WSSS_ERR_INTERNAL", `stage ${stage.name} ended without writing ${path}`, { path });
    }
    outputs.push(output);
  }
  return outputs;
}

/**
 * Does a stage, or skips it if it was done from the same options and inputs and its files are whole.
 *
 * While a stage works, its marker is away: after an interruption it counts as not done, and what it had written before
 * stays where it is.
 *
 * @throws WsssError whatever the work throws; `WSSS_ERR_CANCELLED` if the signal is aborted before it begins.
 */
export async function performStage<Result>(
  { root, signal, reporter, beforeWork }: StageSurroundings,
  stage: Stage<Result>,
): Promise<StageOutcome<Result>> {
  throwIfAborted(signal, `stage ${stage.name}`);
  const key = digestOf({ stage: stage.name, key: stage.key });
  const check = await checkStage(root, stage.name, key);
  if (check.valid) {
    reporter.stageSkipped(stage.name);
    const { id, elapsedMs } = check.marker;
    return { stage: stage.name, skipped: true, id, elapsedMs, result: check.marker.result as Result };
  }
  const markerPath = join(root, "stages", `${stage.name}.json`);
  reporter.stageStarted(stage.name, check.reason);
  await beforeWork?.(stage.name);
  await rm(markerPath, { force: true }).catch((error: unknown) => {
    throw ioFailure(error, "write", markerPath);
  });
  const startedAt = performance.now();
  const result = await stage.work(key);
  const elapsedMs = Math.round(performance.now() - startedAt);
  const marker: StageMarker = {
    format: 1,
    stage: stage.name,
    id: randomUUID(),
    key,
    outputs: await measureOutputs(root, stage),
    result,
    finishedAt: new Date().toISOString(),
    elapsedMs,
  };
  await writeJson(markerPath, marker);
  reporter.stageFinished(stage.name, elapsedMs);
  return { stage: stage.name, skipped: false, id: marker.id, result, elapsedMs };
}
