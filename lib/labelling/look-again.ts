/** Labelled patches that contradict one another, the classifier, or somebody else; and what is odd about a labelling as a whole. */
import type { LookAgain } from "./label-facts.js";
import type { LabelState } from "./label-state.js";

/** What the classifier knows that labels can be held against. */
export interface Witness {
  /** Patches whose pixels are the same. */
  readonly twins: readonly (readonly number[])[];
  /** Probability of a class by the labels of the other patches; null where that is not known. */
  readonly crossed: (position: number, classId: string) => number | null;
}

/** Below this probability of what a label says, or above it of what it denies, the label is doubted. */
const doubtful = 0.1;
/** Longer lists are not worked through. */
const longest = 200;

/** Patches to look at again, the oddest first. */
export function lookAgainIn(state: LabelState, names: readonly string[], { twins, crossed }: Witness): LookAgain[] {
  const nameOf = (position: number): string => names[position] ?? "";
  const classNames = new Map(state.classes.map(({ id, name }) => [id, name]));
  const found: (LookAgain & { readonly oddity: number })[] = [];
  for (const positions of twins) {
    const [first = 0, ...others] = positions.filter((position) => state.isLabelled(position));
    for (const other of others) {
      const differing = state.classes.filter(({ id }) => state.answer(first, id) !== state.answer(other, id));
      if (differing.length === 0) continue;
      const what = differing.map(({ name }) => name).join(", ");
      const why = `the same picture as ${nameOf(first)}, labelled otherwise (${what})`;
      found.push({ patch: other, name: nameOf(other), why, oddity: 2 });
    }
  }
  for (let position = 0; position < state.count; position += 1) {
    if (state.isUnsure(position)) {
      found.push({ patch: position, name: nameOf(position), why: "set aside as unsure", oddity: 1.2 });
      continue;
    }
    for (const { id } of state.classes) {
      const name = classNames.get(id) ?? "";
      const disagreement = disagreementOn(state, position, id);
      if (disagreement !== null) {
        found.push({ patch: position, name: nameOf(position), why: `${name}: ${disagreement}`, oddity: 1.5 });
      }
      // Who has answered it twice has looked again.
      const probability = state.timesAnswered(position, id) < 2 ? crossed(position, id) : null;
      const answer = state.answer(position, id);
      if (probability === null || answer === null) continue;
      const oddity = answer === 1 ? 1 - probability : probability;
      if (oddity < 1 - doubtful) continue;
      const percent = Math.round(100 * probability);
      const why =
        answer === 1
          ? `labelled ${name}, which it is with ${percent} % by the other labels`
          : `labelled without ${name}, which it has with ${percent} % by the other labels`;
      found.push({ patch: position, name: nameOf(position), why, oddity });
    }
  }
  const byPatch = new Map<number, LookAgain>();
  for (const { patch, name, why } of found.sort((one, other) => other.oddity - one.oddity || one.patch - other.patch)) {
    const before = byPatch.get(patch);
    byPatch.set(patch, { patch, name, why: before === undefined ? why : `${before.why}; ${why}` });
  }
  return [...byPatch.values()].slice(0, longest);
}

/** Who says what, where annotators say different things; null where they agree. */
function disagreementOn(state: LabelState, position: number, classId: string): string | null {
  const said = state.annotatorsOf(position).flatMap((annotator) => {
    const answer = state.answerOf(annotator, position, classId);
    return answer === null ? [] : [{ annotator, answer }];
  });
  if (new Set(said.map(({ answer }) => answer)).size < 2) return null;
  return said.map(({ annotator, answer }) => `${annotator} says ${answer === 1 ? "yes" : "no"}`).join(", ");
}

/** Fewest labelled patches for statements on how often a class occurs; the same as of the doctor. */
const enoughPatches = 20;
const strongImbalance = 20;

/** What is odd about a labelling as a whole, a sentence each. */
export function notesOn(
  state: LabelState,
  counts: { readonly labelled: number; readonly unreadable: number },
): string[] {
  const notes: string[] = [];
  const { classes } = state;
  if (classes.length < 2)
    notes.push("Nothing can be learned before there are two classes: name what lies beside the first as well.");
  const balance = balanceOf(state);
  const most = Math.max(0, ...balance.map(({ present, absent }) => present + absent));
  for (const [index, { name }] of classes.entries()) {
    const { present = 0, absent = 0 } = balance[index] ?? {};
    if (present + absent < most && most > 0) {
      notes.push(
        `${name} has been answered for ${present + absent} of ${most} patches; a sweep of ${name} does the rest.`,
      );
    }
    if (present + absent < enoughPatches) continue;
    if (present === 0) notes.push(`${name} has not been seen yet: nothing can be learned of it.`);
    if (absent === 0) notes.push(`${name} is in every patch: nobody can learn what it looks like without.`);
  }
  const seen = balance
    .map(({ present }, index) => ({ present, name: classes[index]?.name ?? "" }))
    .filter(({ present }) => present > 0);
  const [rarest, commonest] = [minBy(seen), maxBy(seen)];
  if (counts.labelled >= enoughPatches && rarest !== undefined && commonest !== undefined) {
    if (commonest.present >= strongImbalance * rarest.present) {
      notes.push(
        `${rarest.name} is in ${rarest.present} patches, ${commonest.name} in ${commonest.present}: a sweep of ${rarest.name} finds more.`,
      );
    }
  }
  if (counts.unreadable > 0)
    notes.push(`${counts.unreadable} patches can't be read and are not asked about; wsss-tissue doctor says why.`);
  if (state.lost.size > 0) notes.push(`${state.lost.size} patches of the journal are not in the dataset any more.`);
  return notes;
}

interface Seen {
  readonly present: number;
  readonly name: string;
}

function minBy(some: readonly Seen[]): Seen | undefined {
  return some.reduce<Seen | undefined>(
    (least, one) => (least === undefined || one.present < least.present ? one : least),
    undefined,
  );
}

function maxBy(some: readonly Seen[]): Seen | undefined {
  return some.reduce<Seen | undefined>(
    (most, one) => (most === undefined || one.present > most.present ? one : most),
    undefined,
  );
}

/** In how many patches each class is, and is not. */
export function balanceOf(state: LabelState): { id: string; present: number; absent: number }[] {
  return state.classes.map(({ id }) => {
    let present = 0;
    let absent = 0;
    for (let position = 0; position < state.count; position += 1) {
      if (state.isUnsure(position)) continue;
      const answer = state.answer(position, id);
      if (answer === 1) present += 1;
      else if (answer === 0) absent += 1;
    }
    return { id, present, absent };
  });
}
