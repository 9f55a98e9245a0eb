// The first convolution of small networks, on the bytes of pictures, against the layers on values in [0, 1] in float64.
import path from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { describeInstructionSets } from "./support/instruction-sets.js";
import { makeWorkspace } from "./support/test-addon.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const workspace = await makeWorkspace(root);

/** The largest error by the largest value: of float32 sums, and of one rounding to eight bits. */
const tolerances = { float32: 2e-6, bfloat16: 0.004 } as const;
const paddings = { "both sides": 1, "as TensorFlow's same": 2 } as const;

const usual = { n: 2, height: 30, width: 44, channels: 32, threads: 2 };
const cases = [
  ["as the networks have it", usual],
  ["odd sides", { ...usual, height: 33, width: 27 }],
  ["channels that fill no vector", { ...usual, channels: 20 }],
  ["few pixels", { ...usual, height: 2, width: 3 }],
  ["one thread", { ...usual, n: 1, threads: 1 }],
] as const;

describeInstructionSets(
  workspace,
  () => {
    describe.each(Object.entries(tolerances))("in %s", (precision, tolerance) => {
      describe.each(Object.entries(paddings))("padded %s", (_, padding) => {
        test.each(cases)("%s; then other weights, other statistics", (_name, fields) => {
          workspace.clear();
          workspace.run("stem", { ...fields, padding, precision });
          const errors = [...new Float64Array(workspace.get("errors").data)];
          expect(errors).toHaveLength(3);
          for (const error of errors) expect(error).toBeLessThan(tolerance);
        });
      });
    });
  },
  { multiplyBfloat16: true },
);
