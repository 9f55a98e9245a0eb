// The golden suite: every number that the published method pins, against the core. Reads $WSSS_GOLDEN_DIR if it is set,
// else test/fixtures/golden and, where it is, ../shared/golden/dev.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { parityRunners, runnerOf } from "./support/parity-runners.js";
import { goldenFolders } from "./support/golden.js";
import { makeWorkspace } from "./support/test-addon.js";
import type { Workspace } from "./support/test-addon.js";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const folders = await goldenFolders(root);
let workspace: Workspace;

beforeAll(async () => {
  workspace = await makeWorkspace(root);
});

test("there are golden cases to run", () => {
  expect(folders.length).toBeGreaterThan(0);
  expect(Object.keys(parityRunners).length).toBeGreaterThan(0);
});

describe.each(
  folders.map(({ folder, manifest }) => ({ name: folder.startsWith(root) ? "fixtures" : "given", folder, manifest })),
)("$name", ({ folder, manifest }) => {
  for (const golden of manifest.cases) {
    test(golden.id, async () => {
      workspace.clear();
      await runnerOf(golden.id)({ workspace, golden, folder, manifest });
    });
  }

  test("rules", () => {
    const { rules } = manifest;
    const rounded = (numbers: ArrayLike<number>): number[] => Array.from(numbers);
    for (const rule of rules.weights.tests) {
      workspace.run("rule_weight", {
        netKey: rule.net_key,
        weightTag: rule.weight_tag,
        name: rule.name,
        shape: rule.shape,
      });
      const stats = workspace.stats(
        "out",
        rule.values.map(([index]: [number, number]) => index),
      );
      expect(rounded(stats.samples)).toEqual(rule.values.map(([, value]: [number, number]) => value));
    }
    for (const rule of rules.synth_image.tests) {
      workspace.run("synth_image", { tag: rule.tag, H: rule.H, W: rule.W });
      const bytes = new Uint8Array(workspace.get("out").data);
      let hash = 2166136261;
      for (const byte of bytes) hash = Math.imul(hash ^ byte, 16777619) >>> 0;
      expect(hash).toBe(rule.fnv1a32_of_interleaved_rgb_bytes);
    }
  });
});
