/** What a labelling asks next, and what it shows of what it knows already. */
import { createHash } from "node:crypto";
import { WsssError } from "../errors.js";
import type { LabelTask } from "./label-facts.js";
import type { LabelState } from "./label-state.js";
import type { Suggester } from "./suggester.js";

/** Share of patches that are labelled without a suggestion in sight, so that it can be seen what suggestions do. */
const withoutSuggestion = 0.05;
/** Share of patches that every annotator is asked about, whoever has labelled them, so that agreement can be seen. */
const askedOfAll = 0.1;

/** The questions to one annotator. */
export class LabelQuestions {
  readonly #state: LabelState;
  readonly #names: readonly string[];
  readonly #annotator: string;
  readonly #suggester: Suggester | null;
  /** For each patch numbers from 0 to 1 that only its name decides. */
  readonly #draws: readonly Draws[];
  /** All patches in an order that has nothing to do with their names. */
  readonly #drawn: readonly number[];

  constructor(state: LabelState, names: readonly string[], annotator: string, suggester: Suggester | null) {
    this.#state = state;
    this.#names = names;
    this.#annotator = annotator;
    this.#suggester = suggester;
    this.#draws = names.map((name) => drawsOf(name));
    this.#drawn = names
      .map((_, position) => position)
      .sort((one, other) => (this.#draws[one]?.order ?? 0) - (this.#draws[other]?.order ?? 0));
  }

  /** The next patches to label, without those that the page has already. */
  next(count: number, held: ReadonlySet<number>): LabelTask[] {
    const found: number[] = [];
    const seen = new Set(held);
    for (const position of [...(this.#suggester?.order ?? []), ...this.#drawn]) {
      if (found.length >= count) break;
      if (seen.has(position) || !this.isAsked(position)) continue;
      seen.add(position);
      found.push(position);
    }
    return found.map((position) => this.task(position));
  }

  /** A page of a sweep: patches that nobody has said of whether they show a class, the likeliest first, or those most like one patch. */
  async sweep(classId: string, count: number, like: number | null): Promise<LabelTask[]> {
    const suggester = this.#suggester;
    const distances = like === null ? null : ((await suggester?.likeness(like)) ?? null);
    const rank = (position: number): number => {
      if (this.#isHidden(position)) return Number.POSITIVE_INFINITY;
      if (distances !== null) return distances[position] ?? Number.POSITIVE_INFINITY;
      return 1 - (suggester?.probability(position, classId) ?? 0);
    };
    return this.#names
      .map((_, position) => ({ position, rank: rank(position) }))
      .filter(
        ({ position }) =>
          this.#state.answer(position, classId) === null &&
          !this.#state.isUnsure(position) &&
          suggester?.unreadable.has(position) !== true,
      )
      .sort((one, other) => (one.rank === other.rank ? one.position - other.position : one.rank - other.rank))
      .slice(0, count)
      .map(({ position }) => this.task(position));
  }

  /** A patch as it is asked about. */
  task(position: number): LabelTask {
    const name = this.#names[position];
    if (name === undefined) throw new WsssError("WSSS_ERR_SHAPE", "there is no such patch");
    const state = this.#state;
    const isSecondLook = this.#isSecondLook(position);
    const suggested = this.#isHidden(position) || isSecondLook ? {} : this.suggestionsFor(position);
    return {
      patch: position,
      name,
      revision: state.revisionOf(position),
      answers: isSecondLook ? {} : state.answersOf(position),
      isUnsure: state.isUnsure(position),
      suggested: Object.keys(suggested).length === 0 ? null : suggested,
    };
  }

  /** Whether somebody still has to say something about a patch: this annotator, if all are asked about it. */
  isAsked(position: number): boolean {
    const state = this.#state;
    if (state.isUnsure(position) || this.#suggester?.unreadable.has(position) === true) return false;
    return !state.isLabelled(position) || this.#isSecondLook(position);
  }

  /** What the classifier makes of a patch, by class; where there is an answer, what it would make of it without. */
  suggestionsFor(position: number, ids = this.#state.classes.map(({ id }) => id)): Record<string, number> {
    return Object.fromEntries(
      ids.flatMap((id) => {
        const isAnswered = this.#state.answer(position, id) !== null;
        const probability = this.#suggester?.[isAnswered ? "crossed" : "probability"](position, id) ?? null;
        return probability === null ? [] : [[id, probability] as const];
      }),
    );
  }

  #isHidden(position: number): boolean {
    return (this.#draws[position]?.hidden ?? 1) < withoutSuggestion;
  }

  /** Whether others have labelled it and this annotator is asked about it all the same, without being told what they said. */
  #isSecondLook(position: number): boolean {
    if ((this.#draws[position]?.shared ?? 1) >= askedOfAll) return false;
    const state = this.#state;
    const saidByAll = (annotator: string): boolean =>
      state.classes.every(({ id }) => state.answerOf(annotator, position, id) !== null);
    const others = state.annotatorsOf(position).filter((one) => one !== this.#annotator);
    return others.some(saidByAll) && !saidByAll(this.#annotator);
  }
}

interface Draws {
  readonly hidden: number;
  readonly shared: number;
  readonly order: number;
}

function drawsOf(name: string): Draws {
  const digest = createHash("sha256").update(name).digest();
  const draw = (at: number): number => digest.readUInt32LE(at) / 2 ** 32;
  return { hidden: draw(0), shared: draw(4), order: draw(8) };
}
