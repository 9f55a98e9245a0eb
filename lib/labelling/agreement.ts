/** How annotators agree: Cohen's kappa on the patches that two of them have answered. */
import type { Agreement } from "./label-facts.js";
import type { LabelState } from "./label-state.js";

/**
 * Cohen's kappa of two annotators on yes and no: how much more often they agree than by chance, if each kept to their own share of yes.
 * @returns null where chance alone would always agree, or there is nothing to compare.
 */
export function cohensKappa(answers: readonly (readonly [0 | 1, 0 | 1])[]): number | null {
  const count = answers.length;
  if (count === 0) return null;
  const agreed = answers.filter(([one, other]) => one === other).length / count;
  const [yes, otherYes] = [0, 1].map((who) => answers.filter((pair) => pair[who] === 1).length / count) as [
    number,
    number,
  ];
  const chance = yes * otherYes + (1 - yes) * (1 - otherYes);
  return chance === 1 ? null : (agreed - chance) / (1 - chance);
}

/** Agreement of every two annotators who have patches in common, class by class. */
export function agreementIn(state: LabelState): Agreement[] {
  const pairs = new Map<string, { readonly annotators: readonly [string, string]; readonly positions: number[] }>();
  for (let position = 0; position < state.count; position += 1) {
    const annotators = state.annotatorsOf(position).sort();
    for (const [index, one] of annotators.entries()) {
      for (const other of annotators.slice(index + 1)) {
        const key = JSON.stringify([one, other]);
        const pair = pairs.get(key) ?? { annotators: [one, other], positions: [] };
        pair.positions.push(position);
        pairs.set(key, pair);
      }
    }
  }
  return [...pairs.values()].flatMap(({ annotators, positions }) =>
    state.classes.flatMap(({ id }) => {
      const answers = positions.flatMap((position) => {
        const [one, other] = annotators.map((annotator) => state.answerOf(annotator, position, id));
        return one === null || one === undefined || other === null || other === undefined
          ? []
          : [[one, other] as const];
      });
      if (answers.length === 0) return [];
      return [{ annotators, classId: id, patches: answers.length, kappa: cohensKappa(answers) }];
    }),
  );
}
