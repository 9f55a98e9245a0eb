/** Labelling one patch after the other. */
import type { LabelChange, LabelClass, LabelTask } from "../label-facts.js";
import { LabelPictures } from "./label-pictures.js";
import type { CommitOutcome, LabelRequests } from "./label-requests.js";
import type { PatchLayers } from "./patch-layers.js";
import { part, picturePart, reasonOf, say } from "./page-parts.js";

/** Patches that are ready to be shown. */
const ahead = 10;

/** Said where a commit can't be taken back any more. */
export const nothingToUndo = "This was labelled again meanwhile, so that there is nothing to take back.";

/** The patch that is shown, and what is said of it so far. */
interface Shown {
  readonly task: LabelTask;
  readonly chosen: Map<string, 0 | 1>;
  readonly wasPrefilled: boolean;
  readonly since: number;
  /** Whether somebody has chosen anything since it is shown. */
  isTouched: boolean;
}

/** What a mode needs of the page. */
export interface ModeHost {
  readonly requests: LabelRequests;
  /** The classes as they are now. */
  classes(): readonly LabelClass[];
  /** Whether the classifier suggests anything yet. */
  suggests(): boolean;
  /** Told how a commit ended. */
  committed(outcome: CommitOutcome): void;
  /** Draws the classes again. */
  redraw(): void;
}

/** One patch at a time: digits, Space, next. */
export class SingleMode {
  readonly #host: ModeHost;
  readonly #pictures: LabelPictures;
  readonly #layers: PatchLayers;
  #queue: LabelTask[] = [];
  #shown: Shown | null = null;
  /** Patches that were shown before, the last one last. */
  readonly #past: number[] = [];
  #before: ReadonlyMap<string, 0 | 1> | null = null;
  #filling: Promise<void> | null = null;
  /** Number of the showing: pictures of an earlier one come too late. */
  #showing = 0;
  /** Whether the patch has been seen, or can't be. */
  #isDrawn = false;

  constructor(host: ModeHost, hasSurroundings: boolean, layers: PatchLayers) {
    this.#host = host;
    this.#layers = layers;
    this.#pictures = new LabelPictures(hasSurroundings);
    part("around-figure").hidden = !hasSurroundings;
    part("commit").addEventListener("click", () => this.commit(false));
    part("unsure").addEventListener("click", () => this.commit(true));
    part("as-before").addEventListener("click", () => this.asBefore());
    part("back").addEventListener("click", () => void this.back());
    part("undo").addEventListener("click", () => void this.undo());
  }

  /** Whether a class is there, as it is shown; null while no patch is. */
  isChosen(id: string): boolean | null {
    return this.#shown === null ? null : this.#shown.chosen.get(id) === 1;
  }

  /** What the classifier thinks of a class of the patch that is shown; null if it says nothing. */
  suggestion(id: string): number | null {
    return this.#shown?.task.suggested?.[id] ?? null;
  }

  toggle(id: string): void {
    const shown = this.#shown;
    if (shown === null) return;
    shown.chosen.set(id, shown.chosen.get(id) === 1 ? 0 : 1);
    shown.isTouched = true;
    this.#host.redraw();
  }

  /** Fetches what comes next, and shows it if nothing is shown. */
  async fill(): Promise<void> {
    this.#filling ??= this.#fillOnce().finally(() => (this.#filling = null));
    await this.#filling;
  }

  /**
   * Forgets what was fetched: somebody has labelled meanwhile, or the order is another one.
   * @param isInUse - whether the patch that is shown is being looked at. It then stays, whatever was said of it elsewhere: a key that is
   *   pressed just now must not be taken for another patch, nor for what others have chosen.
   */
  async refresh(isInUse: boolean): Promise<void> {
    await this.#filling?.catch(() => undefined);
    this.#queue = [];
    const shown = this.#shown;
    if (shown !== null) {
      const task = await this.#host.requests.task(shown.task.patch);
      if (task.revision !== shown.task.revision && this.#shown === shown) {
        if (isInUse) this.#showAgain(shown, task);
        else this.#shown = null;
      }
    }
    await this.fill();
  }

