/** A sweep: one class, and a page of patches of which each shows it or not. */
import type { LabelChange, LabelTask } from "../label-facts.js";
import { newPart, part, reasonOf, say } from "./page-parts.js";
import { type ModeHost, nothingToUndo } from "./single-mode.js";

/** Patches on a page. */
const pageSize = 48;
/** Side of their pictures, in px. */
const tilePx = 160;

/** Many patches at a time, for one class. */
export class SweepMode {
  readonly #host: ModeHost;
  #classId: string | null = null;
  #tasks: readonly LabelTask[] = [];
  #answers: (0 | 1)[] = [];
  #cursor = 0;
  #like: number | null = null;
  #since = 0;
  #isLoading = false;
  /** The class that the page is of; another one may be on its way. */
  #shownClass: string | null = null;
  #loads = 0;

  constructor(host: ModeHost) {
    this.#host = host;
    part("sweep-commit").addEventListener("click", () => void this.commit());
    part("sweep-all").addEventListener("click", () => this.#setAll(() => 1));
    part("sweep-invert").addEventListener("click", () => this.#setAll((answer) => (answer === 1 ? 0 : 1)));
    part("sweep-like").addEventListener("click", () => void this.#likeThis());
    part("sweep-undo").addEventListener("click", () => void this.undo());
  }

  /** The class that is asked about; null before there is one. */
  get classId(): string | null {
    return this.#classId;
  }

  /** Asks about a class; about the one before, or the first, if none is given. */
  async begin(classId?: string): Promise<void> {
    const ids = this.#host.classes().map(({ id }) => id);
    const before = this.#classId !== null && ids.includes(this.#classId) ? this.#classId : ids[0];
    this.#classId = classId ?? before ?? null;
    this.#like = null;
    await this.#load();
  }

  handleKey(key: string, isShifted: boolean): boolean {
    const moved = this.#moved(key);
    if (/^[0-9]$/.test(key)) {
      const one = this.#host.classes()[key === "0" ? 9 : Number(key) - 1];
      if (one !== undefined) void this.begin(one.id);
    } else if (moved !== null) this.#move(moved, isShifted);
    else if (key.toLowerCase() === "x" || key === " ") this.#toggle(this.#cursor);
    else if (key.toLowerCase() === "a") this.#setAll(() => 1);
    else if (key.toLowerCase() === "i") this.#setAll((answer) => (answer === 1 ? 0 : 1));
    else if (key.toLowerCase() === "l") void this.#likeThis();
    else if (key.toLowerCase() === "u") void this.undo();
    else if (key === "Enter") void this.commit();
    else return false;
    return true;
  }

  /** Says all that is shown, and turns the page. */
  async commit(): Promise<void> {
    const id = this.#shownClass;
    if (id === null || id !== this.#classId || this.#tasks.length === 0 || this.#isLoading) return;
    const changes = this.#tasks.map((task, index): LabelChange => ({
      patch: task.patch,
      revision: task.revision,
      answers: { [id]: this.#answers[index] ?? 0 },
      isUnsure: false,
      wasPrefilled: task.suggested?.[id] !== undefined,
    }));
    const seconds = (performance.now() - this.#since) / 1000;
    this.#isLoading = true;
    let isRefused: boolean;
    try {
      const outcome = await this.#host.requests.commit("sweep", seconds, changes);
      isRefused = "conflict" in outcome;
      if (isRefused)
        say("Some of these were labelled meanwhile, in another tab, and are gone from here. Look at the others again.");
      this.#host.committed(outcome);
    } catch (error) {
      say(`This page is not labelled: ${reasonOf(error)}`);
      return;
    } finally {
      this.#isLoading = false;
    }
    // What was said of the others on this screen stays.
    await (isRefused ? this.refresh() : this.#load());
  }

  async undo(): Promise<void> {
    const undone = await this.#host.requests.undo().catch((error: unknown) => say(reasonOf(error)));
    if (undone === undefined) return;
    this.#host.committed(await this.#host.requests.progress());
    if ("conflict" in undone) say(nothingToUndo);
    await this.#load();
  }

  async #likeThis(): Promise<void> {
    this.#like = this.#tasks[this.#cursor]?.patch ?? null;
    await this.#load();
  }

  /** The same page again, with what is open still, and what was said of it on this screen. */
  async refresh(): Promise<void> {
    const said = new Map(this.#tasks.map(({ patch }, index) => [patch, this.#answers[index] ?? 0]));
    const before = this.#shownClass;
    const at = this.#tasks[this.#cursor]?.patch;
    await this.#load();
    if (this.#shownClass !== before) return;
    this.#answers = this.#tasks.map(({ patch }, index) => said.get(patch) ?? this.#answers[index] ?? 0);
    this.#cursor = Math.max(
      0,
      this.#tasks.findIndex(({ patch }) => patch === at),
    );
    this.#draw();
    this.#focus();
  }

  async #load(): Promise<void> {
    const id = this.#classId;
    const load = ++this.#loads;
    const name = this.#host.classes().find((one) => one.id === id)?.name ?? "";
    part("sweep-question").textContent = id === null ? "" : `Which of these show ${name}?`;
    this.#isLoading = true;
    delete document.body.dataset["page"];
    try {
      const tasks = id === null ? [] : await this.#host.requests.sweep(id, pageSize, this.#like);
      // Another class was asked for meanwhile.
      if (load !== this.#loads) return;
      this.#tasks = tasks;
      this.#shownClass = id;
    } catch (error) {
      say(`The page can't be had: ${reasonOf(error)}`);
      return;
    } finally {
      if (load === this.#loads) this.#isLoading = false;
    }
    this.#answers = this.#tasks.map(({ suggested }) => (id !== null && (suggested?.[id] ?? 0) > 0.5 ? 1 : 0));
    this.#cursor = 0;
    this.#since = performance.now();
    part("tiles").replaceChildren(...this.#tasks.map((task, index) => this.#tile(task, index)));
    const nothing = part("sweep-nothing");
    nothing.hidden = this.#tasks.length > 0;
    nothing.textContent =
      id === null
        ? "Name the classes first, on the right."
        : `Every patch has an answer to ${name}. Choose another class.`;
    this.#focus();
    document.body.dataset["page"] = `${id ?? ""}:${this.#tasks.map(({ patch }) => patch).join(",")}`;
    this.#host.redraw();
  }

  #tile({ patch, name }: LabelTask, index: number): HTMLButtonElement {
    const tile = newPart("button", "tile");
    tile.type = "button";
    tile.title = name;
    tile.setAttribute("aria-pressed", String(this.#answers[index] === 1));
    const picture = newPart("img", "");
    picture.alt = name;
    picture.src = `/patches/${patch}/${tilePx}`;
    tile.append(picture);
    tile.addEventListener("click", () => {
      this.#cursor = index;
      this.#toggle(index);
    });
    tile.addEventListener("focus", () => (this.#cursor = index));
    return tile;
  }

  #tiles(): HTMLButtonElement[] {
    return [...document.querySelectorAll<HTMLButtonElement>("#tiles .tile")];
  }

  #focus(): void {
    this.#tiles()[this.#cursor]?.focus();
  }

  /** Where a key leads to; null if it is none that moves. */
  #moved(key: string): number | null {
    const columns = this.#columns();
    const steps: Readonly<Record<string, number>> = {
      ArrowLeft: -1,
      ArrowRight: 1,
      ArrowUp: -columns,
      ArrowDown: columns,
    };
    const step = steps[key];
    if (step === undefined) return null;
    return Math.min(Math.max(this.#cursor + step, 0), Math.max(this.#tasks.length - 1, 0));
  }

  /** As many as the screen has room for: counted by those that are as high as the first. */
  #columns(): number {
    const tiles = this.#tiles();
    const top = tiles[0]?.offsetTop;
    return Math.max(1, tiles.filter(({ offsetTop }) => offsetTop === top).length);
  }

  /** With Shift all on the way get the answer of where it begins. */
  #move(to: number, isRange: boolean): void {
    if (isRange) {
      const answer = this.#answers[this.#cursor] ?? 0;
      for (let index = Math.min(this.#cursor, to); index <= Math.max(this.#cursor, to); index += 1) {
        this.#answers[index] = answer;
      }
      this.#draw();
    }
    this.#cursor = to;
    this.#focus();
  }

  #toggle(index: number): void {
    if (this.#answers[index] === undefined) return;
    this.#answers[index] = this.#answers[index] === 1 ? 0 : 1;
    this.#draw();
  }

  #setAll(next: (answer: 0 | 1) => 0 | 1): void {
    this.#answers = this.#answers.map((answer) => next(answer));
    this.#draw();
  }

  #draw(): void {
    for (const [index, tile] of this.#tiles().entries()) {
      tile.setAttribute("aria-pressed", String(this.#answers[index] === 1));
    }
  }
}
