/** A labelling under way: what is asked, what was said, and the files that follow from it. */
import { randomUUID } from "node:crypto";
import path from "node:path";
import { WsssError } from "../errors.js";
import { makeFolder } from "../files/make-folder.js";
import type { Classifier } from "../classifier/classifier.js";
import type { AnswersEntry, JournalEntry, PatchChange } from "./journal-entry.js";
import type {
  Answers,
  LabelClass,
  LabelCommit,
  LabelConflict,
  LabelProgress,
  LabelTask,
  LookAgain,
} from "./label-facts.js";
import { assertAddable, classEntryOf, classNameOf, type WantedClass } from "./label-classes.js";
import { LabelCounts } from "./label-counts.js";
import { LabelFiles } from "./label-files.js";
import { LabelQuestions } from "./label-questions.js";
import { LabelJournal, readJournal } from "./label-journal.js";
import { LabelState } from "./label-state.js";
import { type LabelsCopy, LabelledDataset } from "./labelled-dataset.js";
import type { PatchToLabel } from "./patches-to-label.js";
import { type Lesson, Suggester } from "./suggester.js";

/** How a labelling is opened. */
export interface LabellingOptions {
  /** Of the dataset, or of pictures. */
  readonly folder: string;
  readonly annotator: string;
  /** Names of classes to begin with, beside those that the dataset has. */
  readonly classes: readonly string[];
  /**
   * Whether pictures of the folder that its manifest does not name are asked about too.
   * @defaultValue `false`
   */
  readonly addsNew?: boolean;
  /** Makes the network that suggestions come from; null = no suggestions. */
  readonly makeClassifier: ((signal: AbortSignal) => Promise<Classifier>) | null;
  readonly threads: number;
  /** Told of what goes wrong in the background. */
  readonly onFault: (error: unknown) => void;
}

/** Folder of the journal, inside the dataset's. */
export const journalFolder = "labels";
const journalName = "journal.jsonl";
/** New answers after which the classifier learns again. */
const lessonAfter = 5;

/** One dataset, labelled by one annotator at a time. Whoever opens it holds the lock of its journal's folder. */
export class Labelling {
  readonly dataset: LabelledDataset;
  readonly annotator: string;
  readonly suggester: Suggester | null;
  readonly #journal: LabelJournal;
  readonly #state: LabelState;
  readonly questions: LabelQuestions;
  readonly #names: readonly string[];
  readonly #files: LabelFiles;
  readonly #counts: LabelCounts;
  #turn: Promise<unknown> = Promise.resolve();
  #unlearned = 0;

