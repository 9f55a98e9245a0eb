/** How much of a labelling is done, how good it is, and what should be looked at again. */
import { agreementIn } from "./agreement.js";
import type { Hits, LabelProgress, LookAgain } from "./label-facts.js";
import type { LabelFiles } from "./label-files.js";
import type { LabelState } from "./label-state.js";
import { balanceOf, lookAgainIn, notesOn } from "./look-again.js";
import type { Suggester } from "./suggester.js";

/** Commits after which the list "look again" is counted anew, where nothing was learned in between. */
const answersBetweenLists = 20;

/** Counts when it is asked and something has changed: with thousands of patches it takes a while. */
export class LabelCounts {
  readonly #state: LabelState;
  readonly #names: readonly string[];
  readonly #annotator: string;
  readonly #suggester: Suggester | null;
  readonly #files: LabelFiles;
  #counted: { readonly key: string; readonly progress: LabelProgress } | undefined;
  #list: { readonly version: number; readonly revision: number; readonly list: LookAgain[] } | undefined;
  #hits: { readonly version: number; readonly hits: Hits } | undefined;

  constructor(
    state: LabelState,
    names: readonly string[],
    annotator: string,
    suggester: Suggester | null,
    files: LabelFiles,
  ) {
    this.#state = state;
    this.#names = names;
    this.#annotator = annotator;
    this.#suggester = suggester;
    this.#files = files;
  }

  /** How much is done. What takes long to count is counted again when somebody asks for it, or the classifier has learned. */
  progress(): LabelProgress {
    const state = this.#state;
    const key = `${state.revision} ${this.#suggester?.version ?? 0} ${this.#files.problem ?? ""}`;
    if (this.#counted?.key !== key) this.#counted = { key, progress: this.#count() };
    const { progress } = this.#counted;
    const own = this.#suggester?.state ?? { state: "off" as const, described: 0 };
    const unreadable = this.#suggester?.unreadable.size ?? 0;
    return { ...progress, unreadable, suggestions: { ...progress.suggestions, ...own } };
  }

  /** Patches to look at again. */
  lookAgain(): LookAgain[] {
    return this.#lookAgain(0);
  }

  #count(): LabelProgress {
    const state = this.#state;
    const positions = this.#names.map((_, position) => position);
    const labelled = positions.filter((position) => state.isLabelled(position)).length;
    const unreadable = this.#suggester?.unreadable.size ?? 0;
    const notes = notesOn(state, { labelled, unreadable });
    if (this.#files.problem !== null) notes.unshift(this.#files.problem);
    return {
      revision: state.revision,
      classes: state.classes,
      count: state.count,
      labelled,
      unsure: positions.filter((position) => state.isUnsure(position)).length,
      unreadable,
      balance: balanceOf(state),
      patchesPerMinute: state.paceOf(this.#annotator),
      suggestions: { state: "off", described: 0, ...state.meetings, found: this.#found() },
      agreement: agreementIn(state),
      notes,
      lookAgain: this.#lookAgain(answersBetweenLists).length,
    };
  }

  /** @param mayBeOld - by so many entries of the journal */
  #lookAgain(mayBeOld: number): LookAgain[] {
    const suggester = this.#suggester;
    const { revision } = this.#state;
    const version = suggester?.version ?? 0;
    const before = this.#list;
    if (before?.version === version && revision - before.revision <= mayBeOld) return before.list;
    const crossed = (position: number, id: string): number | null => suggester?.crossed(position, id) ?? null;
    const list = lookAgainIn(this.#state, this.#names, { twins: suggester?.twins ?? [], crossed });
    this.#list = { version, revision, list };
    return list;
  }

  /** How many labels the classifier finds by itself. */
  #found(): Hits {
    const version = this.#suggester?.version ?? 0;
    if (this.#hits?.version === version) return this.#hits.hits;
    const hits = { right: 0, of: 0 };
    for (let position = 0; position < this.#names.length; position += 1) {
      for (const { id } of this.#state.classes) {
        const probability = this.#suggester?.crossed(position, id) ?? null;
        const answer = this.#state.answer(position, id);
        if (probability === null || answer === null) continue;
        hits.of += 1;
        if ((probability > 0.5 ? 1 : 0) === answer) hits.right += 1;
      }
    }
    this.#hits = { version, hits };
    return hits;
  }
}
