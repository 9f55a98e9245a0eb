/** Training all stages from the page: its button, how it gets on, pausing and giving up. */
import type { TrainingState } from "../label-facts.js";
import type { LabelRequests } from "./label-requests.js";
import { part, reasonOf, say } from "./page-parts.js";

/** Between two looks at a training that is under way. */
const lookMs = 1000;

const actions = ["start", "pause", "resume", "cancel"] as const;
type TrainingAction = (typeof actions)[number];

/** Which buttons each state has. */
const offered: Readonly<Record<TrainingState["state"], readonly TrainingAction[]>> = {
  none: ["start"],
  running: ["pause", "cancel"],
  pausing: ["cancel"],
  paused: ["resume", "cancel"],
  done: ["start"],
  failed: ["start"],
};

/** Draws the training, and sends its buttons' wishes. */
export class TrainingPanel {
  readonly #requests: LabelRequests;
  readonly #onFinished: () => void;
  #state: TrainingState | null = null;

  /** @param onFinished - told when there is something new to look at. */
  constructor(requests: LabelRequests, onFinished: () => void) {
    this.#requests = requests;
    this.#onFinished = onFinished;
    for (const action of actions) part(`training-${action}`).addEventListener("click", () => void this.#act(action));
  }

  /** Looks again and again. */
  begin(): void {
    this.#look()
      .catch(() => undefined)
      .finally(() => setTimeout(() => this.begin(), lookMs));
  }

  async #look(): Promise<void> {
    this.#show(await this.#requests.training());
  }

  async #act(action: TrainingAction): Promise<void> {
    if (action === "cancel" && !window.confirm("Give this training up? What it has learned so far is deleted.")) return;
    try {
      this.#show(await this.#requests.train(action));
      say(null);
    } catch (error) {
      say(reasonOf(error));
    }
  }

  #show(state: TrainingState): void {
    const isNews = state.state === "done" && this.#state?.state !== "done";
    this.#state = state;
    for (const action of actions) part(`training-${action}`).hidden = !offered[state.state].includes(action);
    part("training-text").textContent = describeTraining(state);
    const bar = part("training-bar") as HTMLProgressElement;
    bar.hidden = state.state !== "running" || state.total === 0;
    bar.max = Math.max(1, state.total);
    bar.value = state.done;
    document.body.dataset["training"] = state.state;
    if (isNews) this.#onFinished();
  }
}

function describeTraining(state: TrainingState): string {
  const { labelled, stage, label, lastEpoch, problem } = state;
  const epoch = lastEpoch === null ? "" : ` Last: ${lastEpoch}.`;
  switch (state.state) {
    case "none":
      return "Classifier, pseudo masks and segmenter, from what is labelled so far.";
    case "running":
      return `On ${labelled} patches: ${[stage, label].filter((text) => text !== "").join(", ")}.${epoch}`;
    case "pausing":
      return "It saves, and stops.";
    case "paused":
      return stage === "" ? "Paused." : `Paused: ${stage}.${epoch}`;
    case "failed":
      return problem ?? "";
    case "done":
      return `Done.${describeScores(state)} Lay it over the patches with O.`;
  }
}

function describeScores({ valMIoU, testMIoU }: TrainingState): string {
  const scores = [
    { where: "val", mIoU: valMIoU },
    { where: "test", mIoU: testMIoU },
  ];
  const known = scores.flatMap(({ where, mIoU }) => (mIoU === null ? [] : `${(100 * mIoU).toFixed(1)} % on ${where}`));
  return known.length === 0 ? "" : ` Mean IoU: ${known.join(", ")}.`;
}
