// What processes share out beside trainings: scores, masks that a segmenter draws again, and the cells of an ablation.
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setImmediate } from "node:timers/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Ablation, CellReport } from "../dist/ablation/ablation.js";
import { cellsOf } from "../dist/ablation/cells.js";
import { piecesOf } from "../dist/ablation/share-cells.js";
import { allSections, type PlanSections, resolveSections } from "../dist/run/plan.js";
import { indexPattern, maskPng, patchPng } from "./support/dataset-folder.js";
import { readJson, runAblation, words } from "./support/ablation.js";
import { command, digestsOf, freshFolder, type RunningCommand, startCommand } from "./support/command-line.js";
import { endsOf, type MemberEnd, startGroup } from "./support/process-group.js";
import { tinyClassifier, tinyDataset, tinySegmenter } from "./support/tiny-models.js";

const started: RunningCommand[] = [];
afterAll(() => {
  for (const { child } of started) child.kill("SIGKILL");
});

let data: string;
let networks: string;

beforeAll(async () => {
  const dataset = await tinyDataset();
  data = dataset.train.folder;
  // Sizes of which there is one patch each, beside three of the usual one.
  for (const [width, height] of [
    [40, 48],
    [56, 32],
  ] as const) {
    const name = `other-${width}.png`;
    await writeFile(path.join(data, "test", "img", name), await patchPng(width, height, width));
    await writeFile(path.join(data, "test", "mask", name), maskPng(indexPattern(width, height, 3, 1), width, height));
  }
  networks = await freshFolder();
  await using classifier = await tinyClassifier(dataset);
  await using segmenter = await tinySegmenter(dataset);
  await classifier.save(path.join(networks, "classifier.safetensors"));
  await segmenter.save(path.join(networks, "segmenter.safetensors"));
});

describe("scores and masks", () => {
  interface Answer {
    readonly labels: unknown;
    readonly plain: { readonly patches: readonly unknown[]; readonly pixelAccuracy: number };
    readonly gated: unknown;
    readonly masks: string;
    readonly done: readonly (readonly [string, number, number])[];
    /** Numbers of the memory that other processes may have attached. */
    readonly inCommon: readonly string[];
  }

  const scored = async (size: number, optionsOf?: (rank: number) => object): Promise<MemberEnd<Answer>[]> =>
    await endsOf(await startGroup<Answer>(size, data, networks, optionsOf, "evaluation"));

  test("of any number of processes are those of one, in every process, even where some have no patch", async () => {
    const [alone] = await scored(1);
    const { done, inCommon: none, ...whole } = alone!.answer!;
    expect(none).toEqual([]);
    expect(whole.plain.patches).toHaveLength(5);
    expect(done.filter(([stage]) => stage === "gate").at(-1)).toEqual(["gate", 3, 3]);
    for (const size of [2, 5]) {
      const ends = await scored(size);
      // Patches and masks of three sizes of test, patches of train, and the masks that were drawn: once for all.
      expect(new Set(ends[0]?.answer?.inCommon).size).toBe(8);
      for (const { answer, stderr } of ends) {
        expect({ stderr, code: answer?.code }).toEqual({ stderr: "", code: undefined });
        const { done: seen, inCommon, ...found } = answer!;
        expect(found).toEqual(whole);
        expect(inCommon).toEqual(ends[0]?.answer?.inCommon);
        // Each tells of the whole, and none of more than that.
        for (const [, patches, total] of seen) expect(patches).toBeLessThanOrEqual(total);
      }
    }
  }, 120_000);

  test.each(["classify", "segment", "gate"])(
    "a process that gives up in the middle (%s) ends the others, which say why",
    async (abortAt) => {
      const [first, second] = await scored(2, (rank) => (rank === 1 ? { abortAt } : {}));
      expect(second?.answer?.code).toBe("WSSS_ERR_CANCELLED");
      expect(first?.answer).toMatchObject({ code: "WSSS_ERR_PROCESS_GROUP", details: { lost: ["1"] } });
      expect(first?.answer?.message).toMatch(/^process 1 of 2 ended its work: .*cancelled/u);
    },
    60_000,
  );

  test("other options in one process are refused before any work, with the difference", async () => {
    for (const { answer } of await scored(2, (rank) => (rank === 1 ? { views: "flips" } : {}))) {
      expect(answer?.code).toBe("WSSS_ERR_PROCESS_GROUP");
      expect(answer?.message).toContain(
        'process 1 has other options, data or versions than process 0: how.views is "flips" instead of "one"',
      );
    }
  }, 60_000);
});

