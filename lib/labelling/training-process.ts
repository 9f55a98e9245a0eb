/** The process that trains all stages while somebody labels: it gets its order, tells how it gets on, and ends with whoever ordered it. */
import { performance } from "node:perf_hooks";
import { isWsssError } from "../errors.js";
import type { Device } from "../options/device.js";
import { checkPlan } from "../run/check-plan.js";
import { type RunRequest, withRun } from "../run/open-run.js";
import { runPipeline } from "../run/pipeline.js";
import { allSections } from "../run/plan.js";
import { type RunReporter, silentReporter } from "../run/reporter.js";
import { stageTitles } from "../text/stage-names.js";
import { obeyOrders, tellOwner } from "./ordered-process.js";
import { scoresOfRun } from "./scores-of-run.js";
import type { TrainingMessage, TrainingOrder } from "./training-messages.js";

const tell = (message: TrainingMessage): void => tellOwner(message);

const reporter: RunReporter = {
  ...silentReporter,
  stageStarted: (stage) => tell({ kind: "stage", stage: stageTitles[stage] }),
  progress: ({ label, done, total }) => tell({ kind: "progress", label, done, total }),
  epoch: ({ epoch, epochs, text }) => tell({ kind: "epoch", text: `epoch ${epoch} of ${epochs}: ${text}` }),
  warn: (text) => tell({ kind: "warning", text }),
};

async function train(order: TrainingOrder, signal: AbortSignal): Promise<void> {
  const { folder, description, out, plan, device, threads } = order;
  const request: RunRequest = {
    ...{ out, data: { folder, description }, given: plan, force: false, check: checkPlan, signal, reporter },
    splits: ["train"],
    sections: allSections,
    device: { device: device as Device, threads },
  };
  try {
    await withRun(request, async (context) => await runPipeline(context, performance.now()));
    tell({ kind: "done", ...(await scoresOfRun(out)) });
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_CANCELLED")) tell({ kind: "stopped" });
    else {
      const code = isWsssError(error) ? error.code : "WSSS_ERR_INTERNAL";
      tell({ kind: "failed", code, message: error instanceof Error ? error.message : String(error) });
    }
  }
}

obeyOrders(async (order, signal) => await train(order as TrainingOrder, signal));