  private constructor(options: LabellingOptions, dataset: LabelledDataset, journal: LabelJournal, state: LabelState) {
    this.dataset = dataset;
    this.annotator = options.annotator;
    this.#journal = journal;
    this.#state = state;
    this.#files = new LabelFiles(dataset, state, options.onFault);
    this.#names = dataset.patches.map(({ name }) => name);
    const { makeClassifier, threads, onFault } = options;
    const { patches } = dataset;
    this.suggester =
      makeClassifier === null
        ? null
        : new Suggester({ patches, makeClassifier, threads, onFault, lesson: () => this.#lesson() });
    this.#counts = new LabelCounts(state, this.#names, this.annotator, this.suggester, this.#files);
    this.questions = new LabelQuestions(state, this.#names, this.annotator, this.suggester);
  }

  /**
   * Opens a dataset with all that was said of it before.
   * @throws WsssError `WSSS_ERR_DATASET`; `WSSS_ERR_IO`.
   */
  static async open(options: LabellingOptions): Promise<Labelling> {
    if (!isAnnotator(options.annotator)) {
      const message = `annotator must be a name of 1 to 60 characters, received ${JSON.stringify(options.annotator)}`;
      throw new WsssError("WSSS_ERR_OPTION", message, { option: "annotator", value: options.annotator });
    }
    const file = path.join(options.folder, journalFolder, journalName);
    const classNames = new Map<string, string>();
    const before = new LabelState([]);
    for (const entry of await readJournal(file)) {
      if (entry.kind !== "class") continue;
      classNames.set(entry.class.name, entry.class.id);
      before.add(entry);
    }
    const reading = { classOf: (name: string) => classNames.get(name), addsNew: options.addsNew ?? false };
    const dataset = await LabelledDataset.open(options.folder, reading);
    assertClasses(before, dataset, options.classes);
    await makeFolder(path.dirname(file));
    const { journal, entries } = await LabelJournal.open(file);
    const state = new LabelState(dataset.patches.map(({ name }) => name));
    for (const entry of entries) state.add(entry);
    const labelling = new Labelling(options, dataset, journal, state);
    try {
      await labelling.#begin(options.classes);
    } catch (error) {
      await labelling.close();
      throw error;
    }
    return labelling;
  }

  get classes(): readonly LabelClass[] {
    return this.#state.classes;
  }

  get hasSurroundings(): boolean {
    return this.dataset.patches.some(({ place }) => place !== undefined);
  }

  patch(position: number): PatchToLabel {
    const patch = this.dataset.patches[position];
    if (patch === undefined) throw new WsssError("WSSS_ERR_SHAPE", "there is no such patch");
    return patch;
  }

  /** How much is done. */
  progress(): LabelProgress {
    return this.#counts.progress();
  }

  /** Patches to look at again. */
  lookAgain(): LookAgain[] {
    return this.#counts.lookAgain();
  }

  /**
   * Takes what was said of patches. It is on the disk when this resolves. A request that was taken before is not taken again.
   * @returns how much is done; or, if some of the patches were labelled meanwhile, these, and nothing was taken.
   * @throws WsssError `WSSS_ERR_OPTION` for classes or patches that are not there, or an answer that is missing; `WSSS_ERR_IO`.
   */
  async commit({ request, mode, seconds, changes }: LabelCommit): Promise<LabelProgress | LabelConflict> {
    return await this.#inTurn(async () => {
      if (this.#state.knows(request)) return this.progress();
      const old = changes.filter(({ patch, revision }) => {
        this.patch(patch);
        return this.#state.revisionOf(patch) !== revision;
      });
      if (old.length > 0) return { conflict: old.map(({ patch }) => this.questions.task(patch)) };
      const entry: AnswersEntry = {
        kind: "answers",
        ...this.#signed(request),
        mode,
        seconds,
        changes: changes.map(({ patch, answers, isUnsure, wasPrefilled }) => {
          this.#assertComplete(answers, mode === "single" && !isUnsure);
          const ids = Object.keys(answers);
          // A label that is corrected later says nothing of what was suggested at first.
          const isFirst = ids.every((id) => this.#state.answer(patch, id) === null);
          const suggested = isFirst ? this.questions.suggestionsFor(patch, ids) : {};
          return {
            patch: this.patch(patch).name,
            set: answers,
            ...this.#before(patch, ids),
            unsure: isUnsure,
            ...(Object.keys(suggested).length > 0 && { suggested }),
            prefilled: wasPrefilled,
          };
        }),
      };
      await this.#write(entry, changes.length);
      return this.progress();
    });
  }

  /**
   * Takes the annotator's last commit back.
   * @returns the patches that it was about, as they are now; or, if somebody has labelled them since, these, and nothing was taken back.
   */
  async undo(request: string): Promise<readonly LabelTask[] | LabelConflict> {
    return await this.#inTurn(async () => {
      const last = this.#state.lastOf(this.annotator);
      if (last === undefined || this.#state.knows(request)) return [];
      const { number, entry } = last;
      const positions = entry.changes.flatMap(({ patch }) => this.#state.positionOf(patch) ?? []);
      const later = positions.filter((position) => !this.#state.isLastWord(position, number));
      if (later.length > 0) return { conflict: later.map((position) => this.questions.task(position)) };
      const changes = entry.changes.map((change): PatchChange => ({
        patch: change.patch,
        set: change.before,
        before: change.set,
        ownBefore: change.set,
        unsure: change.wasUnsure,
        wasUnsure: change.unsure,
        prefilled: false,
      }));
      const undo = {
        kind: "answers",
        ...this.#signed(request),
        mode: "undo",
        seconds: 0,
        changes,
        undoes: entry.request,
      } as const;
      await this.#write(undo, changes.length);
      return positions.map((position) => this.questions.task(position));
    });
  }

  /**
   * Adds a class, or gives one another name or colour.
   * @throws WsssError `WSSS_ERR_OPTION` for a name that another has, or that can't stand in a manifest.
   */
  async setClass(request: string, wanted: WantedClass): Promise<LabelProgress> {
    return await this.#inTurn(async () => {
      if (this.#state.knows(request)) return this.progress();
      await this.#setClass(request, wanted);
      return this.progress();
    });
  }

  /**
   * Writes manifest and description as they are now under another name, for a training.
   * @throws WsssError `WSSS_ERR_IO`.
   */
  async writeSnapshot(name: string): Promise<LabelsCopy> {
    return await this.#inTurn(async () => await this.#files.writeCopy(name));
  }

  /** Writes what is not written yet, and ends all work. */
  async close(): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.suggester?.close();
    await this.#files.settled();
    await this.#journal.close();
  }

  /** Resolves when manifest and description are as the journal. */
  async saved(): Promise<void> {
    await this.#turn.catch(() => undefined);
    await this.#files.settled();
  }

  /** Takes over what the dataset says, adds the classes to begin with, and starts what goes on in the background. */
  async #begin(classes: readonly string[]): Promise<void> {
    const idOf = (name: string): string | undefined => this.#state.classEverNamed(name)?.id;
    for (const { name, colour } of this.dataset.classes) {
      if (idOf(name) === undefined) await this.#setClass(randomUUID(), { id: null, name, colour });
    }
    for (const name of classes) {
      if (idOf(classNameOf(name)) === undefined) await this.#setClass(randomUUID(), { id: null, name, colour: null });
    }
    await this.#takeOver(idOf);
    this.#files.begin(this.dataset.classes.map(({ name }) => [idOf(name) ?? "", name]));
    this.suggester?.begin();
  }

  /** Labels that the dataset has, and of which the journal knows nothing: once in it, they can be corrected like others. */
  async #takeOver(idOf: (name: string) => string | undefined): Promise<void> {
    const changes = this.dataset.patches.flatMap(({ name, given }, position): PatchChange[] => {
      const set = Object.fromEntries(
        Object.entries(given ?? {}).flatMap(([className, answer]) => {
          const id = idOf(className);
          return id === undefined || this.#state.hasSaid(position, id) ? [] : [[id, answer] as const];
        }),
      );
      if (Object.keys(set).length === 0) return [];
      return [{ patch: name, set, before: {}, ownBefore: {}, unsure: false, wasUnsure: false, prefilled: false }];
    });
    if (changes.length === 0) return;
    await this.#write({ kind: "answers", ...this.#signed(randomUUID()), mode: "given", seconds: 0, changes }, 0);
  }

