// The programs of examples/ run as their first lines say, on a tiny dataset of noise, and leave what they promise.
import { execFile, spawn } from "node:child_process";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { freshFolder, tinyDataset } from "./support/tiny-models.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const program = (name: string): string => path.join(root, "examples", name);

let data: string;
let out: string;

async function run(name: string, ...parameters: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program(name), ...parameters], { cwd: root });
  return stdout;
}

beforeAll(async () => {
  data = (await tinyDataset()).folder;
  out = await freshFolder();
});

test("the page of the examples names each of them, and nothing else", async () => {
  const page = await readFile(program("README.md"), "utf8");
  const named = [...page.matchAll(/\]\((\S+\.mjs)\)/g)].map(([, name]) => name);
  const there = (await readdir(path.join(root, "examples"))).filter((name) => name.endsWith(".mjs"));
  expect(named.sort()).toEqual(there.sort());
});

describe("a program that is copied works", () => {
  test("train.mjs trains all stages, and predict-folder.mjs segments with what it left", async () => {
    const said = await run("train.mjs", data, out, "1/16", "1");
    expect(said).toMatch(
      /classifier, epoch 1: loss \d[^]*segmenter, epoch 1: loss \d[^]*mIoU on the test patches: [\d.]+/,
    );
    expect(await readdir(path.join(out, "train_PM"))).toContain("PM_bn7");
    const masks = path.join(out, "masks");
    await run("predict-folder.mjs", path.join(out, "bundle"), path.join(data, "test", "img"), masks);
    expect((await readdir(masks)).sort()).toEqual(["test0.png", "test1.png", "test2.png"]);
  });

  test("own-arrays.mjs learns from arrays", async () => {
    const said = await run("own-arrays.mjs");
    expect(said).toMatch(/an unseen patch: nuclei \d+ px, stroma \d+ px/);
    const losses = [...said.matchAll(/classifier, epoch \d+: loss ([\d.]+)/g)].map(([, loss]) => Number(loss));
    expect(losses).toHaveLength(12);
    const sum = (list: readonly number[]): number => list.reduce((total, loss) => total + loss, 0);
    expect(sum(losses.slice(-3))).toBeLessThan(sum(losses.slice(0, 3)));
  });

  test("compare-supervision.mjs says what labels cost", async () => {
    const said = await run("compare-supervision.mjs", data, "0.0625", "1");
    expect(said).toMatch(/mIoU from labels: [\d.]+\nmIoU from true masks: [\d.]+\n/);
    expect(said).toMatch(/true masks are better by -?[\d.]+(e-\d+)? \(95 % interval -?[\d.]+/);
  });

  test("resume.mjs goes on where it was stopped, with the losses of a training that was not", async () => {
    const [whole, parts] = [path.join(out, "whole"), path.join(out, "parts")];
    await mkdir(parts, { recursive: true });
    const options = ["0.0625", "40"];
    const wanted = lossesOf(await run("resume.mjs", data, whole, ...options));
    const begun = await stoppedAfterSteps(3, [data, parts, ...options]);
    expect(begun).toContain("stopped; the same command goes on");
    const resumed = await run("resume.mjs", data, parts, ...options);
    expect(resumed).toContain("(before)");
    expect(lossesOf(resumed)).toEqual(wanted);
  });
});

function lossesOf(said: string): string[] {
  return [...said.matchAll(/^step (\d+) of \d+(?: \(before\))?: (.*)$/gm)].map(([, step, loss]) => `${step!} ${loss!}`);
}

/** Runs resume.mjs until it has reported some steps, then asks it to stop. */
async function stoppedAfterSteps(steps: number, parameters: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [program("resume.mjs"), ...parameters], { cwd: root });
  let said = "";
  let isAsked = false; // A second signal would end it at once.
  child.stdout.on("data", (bytes: Buffer) => {
    said += bytes.toString();
    if (isAsked || lossesOf(said).length < steps) return;
    isAsked = child.kill("SIGTERM");
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  expect(code).toBe(0);
  return said;
}
