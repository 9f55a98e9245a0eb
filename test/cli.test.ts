/** The command line where no network is needed: help, version, wrong words, missing things. Exit codes as documented. */
import { beforeAll, describe, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cleanFiles, folderOf } from "./support/clean-dataset.js";
import { command, freshFolder } from "./support/command-line.js";

const commands = [
  "demo",
  "run",
  "ablate",
  "doctor",
  "slide",
  "patches",
  "segment",
  "merge",
  "view",
  "label",
  "train-classifier",
  "pseudo-masks",
  "train-segmenter",
  "evaluate",
  "compare",
  "report",
  "predict",
  "setup",
  "inspect",
] as const;

let folder: string;

beforeAll(async () => {
  folder = await freshFolder();
});

const helps = new Map<string, ReturnType<typeof command>>();
/** The help of a command, printed once for all that look at it. */
async function helpOf(name: string): ReturnType<typeof command> {
  const help = helps.get(name) ?? command(name, "--help");
  helps.set(name, help);
  return await help;
}

describe("help and version", () => {
  test("--help lists every command on stdout, exit 0", async () => {
    const { code, stdout, stderr } = await command("--help");
    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const name of commands) expect(stdout).toContain(`  ${name} `);
    expect(stdout).toContain("130 SIGINT");
  });

  test.each(commands)("%s --help explains it and its options, exit 0", async (name) => {
    const { code, stdout, stderr } = await helpOf(name);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toContain(`Usage: wsss-tissue ${name}`);
    for (const option of ["--json", "--quiet", "--debug"]) expect(stdout).toContain(option);
  });

  test("docs/command-line.md names every option of every command", async () => {
    const page = await readFile("docs/command-line.md", "utf8");
    const helps = await Promise.all(commands.map(async (name) => (await helpOf(name)).stdout));
    const options = new Set(helps.join("\n").match(/(?<=[ ,])--[a-z][a-z-]+/g));
    // Each switch can be turned off; the page says so once.
    const named = (option: string): boolean => page.includes(option.replace("--no-", "--"));
    expect([...options].filter((option) => !named(option))).toEqual([]);
    expect(options.size).toBeGreaterThan(50);
  });

  test("help of a command by `help <command>`", async () => {
    const { code, stdout } = await command("help", "run");
    expect(code).toBe(0);
    expect(stdout).toContain("--level-weights");
  });

  test("--version prints the version of the package", async () => {
    const { code, stdout } = await command("--version");
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { version: string };
    expect({ code, stdout }).toEqual({ code: 0, stdout: `${version}\n` });
  });

  test("no words at all: the help on stderr, exit 2", async () => {
    const { code, stdout, stderr } = await command();
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: wsss-tissue");
  });
});

/** One line, no stack, the program's name first. */
function expectOneLine(stderr: string): void {
  expect(stderr).toMatch(/^wsss-tissue: [^\n]+\n$/);
}

