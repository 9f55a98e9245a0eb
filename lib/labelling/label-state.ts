/** What has been said of every patch, as the entries of the journal add up. */
import type { AnswersEntry, JournalEntry, PatchChange } from "./journal-entry.js";
import type { Answer, Answers, Hits, LabelClass } from "./label-facts.js";

interface PatchLabel {
  /** What counts: the last answer to each class, whoever gave it. */
  readonly answers: Map<string, 0 | 1>;
  /** The last answers of each annotator. */
  readonly byAnnotator: Map<string, Map<string, 0 | 1>>;
  isUnsure: boolean;
  /** Number of the last entry that is about it. */
  revision: number;
  /** Numbers of the entries that were not taken back. */
  readonly entries: number[];
  /** How often each class was answered, what was taken back included. */
  readonly times: Map<string, number>;
}

/** Where suggestions and answers met. */
interface Meetings {
  right: number;
  of: number;
}

/** How long the last patches of an annotator took: as many as a page of a sweep. */
const paceOver = 48;

/** The sum of a journal's entries. Patches are known by their position in the list of names. */
export class LabelState {
  readonly #positions: ReadonlyMap<string, number>;
  readonly #patches: PatchLabel[];
  readonly #classes = new Map<string, LabelClass>();
  /** By every name that a class has or had, the last one to have it. */
  readonly #idsByName = new Map<string, string>();
  readonly #requests = new Set<string>();
  readonly #undoable = new Map<string, { readonly number: number; readonly entry: AnswersEntry }[]>();
  readonly #paces = new Map<string, { readonly seconds: number; readonly patches: number }[]>();
  readonly #meetings = { shown: { right: 0, of: 0 }, hidden: { right: 0, of: 0 } };
  #revision = 0;
  /** Patches of the journal that are not there any more. */
  readonly lost = new Set<string>();

