/** The page of `wsss-tissue label`: brings its parts together. Runs in the browser. */
import type { LabelProgress } from "../label-facts.js";
import { ClassEditor } from "./class-editor.js";
import { type CommitOutcome, LabelRequests } from "./label-requests.js";
import { isTyping, part, reasonOf, say } from "./page-parts.js";
import { showLookAgain, showProgress, showSaved } from "./side-panel.js";
import { type ModeHost, SingleMode } from "./single-mode.js";
import { PatchLayers } from "./patch-layers.js";
import { SlideList } from "./slide-list.js";
import { SweepMode } from "./sweep-mode.js";
import { TrainingPanel } from "./training-panel.js";

/** How often the page asks how the classifier, and other tabs, get on. */
const pollMs = 2000;

const modes = ["single", "sweep", "again", "slides"] as const;
type Mode = (typeof modes)[number];
const keysOfModes: Readonly<Record<string, Mode>> = { F1: "single", F2: "sweep", F3: "again", F4: "slides" };

class LabelPage {
  readonly #requests: LabelRequests;
  readonly #editor: ClassEditor;
  readonly #single: SingleMode;
  readonly #sweep: SweepMode;
  readonly #training: TrainingPanel;
  readonly #slides: SlideList;
  readonly #layers: PatchLayers;
  #progress: LabelProgress;
  #mode: Mode = "single";
  #hasTakenSpace = false;

