/** What the page asks its server, and what it brings there: each commit once, in order, until the disk has it. */
import type {
  LabelChange,
  LabelConflict,
  LabelFacts,
  LabelMode,
  LabelProgress,
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
  readonly #writeToken: string;
  readonly #onWaiting: (count: number) => void;
  readonly #waiting: Waiting[] = [];
  #isSending = false;

  /** @param onWaiting - told how many commits the server does not have yet. */
  constructor({ writeToken }: LabelFacts, onWaiting: (count: number) => void) {
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

  async train(action: "start" | "pause" | "resume" | "cancel"): Promise<TrainingState> {
    return await this.#bring("/training", { action });
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

  async #bring<Outcome>(address: string, content: object): Promise<Outcome> {
    const body = JSON.stringify({ request: crypto.randomUUID(), ...content });
    return await new Promise<Outcome>((resolve, reject) => {
      this.#waiting.push({ address, body, settle: (outcome) => resolve(outcome as Outcome), refuse: reject });
      this.#onWaiting(this.#waiting.length);
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
      this.#onWaiting(this.#waiting.length);
      if ("refusal" in answer) first.refuse(new Refusal(answer.refusal));
      else first.settle(answer.outcome);
    }
    this.#isSending = false;
  }

  async #send({
    address,
    body,
  }: Waiting): Promise<{ readonly outcome: unknown } | { readonly refusal: string } | null> {
    const headers = { "content-type": "application/json", "x-wsss-token": this.#writeToken };
    try {
      const answer = await fetch(address, { method: "POST", headers, body });
      if (answer.ok || answer.status === 409) return { outcome: await answer.json() };
      if (answer.status >= 500) return null;
      const said = await answer.text();
      return { refusal: problemIn(said) };
    } catch {
      return null;
    }
  }
}

function problemIn(said: string): string {
  try {
    return (JSON.parse(said) as { problem?: string }).problem ?? said;
  } catch {
    return said;
  }
}
