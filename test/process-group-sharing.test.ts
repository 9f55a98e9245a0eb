// What processes share out beside trainings: scores, masks that a segmenter draws again, and the cells of an ablation.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Ablation, CellReport } from "../dist/ablation/ablation.js";
import { cellsOf } from "../dist/ablation/cells.js";
import { piecesOf } from "../dist/ablation/share-cells.js";
import { allSections, type PlanSections, resolveSections } from "../dist/run/plan.js";
import { readJson, runAblation, words } from "./support/ablation.js";
import { command, freshFolder, type RunningCommand, startCommand } from "./support/command-line.js";
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
  }

  const scored = async (size: number, optionsOf?: (rank: number) => object): Promise<MemberEnd<Answer>[]> =>
    await endsOf(await startGroup<Answer>(size, data, networks, optionsOf, "evaluation"));

  test("of any number of processes are those of one, in every process, even where some have no patch", async () => {
    const [alone] = await scored(1);
    const { done, ...whole } = alone!.answer!;
    expect(whole.plain.patches).toHaveLength(3);
    expect(done.filter(([stage]) => stage === "gate").at(-1)).toEqual(["gate", 3, 3]);
    for (const size of [2, 5]) {
      for (const { answer, stderr } of await scored(size)) {
        expect({ stderr, code: answer?.code }).toEqual({ stderr: "", code: undefined });
        const { done: seen, ...found } = answer!;
        expect(found).toEqual(whole);
        // Each tells of the whole, and none of more than that.
        for (const [, patches, total] of seen) expect(patches).toBeLessThanOrEqual(total);
      }
    }
  }, 120_000);

  test("a process that gives up ends the others, which say so", async () => {
    const [first, second] = await scored(2, (rank) => ({ abort: rank === 1 }));
    expect(second?.answer?.code).toBe("WSSS_ERR_CANCELLED");
    expect(first?.answer).toMatchObject({ code: "WSSS_ERR_PROCESS_GROUP", details: { lost: ["1"] } });
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

  test("--parallel cells: a killed process ends the others, and the same command goes on", async () => {
    const out = path.join(await freshFolder(), "killed");
    const soon = ["--group-timeout", "15"];
    const job = startCommand(
      ["ablate", "--data", data, "--out", out, ...words, ...cells, "--parallel", "cells", ...soon],
      {
        env: { ...process.env, RANK: "0", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "29613" },
      },
    );
    const other = startCommand(
      ["ablate", "--data", data, "--out", out, ...words, ...cells, "--parallel", "cells", ...soon],
      {
        env: { ...process.env, RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "127.0.0.1", MASTER_PORT: "29613" },
      },
    );
    started.push(job, other);
    await job.saw("train-classifier: epoch");
    other.child.kill("SIGKILL");
    const end = await job.ended;
    expect(end.code).not.toBe(0);
    expect(end.stderr).toContain("process 1 of 2 was lost");
    const rest = await start(out).ended;
    expect(rest).toMatchObject({ code: 0 });
    expect(scoresOf((await readJson<Ablation>(out, "ablation.json")).cells)).toEqual(scoresOf(alone.cells));
  }, 180_000);

  test("a classifier that diverges blocks what stands on it, and the others are done", async () => {
    const out = path.join(await freshFolder(), "diverged");
    const ill = ["--lr", "100", "--head-lr-factor", "1000", "--weight-decay", "1", "--clip-grad", "0", "--seeds", "1"];
    for (const parallel of ["cells", "steps"]) {
      const folder = path.join(out, parallel);
      const running = startCommand([
        ...["ablate", "--data", data, "--out", folder, ...words, "--only", only.join(","), ...ill],
        ...["--processes", "2", "--parallel", parallel],
      ]);
      started.push(running);
      const { code, stderr } = await running.ended;
      expect({ parallel, code, stderr: code === 0 ? "" : stderr }).toEqual({ parallel, code: 0, stderr: "" });
      const table = await readJson<Ablation>(folder, "ablation.json");
      expect(table.cells.map(({ seeds }) => seeds[0]?.outcome?.status)).toEqual(["diverged", "diverged", "blocked"]);
    }
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
