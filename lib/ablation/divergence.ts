/** Trainings of a cell that diverge: the outcome is recorded in the run folder and not tried again. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { isWsssError } from "../errors.js";
import { digestOf } from "../files/fingerprint.js";
import { packageVersion } from "../files/package-version.js";
import { type RunContext, sectionOf } from "../run/context.js";
import { readJsonIfPresent, writeJson } from "../run/files.js";
import { digestOfFile, identityOfFirstWeights, maskSource } from "../run/sources.js";
import { stageNames } from "../text/stage-names.js";
import type { DivergedOutcome } from "./ablation.js";
import type { CellReporter } from "./cell-reporter.js";

const fileName = "diverged.json";

const record = z.looseObject({
  key: z.string(),
  status: z.literal("diverged"),
  stage: z.enum(stageNames),
  step: z.number(),
  message: z.string(),
});

/** Everything that a divergence depends on. Other than for scores the device counts: another one may round past it. */
async function keyOf(context: RunContext): Promise<string> {
  const { root, plan, fingerprint, origin, sources } = context;
  const identityOfStart = async (name: "classifier" | "segmenter"): Promise<string | null> =>
    await identityOfFirstWeights(sectionOf(context, name));
  return digestOf({
    version: packageVersion,
    plan,
    fingerprint,
    // As it was asked for: which of several GPUs a cell was given, or how many cores, changes from call to call.
    device: origin.device,
    weights: [await identityOfStart("classifier"), await identityOfStart("segmenter")],
    classifier: sources.classifier === undefined ? null : await digestOfFile(sources.classifier),
    masks: sources.masks === undefined ? null : (await maskSource(root, sources.masks)).identity,
  });
}

/** A divergence as an outcome; undefined for any other error. */
function divergenceIn(error: unknown, reporter: CellReporter): DivergedOutcome | undefined {
  if (!isWsssError(error, "WSSS_ERR_DIVERGED")) return undefined;
  const { step } = error.details;
  const stage = reporter.stage ?? "train-segmenter";
  return { status: "diverged", stage, step: typeof step === "number" ? step : 0, message: error.message };
}

/**
 * Does the work of a cell, and takes a divergence for its outcome. That is written down beside the run, so that the same
 * command again does not train the same way into the same NaN.
 *
 * @param isOfWork - whether a divergence from before is one of this work; another one stays written down.
 * @throws WsssError what the work throws, but for `WSSS_ERR_DIVERGED`.
 */
export async function orDiverged<Outcome>(
  context: RunContext,
  reporter: CellReporter,
  work: () => Promise<Outcome>,
  isOfWork: (before: DivergedOutcome) => boolean = () => true,
): Promise<Outcome | DivergedOutcome> {
  const path = join(context.root, fileName);
  const key = await keyOf(context);
  const before = record.safeParse(await readJsonIfPresent(path).catch(() => undefined));
  const stands = context.checkpoints.resume && before.success && before.data.key === key;
  if (stands) {
    const { status, stage, step, message } = before.data;
    const outcome = { status, stage, step, message };
    if (isOfWork(outcome)) return outcome;
  } else await rm(path, { force: true });
  try {
    return await work();
  } catch (error) {
    const diverged = divergenceIn(error, reporter);
    if (diverged === undefined) throw error;
    await writeJson(path, { key, ...diverged });
    return diverged;
  }
}