  constructor(requests: LabelRequests, progress: LabelProgress, hasSurroundings: boolean) {
    this.#requests = requests;
    this.#progress = progress;
    const host: ModeHost = {
      requests,
      classes: () => this.#progress.classes,
      suggests: () => this.#progress.suggestions.state === "ready",
      committed: (outcome) => this.#committed(outcome),
      redraw: () => this.#redraw(),
    };
    this.#editor = new ClassEditor({
      requests,
      pressed: (id) => this.#pressed(id),
      changed: (changed) => {
        this.#take(changed);
        void this.#refresh();
      },
    });
    this.#slides = new SlideList(requests);
    part("to-slides").hidden = !hasSurroundings;
    const layers = new PatchLayers();
    this.#single = new SingleMode(host, hasSurroundings, layers);
    this.#layers = layers;
    this.#training = new TrainingPanel(requests, () => this.#offerLayers());
    this.#sweep = new SweepMode(host);
    for (const mode of modes) part(`to-${mode}`).addEventListener("click", () => void this.#enter(mode));
    document.addEventListener("keydown", (event) => this.#handleKey(event));
    // Some browsers press a button when Space is let go, whatever became of the key.
    document.addEventListener("keyup", (event) => {
      if (event.key === " " && this.#hasTakenSpace) event.preventDefault();
      if (event.key === " ") this.#hasTakenSpace = false;
    });
    window.addEventListener("beforeunload", (event) => {
      if (this.#requests.waiting > 0) event.preventDefault();
    });
  }

  async begin(): Promise<void> {
    this.#take(this.#progress);
    await this.#single.fill();
    this.#poll();
    this.#training.begin();
    this.#offerLayers();
  }

  #offerLayers(): void {
    this.#requests.layers().then(
      (learned) => this.#layers.offer(learned),
      (error: unknown) => say(reasonOf(error)),
    );
  }

  /** Asks again and again; a server that does not answer is asked as well. */
  #poll(): void {
    setTimeout(() => {
      this.#look()
        .catch(() => undefined)
        .finally(() => this.#poll());
    }, pollMs);
  }

  async #look(): Promise<void> {
    const before = this.#progress.revision;
    const isOwn = this.#requests.waiting > 0;
    const progress = await this.#requests.progress();
    // What is on its way may have come before or after this answer.
    if (isOwn || this.#requests.waiting > 0 || this.#progress.revision !== before) return;
    this.#take(progress);
    if (progress.revision !== before) await this.#refresh();
    // After a time without its program the page may have nothing left to show.
    else if (this.#mode === "single") await this.#single.fill();
  }

  /** Somebody else has changed something: what was fetched is old. */
  async #refresh(): Promise<void> {
    if (this.#mode === "sweep") await this.#sweep.refresh();
    else await this.#single.refresh(this.#mode === "single");
  }

  #committed(outcome: CommitOutcome): void {
    if ("conflict" in outcome) return;
    say(null);
    if (outcome.revision >= this.#progress.revision) this.#take(outcome);
  }

  #take(progress: LabelProgress): void {
    this.#progress = progress;
    document.body.dataset["revision"] = String(progress.revision);
    document.body.dataset["suggestions"] = progress.suggestions.state;
    showProgress(progress);
    this.#redraw();
  }

  #redraw(): void {
    this.#editor.draw(this.#progress, (id) => {
      if (this.#mode === "sweep") return { isOn: this.#sweep.classId === id, suggestion: null };
      if (this.#mode !== "single") return { isOn: null, suggestion: null };
      return { isOn: this.#single.isChosen(id), suggestion: this.#single.suggestion(id) };
    });
  }

  #pressed(id: string): void {
    if (this.#mode === "sweep") void this.#sweep.begin(id);
    else if (this.#mode === "single") this.#single.toggle(id);
  }

  async #enter(mode: Mode): Promise<void> {
    this.#mode = mode;
    say(null);
    for (const one of modes) {
      part(one).hidden = one !== mode;
      part(`to-${one}`).setAttribute("aria-pressed", String(one === mode));
    }
    part("keys-single").hidden = mode !== "single";
    part("keys-sweep").hidden = mode !== "sweep";
    document.body.dataset["mode"] = mode;
    this.#slides.see(mode === "slides");
    this.#redraw();
    if (mode === "single") await this.#single.refresh(false);
    else if (mode === "sweep") await this.#sweep.begin();
    else if (mode === "again") await this.#showAgain();
  }

  async #showAgain(): Promise<void> {
    const list = await this.#requests.lookAgain();
    showLookAgain(list, (patch) => {
      void this.#enter("single").then(async () => await this.#single.open(patch));
    });
  }

  #handleKey(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const mode = keysOfModes[event.key];
    if (mode !== undefined && !part(`to-${mode}`).hidden) {
      event.preventDefault();
      void this.#enter(mode);
      return;
    }
    if (event.key === "Escape" && event.target instanceof HTMLElement) event.target.blur();
    if (isTyping(event)) return;
    // A key that is held down would label patches that nobody has seen.
    if (event.repeat && !event.key.startsWith("Arrow")) return;
    // On a button Enter presses it; in a sweep it says all that is shown, but for other buttons than its own.
    const button = event.target instanceof HTMLButtonElement ? event.target : null;
    const isOwnButton = button !== null && !button.classList.contains("tile");
    if (event.key === "Enter" && isOwnButton) return;
    // Who has come to a button by keys means that button; after a click of the mouse Space goes on labelling.
    if (event.key === " " && isOwnButton && button.matches(":focus-visible")) return;
    const isHandled =
      this.#mode === "sweep"
        ? this.#sweep.handleKey(event.key, event.shiftKey)
        : this.#mode === "single" && this.#single.handleKey(event.key);
    if (!isHandled) return;
    event.preventDefault();
    if (event.key === " ") this.#hasTakenSpace = true;
  }
}

async function begin(): Promise<void> {
  const facts = await LabelRequests.facts();
  document.title = `${facts.title} - wsss-tissue label`;
  part("title").textContent = facts.title;
  part("annotator").textContent = `as ${facts.annotator}`;
  const requests = new LabelRequests(facts, showSaved);
  showSaved(0, false);
  await new LabelPage(requests, await requests.progress(), facts.hasSurroundings).begin();
  document.body.dataset["open"] = "yes";
}

begin().catch((error: unknown) => say(`The page could not begin: ${reasonOf(error)}`));