  constructor(names: readonly string[]) {
    this.#positions = new Map(names.map((name, index) => [name, index]));
    this.#patches = names.map(() => ({
      answers: new Map(),
      byAnnotator: new Map(),
      isUnsure: false,
      revision: 0,
      entries: [],
      times: new Map(),
    }));
  }

  /** Number of the last entry. */
  get revision(): number {
    return this.#revision;
  }

  /** In the order in which they were added. */
  get classes(): readonly LabelClass[] {
    return [...this.#classes.values()];
  }

  /** The class that has a name, or had it before it was renamed. */
  classEverNamed(name: string): LabelClass | undefined {
    return this.#classes.get(this.#idsByName.get(name) ?? "");
  }

  get count(): number {
    return this.#patches.length;
  }

  /** How often suggestions were right that were shown before the answer, and that were not. */
  get meetings(): { readonly shown: Hits; readonly hidden: Hits } {
    return this.#meetings;
  }

  /** Whether an entry answers that request. */
  knows(request: string): boolean {
    return this.#requests.has(request);
  }

  /** Whether the journal has ever said anything of a class of a patch. */
  hasSaid(position: number, classId: string): boolean {
    return (this.#at(position).times.get(classId) ?? 0) > 0;
  }

  /** Adds the journal's next entry. */
  add(entry: JournalEntry): void {
    this.#revision += 1;
    this.#requests.add(entry.request);
    if (entry.kind === "class") {
      this.#classes.set(entry.class.id, entry.class);
      this.#idsByName.set(entry.class.name, entry.class.id);
      return;
    }
    const undoable = this.#undoable.get(entry.annotator) ?? [];
    this.#undoable.set(entry.annotator, undoable);
    if (entry.mode === "undo") {
      const at = undoable.findIndex((one) => one.entry.request === entry.undoes);
      const undone = at >= 0 ? undoable.splice(at, 1)[0] : undefined;
      for (const change of undone?.entry.changes ?? []) this.#takeBack(change, entry);
      return;
    }
    for (const change of entry.changes) this.#apply(change, entry);
    if (entry.mode === "given") return;
    undoable.push({ number: this.#revision, entry });
    const pace = this.#paces.get(entry.annotator) ?? [];
    // A patch that was asked about one class of three is a third of a patch.
    const answers = entry.changes.reduce((sum, { set, unsure }) => sum + (unsure ? 0 : Object.keys(set).length), 0);
    pace.push({ seconds: entry.seconds, patches: answers / Math.max(1, this.#classes.size) });
    this.#paces.set(entry.annotator, pace);
  }

  answersOf(position: number): Answers {
    return Object.fromEntries(this.#at(position).answers);
  }

  answer(position: number, classId: string): Answer {
    return this.#at(position).answers.get(classId) ?? null;
  }

  /** What one annotator has said last. */
  answerOf(annotator: string, position: number, classId: string): Answer {
    return this.#at(position).byAnnotator.get(annotator)?.get(classId) ?? null;
  }

  annotatorsOf(position: number): string[] {
    return [...this.#at(position).byAnnotator.keys()];
  }

  isUnsure(position: number): boolean {
    return this.#at(position).isUnsure;
  }

  revisionOf(position: number): number {
    return this.#at(position).revision;
  }

  /** Whether there is an answer to every class, and nobody was unsure of it since. */
  isLabelled(position: number): boolean {
    const { answers, isUnsure } = this.#at(position);
    return !isUnsure && this.#classes.size > 0 && [...this.#classes.keys()].every((id) => answers.has(id));
  }

  /** The last entry of an annotator that was not taken back. */
  lastOf(annotator: string): { readonly number: number; readonly entry: AnswersEntry } | undefined {
    return this.#undoable.get(annotator)?.at(-1);
  }

  /** Patches a minute, over the last that an annotator has labelled; null before there are ten. */
  paceOf(annotator: string): number | null {
    let seconds = 0;
    let patches = 0;
    for (const one of [...(this.#paces.get(annotator) ?? [])].reverse()) {
      if (patches >= paceOver) break;
      seconds += one.seconds;
      patches += one.patches;
    }
    return patches < 10 || seconds === 0 ? null : (60 * patches) / seconds;
  }

  /** Whether an entry is the last word on a patch. */
  isLastWord(position: number, number: number): boolean {
    return this.#at(position).entries.at(-1) === number;
  }

  /** How often a class of it was answered. */
  timesAnswered(position: number, classId: string): number {
    return this.#at(position).times.get(classId) ?? 0;
  }

  positionOf(name: string): number | undefined {
    return this.#positions.get(name);
  }

  #apply(change: PatchChange, { annotator, mode }: AnswersEntry): void {
    const patch = this.#patchOf(change);
    if (patch === undefined) return;
    put(change.set, patch.answers);
    if (mode !== "given") put(change.set, ownAnswers(patch, annotator));
    for (const [id, answer] of Object.entries(change.set)) {
      patch.times.set(id, (patch.times.get(id) ?? 0) + 1);
      const probability = change.suggested?.[id];
      if (answer === null || probability === undefined) continue;
      const met: Meetings = this.#meetings[change.prefilled ? "shown" : "hidden"];
      met.of += 1;
      if ((probability > 0.5 ? 1 : 0) === answer) met.right += 1;
    }
    patch.isUnsure = change.unsure;
    patch.revision = this.#revision;
    patch.entries.push(this.#revision);
  }

  #takeBack(change: PatchChange, { annotator }: AnswersEntry): void {
    const patch = this.#patchOf(change);
    if (patch === undefined) return;
    put(change.before, patch.answers);
    put(change.ownBefore, ownAnswers(patch, annotator));
    patch.isUnsure = change.wasUnsure;
    patch.revision = this.#revision;
    patch.entries.pop();
  }

  #patchOf({ patch }: PatchChange): PatchLabel | undefined {
    const position = this.positionOf(patch);
    if (position !== undefined) return this.#at(position);
    this.lost.add(patch);
    return undefined;
  }

  #at(position: number): PatchLabel {
    const patch = this.#patches[position];
    if (patch === undefined) throw new RangeError(`there is no patch ${position}`);
    return patch;
  }
}

function ownAnswers({ byAnnotator }: PatchLabel, annotator: string): Map<string, 0 | 1> {
  const own = byAnnotator.get(annotator) ?? new Map<string, 0 | 1>();
  byAnnotator.set(annotator, own);
  return own;
}

function put(some: Answers, into: Map<string, 0 | 1>): void {
  for (const [id, answer] of Object.entries(some)) {
    if (answer === null) into.delete(id);
    else into.set(id, answer);
  }
}