  async #setClass(request: string, wanted: WantedClass): Promise<void> {
    const entry = classEntryOf(this.classes, this.dataset.background, wanted);
    await this.#write({ kind: "class", ...this.#signed(request), class: entry }, 0);
    this.suggester?.learn();
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const turn = this.#turn.catch(() => undefined).then(work);
    this.#turn = turn;
    return await turn;
  }

  #signed(request: string): { at: string; annotator: string; request: string } {
    return { at: new Date().toISOString(), annotator: this.annotator, request };
  }

  #before(position: number, ids: readonly string[]): Pick<PatchChange, "before" | "ownBefore" | "wasUnsure"> {
    const state = this.#state;
    return {
      before: Object.fromEntries(ids.map((id) => [id, state.answer(position, id)])),
      ownBefore: Object.fromEntries(ids.map((id) => [id, state.answerOf(this.annotator, position, id)])),
      wasUnsure: state.isUnsure(position),
    };
  }

  #assertComplete(answers: Answers, isWhole: boolean): void {
    const ids = this.classes.map(({ id }) => id);
    const unknown = Object.keys(answers).find((id) => !ids.includes(id));
    const missing = isWhole ? ids.find((id) => answers[id] === undefined) : undefined;
    if (unknown === undefined && missing === undefined) return;
    const { name = "" } = this.classes.find(({ id }) => id === missing) ?? {};
    const message =
      unknown === undefined
        ? `the answer to ${name} is missing, a class that was added meanwhile: open the page again`
        : `there is no class ${unknown}`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "answers" });
  }

  async #write(entry: JournalEntry, patches: number): Promise<void> {
    await this.#journal.append(entry);
    this.#state.add(entry);
    this.#unlearned += patches;
    if (this.#unlearned >= lessonAfter) {
      this.#unlearned = 0;
      this.suggester?.learn();
    }
    this.#files.save();
  }

  #lesson(): Lesson {
    const classIds = this.classes.map(({ id }) => id);
    const answers = new Uint8Array(this.#names.length * classIds.length);
    const answered: number[] = [];
    const candidates: number[] = [];
    for (let position = 0; position < this.#names.length; position += 1) {
      let isAnswered = false;
      for (const [k, id] of classIds.entries()) {
        const answer = this.#state.answer(position, id);
        answers[position * classIds.length + k] = answer ?? 2;
        isAnswered ||= answer !== null;
      }
      if (isAnswered) answered.push(position);
      if (this.questions.isAsked(position)) candidates.push(position);
    }
    return { classIds, answers, answered, candidates };
  }
}

function isAnnotator(name: string): boolean {
  return name === name.trim() && name.length >= 1 && name.length <= 60 && !/\p{Cc}/u.test(name);
}

/** Refuses classes that can't be added to those that are there, before anything is written. @throws WsssError `WSSS_ERR_OPTION` */
function assertClasses(before: LabelState, dataset: LabelledDataset, wanted: readonly string[]): void {
  const isNew = (name: string): boolean => before.classEverNamed(name) === undefined;
  const ofDataset = dataset.classes.filter(({ name }) => isNew(name));
  const known = [...before.classes, ...ofDataset.map(({ name, colour }) => ({ id: name, name, colour }))];
  const added = wanted.filter((text) => {
    const name = classNameOf(text);
    return isNew(name) && !ofDataset.some((one) => one.name === name);
  });
  assertAddable(known, dataset.background, [...new Set(added)]);
}
