/** Training all stages on what is labelled, as a run in a process of its own, while the labelling goes on. */
import { type ChildProcess, fork } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode, writeBytesAtomic } from "../files/file-access.js";
import { makeFolder } from "../files/make-folder.js";
import type { PlanOptions } from "../run/plan-options.js";
import type { TrainingState } from "./label-facts.js";
import type { Labelling } from "./labelling.js";
import { scoresOfRun } from "./scores-of-run.js";
import type { TrainingMessage, TrainingOrder } from "./training-messages.js";

/** How trainings are made. */
export interface LabelTrainingOptions {
  readonly labelling: Labelling;
  /** What is trained on so many labelled patches. */
  readonly plan: (labelled: number) => PlanOptions;
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
  #isStarting = false;

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

  /** Number of that training; 0 before there is one. */
  get finishedNumber(): number {
    return this.#finished === null ? 0 : Number(path.basename(this.#finished));
  }

  /** Finds what was trained before: the last run that has ended, and one after it that was interrupted, which can go on. */
  async begin(): Promise<void> {
    const numbers = (await this.#numbers()).sort((one, other) => other - one);
    this.#number = numbers[0] ?? 0;
    for (const number of numbers) {
      const run = this.#runOf(number);
      if ((await entriesOf(run)).includes("result.json")) {
        this.#finished = run;
        break;
      }
    }
    if (this.#finished !== null) {
      const scores = await scoresOfRun(this.#finished);
      this.#state = { ...nothingYet, state: "done", number: this.finishedNumber, ...scores };
    }
    if (this.#number === 0 || this.#finished === this.#runOf(this.#number)) return;
    const order = await readOrder(this.#orderOf(this.#number));
    if (order === null) return;
    this.#order = order;
    this.#state = { ...nothingYet, state: "paused", number: this.#number, labelled: order.labelled };
  }

  /**
   * Trains on what is labelled now.
   * @throws WsssError `WSSS_ERR_OPTION` if too little is; `WSSS_ERR_BUSY` if a training is under way; `WSSS_ERR_IO`.
   */
  async start(): Promise<void> {
    this.#assertIdle();
    this.#isStarting = true;
    try {
      await this.#begin();
    } finally {
      this.#isStarting = false;
    }
  }

  /** Goes on with a training that was paused. @throws WsssError `WSSS_ERR_OPTION` if none was */
  async resume(): Promise<void> {
    if (this.#order === undefined || this.#state.state !== "paused") throw nothingTo("resume");
    // It has said that it stops, and may still be about it.
    await this.#ended;
    this.#assertIdle();
    this.#work(this.#order);
  }

  /** Lets the step end, saves, and stops; it can go on. @throws WsssError `WSSS_ERR_OPTION` if none is under way */
  pause(): void {
    if (this.#state.state !== "running") throw nothingTo("pause");
    this.#wish = "pause";
    this.#state = { ...this.#state, state: "pausing" };
    this.#stop();
  }

  /** Gives the training up, and removes what it has made. @throws WsssError `WSSS_ERR_OPTION` if none is under way or paused */
  async cancel(): Promise<void> {
    const order = this.#order;
    if (order === undefined) throw nothingTo("cancel");
    this.#wish = "cancel";
    this.#stop();
    await this.#ended;
    // It may have ended well at the last moment.
    if (this.#finished === order.out) return;
    const number = Number(path.basename(order.out));
    await rm(order.out, { recursive: true, force: true });
    await rm(this.#orderOf(number), { force: true });
    await rm(order.description, { force: true });
    await rm(order.manifest, { force: true });
    this.#order = undefined;
    const scores = this.#finished === null ? undefined : await scoresOfRun(this.#finished);
    this.#state =
      scores === undefined ? nothingYet : { ...nothingYet, state: "done", number: this.finishedNumber, ...scores };
  }

  /** Stops what is under way; its run folder keeps what was learned. */
  async close(): Promise<void> {
    this.#wish = "pause";
    this.#stop();
    await this.#ended;
  }

  async #begin(): Promise<void> {
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
    const copy = await labelling.writeSnapshot(`labels-${this.#number}`);
    const out = this.#runOf(this.#number);
    this.#order = { folder: labelling.dataset.folder, ...copy, out, plan: plan(labelled), device, threads, labelled };
    await writeBytesAtomic(this.#orderOf(this.#number), JSON.stringify(this.#order));
    this.#state = { ...nothingYet, number: this.#number, labelled };
    this.#work(this.#order);
  }

  #runOf(number: number): string {
    return path.join(this.#folder, String(number));
  }

  /** Where the order of a training is kept, so that it can go on after a crash. */
  #orderOf(number: number): string {
    return path.join(this.#folder, `${number}.json`);
  }

  #stop(): void {
    // Who is about to end hears nothing any more, and need not.
    this.#child?.send("stop", () => undefined);
  }

  #assertIdle(): void {
    if (this.#child === undefined && !this.#isStarting) return;
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
    child.send(order, (error) => {
      if (error !== null) this.#fail(error.message);
    });
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
      this.#state = { ...state, state: "done", valMIoU: message.valMIoU, testMIoU: message.testMIoU };
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
    const names = await entriesOf(this.#folder);
    return names.flatMap((name) => (/^[1-9]\d{0,8}$/.test(name) ? [Number(name)] : []));
  }
}

async function entriesOf(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw ioFailure(error, "list", folder);
  }
}

/** The order of a training that was interrupted; null if it can't be read. */
async function readOrder(file: string): Promise<TrainingOrder | null> {
  try {
    return JSON.parse(await readFile(file, "utf8")) as TrainingOrder;
  } catch {
    return null;
  }
}

const nothingYet: TrainingState = {
  ...{ state: "none", number: null, labelled: 0, stage: "", label: "", done: 0, total: 0 },
  ...{ lastEpoch: null, valMIoU: null, testMIoU: null, problem: null },
};

function nothingTo(what: string): WsssError {
  return new WsssError("WSSS_ERR_OPTION", `there is no training to ${what}`, { option: "training" });
}
