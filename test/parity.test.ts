// The golden suite: every number that the published method pins, against the core. Reads $WSSS_GOLDEN_DIR if it is set,
// else test/fixtures/golden and, where it is, ../shared/golden/dev.
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { parityRunners, runnerOf, scheduleOf } from "./support/parity-runners.js";
import { type GoldenCase, goldenFolders } from "./support/golden.js";
import { makeWorkspace } from "./support/test-addon.js";
import type { Workspace } from "./support/test-addon.js";
import { watchSettings } from "./support/watched-settings.js";

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

describe("a case that the runners do not know", () => {
  const given = folders.flatMap(({ folder, manifest }) =>
    manifest.cases.map((golden) => ({ folder, manifest, golden })),
  );
  const run = async (prefix: string, change: (golden: GoldenCase) => GoldenCase): Promise<readonly string[]> => {
    const found = given.find(({ golden }) => golden.id.startsWith(prefix));
    if (found === undefined) throw new Error(`there is no case ${prefix}`);
    workspace.clear();
    const watched = watchSettings(change(found.golden));
    await runnerOf(found.golden.id)({ ...found, workspace, golden: watched.golden });
    return watched.unread();
  };
  const withHyper = (more: object) => (golden: GoldenCase) => ({ ...golden, hyper: { ...golden["hyper"], ...more } });

  test("leaves its setting unread, which fails it", async () => {
    const unread = await run(
      "F4",
      withHyper({ dampening: 0.1, group_of: { a_conv: 0, a_bn: 0, b_conv: 1, b_bias: 1 } }),
    );
    expect(unread).toEqual(["hyper.dampening"]);
  });

  test("is refused with a value that cannot be followed", async () => {
    await expect(run("F5", withHyper({ schedule: "linear" }))).rejects.toThrow("no schedule is called linear");
    await expect(run("D2_masks_flat", withHyper({ dataset: "crag" }))).rejects.toThrow('dataset is "crag"');
  });

  test("has its schedule read whole", async () => {
    expect(scheduleOf("step_lr_step2_warmup2")).toEqual({ schedule: "step", stepEpochs: 2, warmupEpochs: 2 });
    expect(scheduleOf("cos_warmup12")).toEqual({ schedule: "cos", stepEpochs: 0, warmupEpochs: 12 });
    for (const wrong of ["step", "poly_lr_step1", "poly_power2", "step_lr_step"])
      expect(() => scheduleOf(wrong)).toThrow();
    // Two epochs of 7 steps: a tenth from the third epoch on, which never comes, and a warm-up over all of it.
    const table = [0, 1].flatMap((e) => [...Array(7).keys()].map((i) => [e, i, (0.01 * (7 * e + i)) / 14]));
    const rows = table.map(([e, i, rate]) => [e, i, rate, 10 * (rate as number)]);
    expect(await run("F3", (golden) => ({ ...golden, tables: { step_lr_step2_warmup2: rows } }))).toEqual([]);
  });

  test("of group A may have digests alone, and a wrong one is found", async () => {
    const digestsOnly = ({ json_file: _, ...golden }: GoldenCase): GoldenCase => golden;
    expect(await run("A", digestsOnly)).toEqual([]);
    const wrong = (golden: GoldenCase): GoldenCase => {
      const digests = structuredClone(golden["digests"]);
      digests.deeplab_drn.entries = 1;
      return { ...digestsOnly(golden), digests };
    };
    await expect(run("A", wrong)).rejects.toThrow("deeplab_drn tensors");
  });

  // The rate of the third epoch of a cosine is another one than that of the polynomial.
  test("of group H2 follows its schedule", async () => {
    await expect(run("H2_train_mobilenet", withHyper({ sched: "cos" }))).rejects.toThrow("lr_used");
  });
});

describe.each(
  folders.map(({ folder, manifest }) => ({ name: folder.startsWith(root) ? "fixtures" : "given", folder, manifest })),
)("$name", ({ folder, manifest }) => {
  for (const golden of manifest.cases) {
    test(golden.id, async () => {
      workspace.clear();
      const watched = watchSettings(golden);
      await runnerOf(golden.id)({ workspace, golden: watched.golden, folder, manifest });
      expect(watched.unread()).toEqual([]);
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