describe("the commands of single stages", () => {
  test("evaluate and pseudo-masks write with two processes what they write with one", async () => {
    const out = await freshFolder();
    const given = ["--data", data, "--threads", "1", "--precision", "float32", "--json"];
    const from = (name: string): string[] => [`--${name}`, path.join(networks, `${name}.safetensors`)];
    for (const processes of ["1", "2"]) {
      const place = ["--out", path.join(out, processes), "--processes", processes];
      const evaluated = await command("evaluate", ...given, ...place, ...from("classifier"), ...from("segmenter"));
      expect(evaluated).toMatchObject({ code: 0 });
      const drawn = await command("pseudo-masks", ...given, ...place, ...from("classifier"));
      expect(drawn).toMatchObject({ code: 0 });
    }
    for (const name of [
      "evaluation/plain-patches.csv",
      "evaluation/gated-patches.csv",
      "evaluation/plain-confusion.csv",
    ]) {
      const [one, two] = await Promise.all(
        ["1", "2"].map(async (processes) => await readFile(path.join(out, processes, name), "utf8")),
      );
      expect(two).toBe(one);
    }
    const [one, two] = await Promise.all(["1", "2"].map(async (n) => await digestsOf(path.join(out, n, "train_PM"))));
    expect(Object.keys(two!)).toHaveLength(3 * 8);
    expect(two).toEqual(one);
  }, 60_000);
});

describe("pieces of an ablation", () => {
  const plan = resolveSections({}, allSections) as PlanSections;
  const named = (...names: string[]): string[] =>
    piecesOf(
      cellsOf(plan).filter(({ name }) => names.includes(name)),
      [0, 7],
    ).map((piece) => (piece.kind === "shared" ? `shared ${piece.seed}` : `${piece.cell.name} ${piece.seed}`));

  test("begin with what others wait for, and wait as late as they can", () => {
    expect(named("multi-layer", "no-pda", "full-supervision")).toEqual([
      ...["shared 0", "shared 7", "no-pda 0", "no-pda 7"],
      ...["multi-layer 0", "full-supervision 0", "multi-layer 7", "full-supervision 7"],
    ]);
  });

  test("share nothing where no cell stands on another", () => {
    expect(named("multi-layer", "no-pda")).toEqual(["multi-layer 0", "no-pda 0", "multi-layer 7", "no-pda 7"]);
  });
});

