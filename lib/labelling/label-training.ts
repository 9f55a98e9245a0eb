/** Training all stages on what is labelled, as a run in a process of its own, while the labelling goes on. */
import { type ChildProcess, fork } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WsssError } from "../errors.js";
import { systemCode } from "../files/file-access.js";
import { makeFolder } from "../files/make-folder.js";
import type { PlanOptions } from "../run/plan-options.js";
import type { TrainingState } from "./label-facts.js";
import type { Labelling } from "./labelling.js";
import type { TrainingMessage, TrainingOrder } from "./training-messages.js";

/** How trainings are made. */
export interface LabelTrainingOptions {
  readonly labelling: Labelling;
  readonly plan: PlanOptions;
  readonly device: string;
  readonly threads: number;
  /** Told why a training failed. */
  readonly onFault: (error: unknown) => void;
}

const program = fileURLToPath(new URL("training-process.js", import.meta.url));
/** Folder of the runs, inside that of the journal. */
const runsFolder = "runs";
/** Fewest labelled patches that a training is worth, and that its batches need. */
const fewestPatches = 8;

/** One training at a time; each is a run folder of its own, `labels/runs/1` and so on. */
export class LabelTraining {
  readonly #options: LabelTrainingOptions;
  readonly #folder: string;
  #order: TrainingOrder | undefined;
  #number = 0;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #state: TrainingState = nothingYet;
  /** What the end of the process means: the training was to be paused, or given up. */
  #wish: "go on" | "pause" | "cancel" = "go on";
  #finished: string | null = null;

  constructor(options: LabelTrainingOptions) {
    this.#options = options;
    this.#folder = path.join(options.labelling.dataset.folder, "labels", runsFolder);
  }

  get state(): TrainingState {
    return this.#state;
  }

  /** Run folder of the last training that has ended well; null before there is one. */
  get finished(): string | null {
    return this.#finished;
  }

  /** Finds what was trained before. */
  async begin(): Promise<void> {
    this.#number = Math.max(0, ...(await this.#numbers()));
    const last = path.join(this.#folder, String(this.#number));
    const isWhole = await readdir(last).then(
      (names) => names.includes("result.json"),
      () => false,
    );
    if (!isWhole) return;
    this.#finished = last;
    this.#state = { ...nothingYet, state: "done", number: this.#number };
  }

  /**
   * Trains on what is labelled now.
   * @throws WsssError `WSSS_ERR_OPTION` if too little is; `WSSS_ERR_BUSY` if a training is under way; `WSSS_ERR_IO`.
   */
  async start(): Promise<void> {
    this.#assertIdle();
    const { labelling, plan, device, threads } = this.#options;
    const { labelled, classes, balance } = labelling.progress();
    const unseen = classes.filter((_, index) => (balance[index]?.present ?? 0) === 0);
    if (classes.length < 2 || labelled < fewestPatches || unseen.length > 0) {
      const why =
        unseen.length > 0 && labelled >= fewestPatches
          ? `nothing shows ${unseen.map(({ name }) => name).join(", ")} yet`
          : `${labelled} patches are labelled, and a training needs ${fewestPatches} at least, of two classes`;
      throw new WsssError("WSSS_ERR_OPTION", `${why}; label some more first`, { option: "training" });
    }
    this.#number = Math.max(this.#number, ...(await this.#numbers())) + 1;
    await makeFolder(this.#folder);
    const description = await labelling.writeSnapshot(`labels-${this.#number}`);
    const out = path.join(this.#folder, String(this.#number));
    this.#order = { folder: labelling.dataset.folder, description, out, plan, device, threads };
    this.#state = { ...nothingYet, number: this.#number, labelled };
    this.#work(this.#order);
  }

  /** Goes on with a training that was paused. @throws WsssError `WSSS_ERR_OPTION` if none was */
  resume(): void {
    this.#assertIdle();
    if (this.#order === undefined || this.#state.state !== "paused") throw nothingTo("resume");
    this.#work(this.#order);
  }

  /** Lets the step end, saves, and stops; it can go on. @throws WsssError `WSSS_ERR_OPTION` if none is under way */
  pause(): void {
    if (this.#child === undefined) throw nothingTo("pause");
    this.#wish = "pause";
    this.#state = { ...this.#state, state: "pausing" };
    this.#child.send("stop");
  }

  /** Gives the training up, and removes what it has made. @throws WsssError `WSSS_ERR_OPTION` if none is under way or paused */
  async cancel(): Promise<void> {
    if (this.#order === undefined) throw nothingTo("cancel");
    this.#wish = "cancel";
    this.#child?.send("stop");
    await this.#ended;
    await rm(this.#order.out, { recursive: true, force: true });
    this.#order = undefined;
    this.#state = this.#finished === null ? nothingYet : { ...nothingYet, state: "done" };
  }

  /** Stops what is under way; its run folder keeps what was learned. */
  async close(): Promise<void> {
    this.#wish = "pause";
    this.#child?.send("stop");
    await this.#ended;
  }

  #assertIdle(): void {
    if (this.#child === undefined) return;
    throw new WsssError("WSSS_ERR_OPTION", "a training is under way; pause it or give it up first", {
      option: "training",
    });
  }

  #work(order: TrainingOrder): void {
    const child = fork(program, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child = child;
    this.#wish = "go on";
    this.#state = { ...this.#state, state: "running", problem: null };
    child.on("message", (message) => this.#hear(message as TrainingMessage));
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => this.#fail(error.message));
      child.once("close", (code, signal) => {
        this.#child = undefined;
        if (this.#state.state === "running" || this.#state.state === "pausing") {
          this.#fail(`the process of the training ended unexpectedly (${signal ?? code})`);
        }
        resolve();
      });
    });
    child.send(order);
  }

  #hear(message: TrainingMessage): void {
    const state = this.#state;
    if (message.kind === "stage") this.#state = { ...state, stage: message.stage, label: "", done: 0, total: 0 };
    else if (message.kind === "progress") {
      const { label, done, total } = message;
      this.#state = { ...state, label, done, total };
    } else if (message.kind === "epoch") this.#state = { ...state, lastEpoch: message.text };
    else if (message.kind === "warning") this.#options.onFault(new Error(message.text));
    else if (message.kind === "done") {
      this.#finished = this.#order?.out ?? null;
      this.#order = undefined;
      const { segmenter } = message.result;
      this.#state = { ...state, state: "done", mIoU: (segmenter?.gated ?? segmenter?.plain)?.mIoU ?? null };
    } else if (message.kind === "stopped") this.#state = { ...state, state: "paused" };
    else this.#fail(message.message);
  }

  #fail(message: string): void {
    if (this.#wish === "cancel") return;
    // The page must not tell where files lie.
    this.#state = { ...this.#state, state: "failed", problem: "The training failed; the program says why." };
    this.#order = undefined;
    this.#options.onFault(new WsssError("WSSS_ERR_INTERNAL", `the training on the labels failed: ${message}`));
  }

  async #numbers(): Promise<number[]> {
    try {
      return (await readdir(this.#folder)).map(Number).filter((one) => Number.isSafeInteger(one) && one > 0);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      throw error;
    }
  }
}

const nothingYet: TrainingState = {
  ...{ state: "none", number: null, labelled: 0, stage: "", label: "", done: 0, total: 0 },
  ...{ lastEpoch: null, mIoU: null, problem: null },
};

function nothingTo(what: string): WsssError {
  return new WsssError("WSSS_ERR_OPTION", `there is no training to ${what}`, { option: "training" });
}