  /** Shows one patch, whatever is next. */
  async open(patch: number): Promise<void> {
    const task = await this.#host.requests.task(patch);
    if (this.#shown !== null && this.#shown.task.patch !== patch) this.#queue.unshift(this.#shown.task);
    this.#queue = this.#queue.filter((one) => one.patch !== patch);
    this.#show(task);
  }

  handleKey(key: string): boolean {
    if (/^[0-9]$/.test(key)) {
      const one = this.#host.classes()[key === "0" ? 9 : Number(key) - 1];
      if (one !== undefined) this.toggle(one.id);
    } else if (key === " ") this.commit(false);
    else if (key === "?") this.commit(true);
    else if (key === "Backspace") void this.back();
    else if (key.toLowerCase() === "u") void this.undo();
    else if (key.toLowerCase() === "r") this.asBefore();
    else if (key.toLowerCase() === "o") this.#layers.turn();
    else if (key === "," || key === ".") this.#layers.changeOpacity(key === "," ? -1 : 1);
    else return false;
    return true;
  }

  /** Says what is chosen of the patch, and goes on at once: the server is told meanwhile. */
  commit(isUnsure: boolean): void {
    const shown = this.#shown;
    const classes = this.#host.classes();
    // What was not seen yet can't be judged.
    if (shown === null || classes.length === 0 || !this.#isDrawn) return;
    const { task, chosen, wasPrefilled, since } = shown;
    const answers = Object.fromEntries(classes.map(({ id }) => [id, chosen.get(id) ?? 0] as const));
    const change: LabelChange = {
      ...{ patch: task.patch, revision: task.revision, isUnsure, wasPrefilled },
      answers: isUnsure ? {} : answers,
    };
    this.#before = new Map(chosen);
    this.#past.push(task.patch);
    this.#shown = null;
    const seconds = (performance.now() - since) / 1000;
    this.#host.requests.commit("single", seconds, [change]).then(
      (outcome) => {
        if ("conflict" in outcome) this.#askAgain(outcome.conflict);
        this.#host.committed(outcome);
      },
      (error: unknown) => say(`${task.name} is not labelled: ${reasonOf(error)}`),
    );
    this.#showNext(false);
    void this.#fillQuietly();
  }

  asBefore(): void {
    if (this.#shown === null || this.#before === null) return;
    for (const [id, answer] of this.#before) this.#shown.chosen.set(id, answer);
    this.#shown.isTouched = true;
    this.#host.redraw();
  }

  async back(): Promise<void> {
    const patch = this.#past.pop();
    // It may be on its way to the server still, which would then not know what was said of it.
    await this.#host.requests.idle();
    if (patch !== undefined) await this.open(patch);
  }

  async undo(): Promise<void> {
    const undone = await this.#host.requests.undo().catch((error: unknown) => say(reasonOf(error)));
    if (undone === undefined) return;
    const tasks: readonly LabelTask[] = "conflict" in undone ? undone.conflict : undone;
    const [first] = tasks;
    for (const { patch } of tasks) {
      const at = this.#past.lastIndexOf(patch);
      if (at >= 0) this.#past.splice(at, 1);
    }
    if (tasks.length === 1 && first !== undefined) await this.open(first.patch);
    else await this.refresh(false);
    this.#host.committed(await this.#host.requests.progress());
    if ("conflict" in undone) say(nothingToUndo);
    else if (tasks.length > 1) say(`The answers to ${tasks.length} patches of a sweep are taken back.`);
  }

  #showAgain(shown: Shown, task: LabelTask): void {
    const changed = `${task.name} was changed meanwhile, in another tab`;
    if (shown.isTouched) {
      // With its old revision: who goes on is shown what the other has said, and asked again.
      say(`${changed}; what you have chosen is still here.`);
      return;
    }
    say(`${changed}; here it is as it is now.`);
    this.#show(task);
  }

  #askAgain(tasks: readonly LabelTask[]): void {
    say("Somebody has labelled this meanwhile, in another tab; here it is as it is now.");
    if (this.#shown !== null) this.#queue.unshift(this.#shown.task);
    this.#queue.unshift(...tasks);
    this.#showNext(false);
  }

  async #fillQuietly(): Promise<void> {
    await this.fill().catch((error: unknown) => say(`The next patches can't be had: ${reasonOf(error)}`));
  }

  async #fillOnce(): Promise<void> {
    const held = [...this.#queue.map(({ patch }) => patch), ...(this.#shown === null ? [] : [this.#shown.task.patch])];
    // Those that are on their way to the server are still open there.
    const committed = this.#past.slice(-this.#host.requests.waiting - ahead);
    const missing = ahead - this.#queue.length;
    if (missing > 0) {
      const found = await this.#host.requests.next(missing, [...held, ...committed]);
      const known = new Set([
        ...this.#queue.map(({ patch }) => patch),
        this.#shown?.task.patch,
        ...this.#past.slice(-ahead),
      ]);
      this.#queue.push(...found.filter(({ patch }) => !known.has(patch)));
    }
    if (this.#queue.length > 0) part("nothing").hidden = true;
    for (const { patch } of this.#queue) this.#pictures.prepare(patch);
    this.#pictures.keepOnly(
      new Set([...this.#queue, ...(this.#shown === null ? [] : [this.#shown.task])].map(({ patch }) => patch)),
    );
    if (this.#shown === null) this.#showNext(true);
  }

  /** @param isAll - whether there are none but those that are ready. */
  #showNext(isAll: boolean): void {
    const next = this.#queue.shift();
    if (next !== undefined) this.#show(next);
    else this.#showNothing(isAll);
  }

  #show(task: LabelTask): void {
    const chosen = new Map<string, 0 | 1>();
    for (const { id } of this.#host.classes()) {
      const suggested = task.suggested?.[id];
      chosen.set(id, task.answers[id] ?? (suggested !== undefined && suggested > 0.5 ? 1 : 0));
    }
    const isNew = this.#host.classes().some(({ id }) => task.answers[id] === undefined);
    const wasPrefilled = task.suggested !== null && isNew;
    this.#shown = { task, chosen, wasPrefilled, since: performance.now(), isTouched: false };
    const showing = ++this.#showing;
    this.#isDrawn = false;
    delete document.body.dataset["drawn"];
    // The picture of another patch must not stand over this one's name.
    for (const id of ["patch", "around"]) picturePart(id).hidden = true;
    const { patch, around } = this.#pictures.prepare(task.patch);
    this.#put("patch", patch, showing);
    if (around !== null) this.#put("around", around, showing);
    part("patch-name").textContent = task.name;
    const isBare = this.#host.suggests() && task.suggested === null;
    part("hint").textContent = hintOf(task, wasPrefilled, !isNew, isBare);
    part("nothing").hidden = true;
    document.body.dataset["patch"] = String(task.patch);
    this.#layers.show(task.patch);
    this.#host.redraw();
  }

  #put(id: "patch" | "around", picture: Promise<string>, showing: number): void {
    const place = picturePart(id);
    picture.then(
      (url) => {
        if (showing !== this.#showing) return;
        place.src = url;
        place.hidden = false;
        if (id !== "patch") return;
        this.#isDrawn = true;
        document.body.dataset["drawn"] = document.body.dataset["patch"] ?? "";
      },
      (error: unknown) => {
        if (showing !== this.#showing) return;
        place.hidden = true;
        this.#isDrawn = true;
        say(`This patch can't be shown: ${reasonOf(error)}`);
      },
    );
  }

  #showNothing(isAll: boolean): void {
    this.#shown = null;
    this.#showing += 1;
    picturePart("patch").hidden = true;
    part("patch-name").textContent = "";
    part("hint").textContent = "";
    part("nothing").hidden = !isAll;
    part("nothing").textContent =
      this.#host.classes().length === 0
        ? "Name the classes first, on the right."
        : "All patches are labelled, or set aside as unsure. Look at those on the list “look again”, or stop here.";
    delete document.body.dataset["patch"];
    this.#layers.show(null);
    this.#host.redraw();
  }
}

function hintOf({ isUnsure }: LabelTask, wasPrefilled: boolean, isLabelled: boolean, isBare: boolean): string {
  if (isUnsure) return "You were unsure of this one.";
  if (wasPrefilled) return "Filled in as the classifier suggests: correct it.";
  if (isLabelled) return "Labelled before: change it, or leave it.";
  return isBare ? "Nothing is suggested here: choose what you see." : "";
}