describe("ablate --processes", () => {
  const only = ["multi-layer", "no-pda", "full-supervision"];
  const cells = ["--seeds", "2", "--only", only.join(",")];
  let alone: Ablation;

  /** Everything but times and folders. */
  const scoresOf = (reports: readonly CellReport[]): unknown =>
    JSON.parse(JSON.stringify(reports, (key, value: unknown) => (key === "elapsedMs" ? undefined : value)));

  const start = (out: string, ...more: string[]): RunningCommand => {
    const running = startCommand(["ablate", "--data", data, "--out", out, ...words, ...cells, ...more]);
    started.push(running);
    return running;
  };

  beforeAll(async () => {
    alone = await runAblation({
      out: path.join(await freshFolder(), "alone"),
      data: { folder: data },
      seeds: [0, 1],
      only,
    });
  }, 120_000);

  test("--parallel cells: each process does whole cells, and the table is that of one", async () => {
    const out = path.join(await freshFolder(), "cells");
    const together = await start(out, "--processes", "3", "--parallel", "cells").ended;
    expect(together).toMatchObject({ code: 0 });
    expect(together.stderr).toContain("3 processes take the cells in turn");
    expect(together.stderr).toMatch(/cell 6 of 6, seed 1, full-supervision: mIoU/u);
    const table = await readJson<Ablation>(out, "ablation.json");
    expect(scoresOf(table.cells)).toEqual(scoresOf(alone.cells));
    expect(existsSync(path.join(out, "report.html"))).toBe(true);
    // A device of one process is not that of the folder.
    const { device } = await readJson<{ device: object }>(out, "seed-0", "no-pda", "run.json");
    expect(device).toMatchObject({ device: "cpu", threads: 1 });
    const again = await start(out, "--processes", "2", "--parallel", "cells").ended;
    expect(again.code).toBe(0);
    expect(again.stderr.match(/already done/gu)).toHaveLength(6);
  }, 180_000);

  /** Waits until a process works in the run folder of a cell. */
  const worksInCell = async (out: string, pid: number): Promise<void> => {
    for (;;) {
      const names = await readdir(out, { recursive: true }).catch(() => []);
      const locks = names.filter((name) => path.basename(name) === "run.lock" && name.includes("seed-"));
      const texts = await Promise.all(
        locks.map(async (name) => await readFile(path.join(out, name), "utf8").catch(() => "")),
      );
      if (texts.some((text) => new RegExp(`\\b${pid}\\b`, "u").test(text))) return;
      await setImmediate();
    }
  };

  test("--parallel cells: a killed process ends the others, and the same command goes on", async () => {
    const out = path.join(await freshFolder(), "killed");
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const member = (rank: number): RunningCommand => {
      const soon = ["--parallel", "cells", "--group-timeout", "15"];
      const place = { RANK: `${rank}`, WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: `${port}` };
      const running = startCommand(["ablate", "--data", data, "--out", out, ...words, ...cells, ...soon], {
        env: { ...process.env, ...place },
      });
      started.push(running);
      return running;
    };
    const [first, other] = [member(0), member(1)];
    await worksInCell(out, other.child.pid!);
    other.child.kill("SIGKILL");
    const end = await first.ended;
    expect(end.code).not.toBe(0);
    expect(end.stderr).toContain("process 1 of 2 was lost");
    const rest = await start(out).ended;
    expect(rest).toMatchObject({ code: 0 });
    expect(scoresOf((await readJson<Ablation>(out, "ablation.json")).cells)).toEqual(scoresOf(alone.cells));
  }, 180_000);

  /** Two processes by --processes, of which the second, by its number, is at work in a cell. */
  async function withFollowerInCell(
    out: string,
    timeoutSeconds: number,
  ): Promise<{ readonly running: RunningCommand; readonly follower: number }> {
    const running = start(out, "--processes", "2", "--parallel", "cells", "--group-timeout", `${timeoutSeconds}`);
    const own = running.child.pid!;
    await running.saw("take the cells in turn");
    const follower = Number((await readFile(`/proc/${own}/task/${own}/children`, "utf8")).trim());
    await worksInCell(out, follower);
    return { running, follower };
  }

  test("--parallel cells: one that --processes has started and that is killed is noticed at once", async () => {
    const out = path.join(await freshFolder(), "noticed");
    // Nobody would notice before the test is given up.
    const { running, follower } = await withFollowerInCell(out, 600);
    process.kill(follower, "SIGKILL");
    const end = await running.ended;
    expect(end.code).toBe(5);
    expect(end.stderr).toContain("process 1 of 2 was killed; a system that runs out of memory");
    const rest = await start(out).ended;
    expect(rest).toMatchObject({ code: 0 });
    expect(scoresOf((await readJson<Ablation>(out, "ablation.json")).cells)).toEqual(scoresOf(alone.cells));
  }, 180_000);

  test("--processes: one that hangs is given up, killed, and named", async () => {
    const out = path.join(await freshFolder(), "hanging");
    const { running, follower } = await withFollowerInCell(out, 3);
    process.kill(follower, "SIGSTOP");
    const end = await running.ended;
    expect(end.code).toBe(5);
    expect(end.stderr).toContain("process 1 of 2 was lost");
    expect(existsSync(`/proc/${follower}`)).toBe(false);
  }, 180_000);

  test("--parallel cells: a signal ends all of them, and the same command goes on", async () => {
    const out = path.join(await freshFolder(), "stopped");
    const running = start(out, "--processes", "2", "--parallel", "cells");
    await running.saw("train-classifier: epoch");
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(143);
    const rest = await start(out, "--processes", "2", "--parallel", "cells").ended;
    expect(rest).toMatchObject({ code: 0 });
    expect(scoresOf((await readJson<Ablation>(out, "ablation.json")).cells)).toEqual(scoresOf(alone.cells));
  }, 180_000);

  test("a classifier that diverges blocks what stands on it, and is not trained again", async () => {
    const out = path.join(await freshFolder(), "diverged");
    const ill = ["--lr", "100", "--head-lr-factor", "1000", "--weight-decay", "1", "--clip-grad", "0", "--seeds", "1"];
    const folder = path.join(out, "run");
    const running = (parallel: string): RunningCommand => {
      const given = ["ablate", "--data", data, "--out", folder, ...words, "--only", only.join(","), ...ill];
      const one = startCommand([...given, "--processes", "2", "--parallel", parallel]);
      started.push(one);
      return one;
    };
    for (const [call, parallel] of ["cells", "cells", "steps"].entries()) {
      const { code, stderr } = await running(parallel).ended;
      expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
      const table = await readJson<Ablation>(folder, "ablation.json");
      expect(table.cells.map(({ seeds }) => seeds[0]?.outcome?.status)).toEqual(["diverged", "diverged", "blocked"]);
      if (call > 0) expect(stderr).not.toContain("train-classifier: ");
    }
    const { code, stderr } = await startCommand([
      ...["ablate", "--data", data, "--out", path.join(out, "steps"), ...words, "--only", only.join(","), ...ill],
      ...["--processes", "2", "--parallel", "steps"],
    ]).ended;
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  }, 180_000);

  test("--parallel steps: every training is that of all processes, one cell after the other", async () => {
    const out = path.join(await freshFolder(), "steps");
    const together = await start(out, "--processes", "2").ended;
    expect(together).toMatchObject({ code: 0 });
    const table = await readJson<Ablation>(out, "ablation.json");
    expect(table.cells.map(({ seeds }) => seeds.map(({ outcome }) => outcome?.status))).toEqual(
      only.map(() => ["done", "done"]),
    );
  }, 180_000);
});

test("another word than steps and cells is refused", async () => {
  const result = await command("ablate", "--parallel", "nothing", "--out", path.join(await freshFolder(), "no"));
  expect(result.code).toBe(2);
  expect(result.stderr).toContain("Allowed choices are steps, cells");
});
