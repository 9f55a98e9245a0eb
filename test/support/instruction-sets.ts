// The instruction sets that our loops are compiled for, so that tests can force each.
import { afterAll, beforeAll, describe } from "@jest/globals";
import type { Workspace } from "./test-addon.js";

const names = ["the oldest instruction set", "AVX2", "AVX512"] as const;
/** Of use to loops that multiply bfloat16 themselves; the others are the same with it. */
const products = "AVX512 with products of bfloat16";

/** Runs a block of tests with the loops of each instruction set; those that the processor does not have are skipped aloud. */
export function describeInstructionSets(
  workspace: Workspace,
  tests: () => void,
  { multiplyBfloat16 = false }: { multiplyBfloat16?: boolean } = {},
): void {
  const take = (newest: number): number => {
    workspace.run("limit_instruction_set", { newest });
    return new Uint8Array(workspace.get("set").data)[0]!;
  };
  const newest = take(names.length);
  for (const [set, name] of (multiplyBfloat16 ? [...names, products] : names).entries()) {
    if (set > newest) console.warn(`SKIPPED: this processor has no ${name}`);
    (set > newest ? describe.skip : describe)(`by ${name}`, () => {
      beforeAll(() => void take(set));
      afterAll(() => void take(newest));
      tests();
    });
  }
}
