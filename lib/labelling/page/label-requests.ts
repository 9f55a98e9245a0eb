/** What the page asks its server, and what it brings there: each commit once, in order, until the disk has it. */
import type {
  LabelChange,
  LabelConflict,
  LabelFacts,
  LabelMode,
  LabelProgress,
  LabelSlide,
  LabelTask,
  LearnedLayers,
  LookAgain,
  TrainingState,
} from "../label-facts.js";

/** Between two tries to bring a commit to a server that does not answer. */
const retryMs = 1500;

/** A refusal of the server, in its own words. */
export class Refusal extends Error {}

/** Asks for something. @throws Refusal if it is refused */
async function ask<Answer>(address: string): Promise<Answer> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Refusal(await answer.text());
  return (await answer.json()) as Answer;
}

/** What a commit came to: how much is done, or what has changed meanwhile. */
export type CommitOutcome = LabelProgress | LabelConflict;

interface Waiting {
  readonly address: string;
  readonly body: string;
  readonly settle: (outcome: unknown) => void;
  readonly refuse: (error: unknown) => void;
}

/** The server, as the page knows it. */
export class LabelRequests {
  /** Of the program that answers now: it may have been started again. */
  #writeToken: string;
  readonly #onWaiting: (count: number, isLockedOut: boolean) => void;
  readonly #waiting: Waiting[] = [];
  #isSending = false;

  /** @param onWaiting - told how many commits the server does not have yet, and whether it wants its new address to be opened first. */
  constructor({ writeToken }: LabelFacts, onWaiting: (count: number, isLockedOut: boolean) => void) {
    this.#writeToken = writeToken;
    this.#onWaiting = onWaiting;
  }

  static async facts(): Promise<LabelFacts> {
    return await ask<LabelFacts>("/facts");
  }

  /** Commits that the server does not have yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  async progress(): Promise<LabelProgress> {
    return await ask("/progress");
  }

  async next(count: number, held: readonly number[]): Promise<LabelTask[]> {
    return await ask(`/next?count=${count}&held=${held.join(",")}`);
  }

  async sweep(classId: string, count: number, like: number | null): Promise<LabelTask[]> {
    const order = like === null ? "" : `&like=${like}`;
    return await ask(`/sweep?class=${encodeURIComponent(classId)}&count=${count}${order}`);
  }

  async task(patch: number): Promise<LabelTask> {
    return await ask(`/tasks/${patch}`);
  }

  async lookAgain(): Promise<LookAgain[]> {
    return await ask("/look-again");
  }

  async training(): Promise<TrainingState> {
    return await ask("/training");
  }

  async layers(): Promise<LearnedLayers> {
    return await ask("/layers");
  }

  async slides(): Promise<LabelSlide[]> {
    return await ask("/slides");
  }

  async actOnSlide(slide: number, action: "segment" | "stop"): Promise<LabelSlide[]> {
    return await this.#wish("/slides", { slide, action });
  }

  async train(action: "start" | "pause" | "resume" | "cancel"): Promise<TrainingState> {
    return await this.#wish("/training", { action });
  }

  async commit(mode: LabelMode, seconds: number, changes: readonly LabelChange[]): Promise<CommitOutcome> {
    return await this.#bring("/commit", { mode, seconds, changes });
  }

  async undo(): Promise<readonly LabelTask[] | LabelConflict> {
    return await this.#bring("/undo", {});
  }

  async setClass(id: string | null, name: string, colour: readonly number[] | null): Promise<LabelProgress> {
    return await this.#bring("/classes", { id, name, colour });
  }

  /** Resolves when the server has all commits. */
  async idle(): Promise<void> {
    while (this.#waiting.length > 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** Asks for something to be done now; labels are brought again and again, wishes are not. @throws Refusal */
  async #wish<Outcome>(address: string, content: object): Promise<Outcome> {
    const answer = await this.#post(address, JSON.stringify({ request: crypto.randomUUID(), ...content }));
    if (!answer.ok) throw new Refusal(problemIn(await answer.text()));
    return (await answer.json()) as Outcome;
  }

  async #bring<Outcome>(address: string, content: object): Promise<Outcome> {
    const body = JSON.stringify({ request: crypto.randomUUID(), ...content });
    return await new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ address, body, settle: (outcome) => resolve(outcome as Outcome), refuse: reject });
      this.#onWaiting(this.#waiting.length, false);
      void this.#sendAll();
    });
  }

  async #sendAll(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const answer = await this.#send(first);
      // The server does not answer, or could not write: the same request again, which counts once.
      if (answer === null) {
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        continue;
      }
      this.#waiting.shift();
      this.#onWaiting(this.#waiting.length, false);
      if ("refusal" in answer) first.refuse(new Refusal(answer.refusal));
      else first.settle(answer.outcome);
    }
    this.#isSending = false;
  }

  async #send({
    address,
    body,
  }: Waiting): Promise<{ readonly outcome: unknown } | { readonly refusal: string } | null> {
    try {
      const answer = await this.#post(address, body);
      if (answer.ok || answer.status === 409) return { outcome: await answer.json() };
      if (answer.status >= 500) return null;
      if (answer.status === 401 || answer.status === 403) {
        await this.#enterAgain();
        return null;
      }
      return { refusal: problemIn(await answer.text()) };
    } catch {
      return null;
    }
  }

  /** The program was started again: once its new address was opened in this browser, it tells its token to this page too. */
  async #enterAgain(): Promise<void> {
    const answer = await fetch("/facts");
    if (answer.ok) this.#writeToken = ((await answer.json()) as LabelFacts).writeToken;
    this.#onWaiting(this.#waiting.length, !answer.ok);
  }

  async #post(address: string, body: string): Promise<Response> {
    const headers = { "content-type": "application/json", "x-wsss-token": this.#writeToken };
    return await fetch(address, { method: "POST", headers, body });
  }
}

function problemIn(said: string): string {
  try {
    return (JSON.parse(said) as { problem?: string }).problem ?? said;
  } catch {
    return said;
  }
}