describe("wrong words: exit 2 and one line that says what is wrong", () => {
  const cases: readonly (readonly [string, readonly string[], string])[] = [
    ["an unknown command", ["demmo"], "unknown command 'demmo' (Did you mean demo?)"],
    ["an unknown option", ["demo", "--sede", "1"], "unknown option '--sede' (Did you mean --seed?)"],
    ["a missing run folder", ["run", "--data", "x"], "required option '--out <folder>' not specified"],
    ["a missing value", ["demo", "--seed"], "argument missing"],
    ["a learning rate of NaN", ["demo", "--lr", "nan"], "It must be a number"],
    ["a number with a unit", ["demo", "--lr", "1px"], "It must be a number"],
    ["an empty number", ["demo", "--lr", ""], "It must be a number"],
    ["an infinite number", ["demo", "--lr", "1e999"], "It must be a number"],
    ["epochs that are no integer", ["demo", "--epochs", "1.5"], "It must be an integer"],
    ["a list with a hole", ["demo", "--level-weights", "0.6,,0.2"], "It must be a number"],
    ["an unknown word", ["demo", "--sched", "linear"], "It must be poly or cosine or step"],
    ["an unknown device", ["demo", "--device", "gpu"], "It must be auto, cpu, cuda or cuda:N"],
    ["an unknown preset", ["run", "--out", "x", "--data", "x", "--preset", "luad"], "luad-histoseg or bcss-wsss"],
    ["a doctor without dataset", ["doctor"], "missing required argument 'data'"],
    ["an unknown preset for the doctor", ["doctor", "x", "--preset", "luad"], "luad-histoseg or bcss-wsss"],
    [
      "a preset and a description",
      ["doctor", "x", "--preset", "bcss-wsss", "--description", "y.json"],
      "preset and description exclude each other",
    ],
    ["a learning rate below 0", ["demo", "--lr", "-0.01"], "learningRate must be above 0, received -0.01"],
    ["a batch of one", ["demo", "--batch-size", "1"], "batchSize must be at least 2, received 1"],
    ["a flip above 1", ["demo", "--hflip", "2"], "horizontalFlip must be at most 1, received 2"],
    ["a seed below 0", ["demo", "--seed", "-1"], "seed must be at least 0, received -1"],
    ["a seed beyond 32 bits", ["demo", "--seed", "4294967296"], "seed must be at most 4294967295"],
    ["a level that does not exist", ["demo", "--levels", "bn7,b6"], '"bn7" or "b5_2" or "b4_5"'],
    [
      "nesterov without momentum",
      ["demo", "--nesterov", "--momentum", "0"],
      "nesterov must be false while momentum is 0",
    ],
    ["a width of 0", ["demo", "--width", "0"], "width must be above 0, received 0"],
    ["a run without data", ["run", "--out", "nowhere"], "set it with --data"],
    ["threads below 0, before the page is served", ["label", "nowhere", "--threads", "-1"], "It must be at least 0."],
    ["no time to wait", ["run", "--out", "nowhere", "--group-timeout", "0"], "It must be at least 1."],
    [
      "a prediction without network",
      ["predict", "--out", "nowhere", "patch.png"],
      "name a bundle with --bundle, a run folder with --run",
    ],
  ];

  test.each(cases)("%s", async (_, words, says) => {
    const { code, stdout, stderr } = await command(...words);
    expect(stderr).toContain(says);
    expectOneLine(stderr);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test("the flag is named for an option that the library refuses", async () => {
    const { stderr } = await command("demo", "--clip-grad", "-1");
    expect(stderr).toContain("set it with --clip-grad");
  });

  test("--debug adds the stack", async () => {
    const { stderr } = await command("demo", "--lr", "-1", "--debug");
    expect(stderr).toMatch(/\n {4}at /);
  });
});

describe("missing data: exit 3, and nothing is made", () => {
  test.each(["run", "train-classifier", "train-segmenter", "pseudo-masks", "evaluate"])("%s", async (name) => {
    const out = path.join(folder, `out-${name}`);
    const missing = path.join(folder, "missing");
    const { code, stdout, stderr } = await command(name, "--data", missing, "--out", out, "--json");
    expect(stderr).toBe(`wsss-tissue: there is no dataset at ${missing}: no such folder\n`);
    expect({ code, stdout, made: existsSync(out) }).toEqual({ code: 3, stdout: "", made: false });
  });

  test("an empty folder", async () => {
    const empty = path.join(folder, "empty");
    await mkdir(empty);
    const { code, stderr } = await command("run", "--data", empty, "--out", path.join(folder, "out"));
    expect(code).toBe(3);
    expect(stderr).toContain("is an empty folder");
  });

  test("a picture that is not there", async () => {
    const weights = path.join(folder, "none.safetensors");
    const { code, stderr } = await command("predict", "--segmenter", weights, "--out", folder, "no-such.png");
    expect(code).toBe(3);
    expect(stderr).toContain("there is no picture or folder no-such.png");
  });

  test("a run.json of something else", async () => {
    const out = path.join(folder, "foreign");
    await mkdir(out);
    await writeFile(path.join(out, "run.json"), '{"name":"somebody else"}\n');
    const { code, stderr } = await command("run", "--data", folder, "--out", out);
    expect(code).toBe(3);
    expect(stderr).toContain("is not the record of a run");
  });
});

test("a weight file that is none: exit 4", async () => {
  const weights = path.join(folder, "broken.safetensors");
  await writeFile(weights, "this is text");
  const picture = path.join(folder, "picture.png");
  await writeFile(picture, "");
  const out = path.join(folder, "masks");
  const { code, stderr } = await command("predict", "--segmenter", weights, "--out", out, picture);
  expect(code).toBe(4);
  expectOneLine(stderr);
});

test("a reader that closes stdout early is no error", async () => {
  const main = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
  const child = spawn("sh", ["-c", `"${process.execPath}" "${main}" run --help | head -n 1; exit 0`]);
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  await new Promise((resolve) => child.on("close", resolve));
  expect(stderr).toBe("");
});

describe("doctor", () => {
  test("a clean dataset: exit 0, the counts, the balance of the classes and the memory", async () => {
    const data = await folderOf(await cleanFiles());
    const { code, stdout, stderr } = await command("doctor", data);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain("6 patches of 36x40 px, 6 masks");
    expect(stdout).toContain("Nothing is wrong.");
    expect(stdout).toMatch(/^gland +4 +66\.7 +28\.3 +3 +100\.0/m);
    expect(stdout).toMatch(/Memory: the pixels take 0\.00 GiB/);
  });

  test("warnings alone: exit 0; with an error exit 3, a row for each kind, and one line on stderr", async () => {
    const data = await folderOf({ ...(await cleanFiles()), "train/notes.txt": "", "train/more.txt": "" });
    const warned = await command("doctor", data);
    expect({ code: warned.code, stderr: warned.stderr }).toEqual({ code: 0, stderr: "" });
    expect(warned.stdout).toMatch(/^stray-file +warning +train +2 +train\/more\.txt$/m);
    await writeFile(path.join(data, "val", "mask", "x.png"), "");
    const { code, stdout, stderr } = await command("doctor", data);
    expect(code).toBe(3);
    expectOneLine(stderr);
    expect(stderr).toContain(`${data} has 1 error; correct it before training`);
    expect(stdout).toContain("1 error, 2 warnings");
    expect(stdout).toMatch(/^mask-empty +error +val +1 +val\/mask\/x\.png\n +is empty\n +-> copy the file again$/m);
  });

  test("--json prints everything as one line, also with errors", async () => {
    const data = await folderOf({ ...(await cleanFiles()), "train/a[1 0].png": "text" });
    const { code, stdout } = await command("doctor", data, "--json");
    expect(code).toBe(3);
    expect(stdout.trimEnd().split("\n").length).toBe(1);
    const { findings, ...rest } = JSON.parse(stdout) as { findings: unknown[] };
    expect(rest).toMatchObject({ folder: data, name: "two classes", errors: 1, warnings: 0 });
    expect(findings).toEqual([
      {
        check: "patch-not-a-picture",
        severity: "error",
        split: "train",
        files: ["train/a[1 0].png"],
        problem: "is not a picture that can be decoded",
        remedy: "patches are PNG, JPEG, TIFF or WebP files",
      },
    ]);
  });

  test("no such folder: exit 3", async () => {
    const missing = path.join(folder, "missing");
    const { code, stdout, stderr } = await command("doctor", missing);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toBe(`wsss-tissue: there is no dataset at ${missing}: no such folder\n`);
  });
});

describe("inspect", () => {
  test("--json says what was found, exit 0", async () => {
    const { code, stdout } = await command("inspect", "--json");
    expect(code).toBe(0);
    const report = JSON.parse(stdout) as Record<string, unknown>;
    expect(report["libtorch"]).toMatchObject({ needed: "2.13.0" });
    expect(report["addon"]).toMatchObject({ libtorchVersion: "2.13.0" });
  });

  test("for people: version, devices, threads, bfloat16, CUDA, places", async () => {
    const { stdout } = await command("inspect");
    for (const heading of ["LibTorch used", "threads", "bfloat16", "CUDA GPUs", "Places"]) {
      expect(stdout).toContain(heading);
    }
  });
});
