// The package as a user gets it: packed, installed where there is no compiler, loaded in every way that Node has.
import { beforeAll, describe, expect, test } from "@jest/globals";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { preloadLibTorch, readLibTorchFolder, setupLibTorch } from "../dist/libtorch/libtorch.js";
import { pathWithNvidiaSmi, temporaryFolder, writeFiles } from "./support/fake-libtorch.js";
import * as packages from "./support/installed-package.js";
import type { InstalledPackage, ProgramEnd } from "./support/installed-package.js";
import { tinyDataset } from "./support/tiny-models.js";

let installed: InstalledPackage;
let dataset: string;
let libtorch: string;

beforeAll(async () => {
  ({ folder: libtorch } = await setupLibTorch());
  installed = await packages.installPackage();
  ({ folder: dataset } = await tinyDataset());
}, 1_200_000);

async function trainAndSegment(environment: NodeJS.ProcessEnv = {}, node?: string): Promise<ProgramEnd> {
  const program = await packages.copyProgram(installed.project, "train-and-segment.mjs");
  const output = await temporaryFolder();
  return await packages.runIn(installed.project, [program, dataset, path.join(output, "masks")], environment, node);
}

function expectTrained(end: ProgramEnd): void {
  expect(end).toMatchObject({ code: 0 });
  expect(JSON.parse(end.stdout)).toMatchObject({ steps: 4, height: 32, width: 32 });
}

describe("the tarball", () => {
  test("holds what a user needs and nothing else", () => {
    const allowed = [
      /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|CITATION\.cff|THIRD_PARTY\.md)$/,
      /^dist\/[a-z0-9/-]+\.(js|d\.ts)$/,
      /^dist\/(view|labelling)\/page\/(index\.html|style\.css)$/,
      /^dist\/report\/report\.css$/,
      /^prebuilds\/linux-x64\/(wsss-tissue-native\.node|wsss_tissue_cuda\.so)$/,
    ];
    expect(installed.files.filter((file) => !allowed.some((pattern) => pattern.test(file)))).toEqual([]);
    for (const file of [
      "LICENSE",
      "THIRD_PARTY.md",
      "dist/labelling/page/index.html",
      "dist/labelling/page/label-page.js",
      "dist/labelling/page/style.css",
      "dist/report/report.css",
      "dist/view/page/index.html",
      "dist/view/page/style.css",
      "dist/view/page/view-page.js",
      "dist/index.d.ts",
      "prebuilds/linux-x64/wsss-tissue-native.node",
    ]) {
      expect(installed.files).toContain(file);
    }
  });

  test("is small, and has no install script", async () => {
    expect(installed.packedBytes).toBeLessThan(5e6);
    const lock = await readFile(path.join(installed.project, "package-lock.json"), "utf8");
    expect(lock).not.toContain("hasInstallScript");
    const { packages: all } = JSON.parse(lock) as { packages: Record<string, unknown> };
    // Optional ones are sharp's binaries for other systems. Most of the others draw plots: Observable Plot is on D3, which is in parts.
    expect(Object.keys(all).filter((name) => name !== "" && !name.includes("@img/"))).toHaveLength(80);
  });

  test("has binaries that run where LibTorch does, and know nothing of where they were made", async () => {
    const script = fileURLToPath(new URL("../scripts/check-binary.mjs", import.meta.url));
    const prebuilds = path.join(installed.project, "node_modules/wsss-tissue-native/prebuilds/linux-x64");
    const end = await packages.runIn(installed.project, [script, prebuilds, "--json"], { PATH: process.env["PATH"] });
    const reports = JSON.parse(end.stdout) as { name: string; problems: string[] }[];
    expect(reports.map(({ name, problems }) => [name, problems])).toContainEqual(["wsss-tissue-native.node", []]);
    expect(reports.flatMap(({ problems }) => problems)).toEqual([]);
  });
});

describe("an installed package", () => {
  test("trains and segments without a compiler, and exits clean", async () => {
    const end = await trainAndSegment({ LIBTORCH: libtorch });
    expectTrained(end);
    expect(end.stderr).toBe("");
  });

  test("is had by require, and works in worker threads and child processes", async () => {
    const program = await packages.copyProgram(installed.project, "ways-in.cjs");
    const end = await packages.runIn(installed.project, [program], { LIBTORCH: libtorch });
    expect(end).toMatchObject({ code: 0 });
    const refused = "WSSS_ERR_OPTION";
    expect(JSON.parse(end.stdout)).toMatchObject({ here: refused, inWorker: refused, inChild: refused });
  });

  test("has a command that works", async () => {
    const words = ["node_modules/.bin/wsss-tissue", "inspect", "--json"];
    const end = await packages.runIn(installed.project, words, { LIBTORCH: libtorch });
    expect(end).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(end.stdout)).toMatchObject({ problem: null, addon: { libtorchVersion: "2.13.0" } });
  });

  for (const major of [22, 24]) {
    test(`runs on Node ${String(major)}, the same binary`, async () => {
      const node = await packages.anotherNode(major);
      if (node === null) {
        console.warn(`skipped: Node ${String(major)} is not here; WSSS_TEST_FETCH=1 fetches it`);
        return;
      }
      const end = await trainAndSegment({ LIBTORCH: libtorch }, node);
      expectTrained(end);
      expect((JSON.parse(end.stdout) as { node: string }).node).toMatch(new RegExp(`^v${String(major)}\\.`));
      const program = await packages.copyProgram(installed.project, "ways-in.cjs");
      expect(await packages.runIn(installed.project, [program], { LIBTORCH: libtorch }, node)).toMatchObject({
        code: 0,
      });
    });
  }
});

describe("without a LibTorch", () => {
  test("the first use fetches it through pip's own settings, aloud", async () => {
    const cache = await temporaryFolder();
    if (!packages.mayFetch()) {
      console.warn("skipped: LibTorch's wheel (192 or 527 MB) is fetched for this test only with WSSS_TEST_FETCH=1");
      return;
    }
    const first = await trainAndSegment({ WSSS_CACHE: cache, LIBTORCH: "", PYTHON: "" });
    expectTrained(first);
    expect(first.stderr).toMatch(/LibTorch 2\.13\.0 is not there[^]*licences: PyTorch: BSD-3-Clause/);
    expect(first.stderr).toMatch(
      /fetching torch==2\.13\.0[^]*unpacking torch-2\.13\.0.*, whose SHA-256 is [0-9a-f]{64}[^]*is ready in/,
    );
    const second = await trainAndSegment({ WSSS_CACHE: cache, LIBTORCH: "" });
    expectTrained(second);
    expect(second.stderr).toBe("");
  });

  test("and with nothing to be had, every use says so, with the command that repairs it", async () => {
    const cache = await temporaryFolder();
    const end = await trainAndSegment({ WSSS_CACHE: cache, LIBTORCH: "", PYTHON: "", WSSS_OFFLINE: "1" });
    expect(end.code).toBe(1);
    expect(end.stderr).toMatch(/No usable LibTorch 2\.13\.0, and nothing may be fetched[^]*npx wsss-tissue setup/);
  });
});

describe("with a CUDA LibTorch, where there is no device", () => {
  test("everything runs on the CPU", async () => {
    const folder = await temporaryFolder();
    await packages.linkedLibTorch(libtorch, folder);
    await writeFiles(folder, {
      "build-version": "2.13.0+cu130\n",
      "lib/libtorch_cuda.so": "is not loaded without a driver",
    });
    const end = await trainAndSegment({ LIBTORCH: folder });
    expectTrained(end);
    expect(end.stderr).toBe("");
  });

  test("a CUDA library that does not load costs one clear line", async () => {
    const folder = await temporaryFolder();
    await packages.linkedLibTorch(libtorch, folder);
    await writeFiles(folder, { "build-version": "2.13.0+cu130\n", "lib/libtorch_cuda.so": "no library" });
    await mkdir(path.join(folder, "bin"));
    const PATH = await pathWithNvidiaSmi(folder, "580.65.06");
    const end = await trainAndSegment({ LIBTORCH: folder, PATH });
    expectTrained(end);
    expect(end.stderr).toMatch(/^wsss-tissue: CUDA is not used: .*libtorch_cuda\.so could not be loaded .*\n$/);
  });

  test("the real one of the pinned version carries addon and plugin", async () => {
    const folder = process.env["WSSS_TEST_CUDA_LIBTORCH"];
    if (folder === undefined) {
      console.warn("skipped: WSSS_TEST_CUDA_LIBTORCH names no folder with LibTorch 2.13.0+cu130 (2.3 GB to fetch)");
      return;
    }
    const PATH = await pathWithNvidiaSmi(await temporaryFolder(), "580.65.06");
    expectTrained(await trainAndSegment({ LIBTORCH: folder, PATH }));
    const words = ["node_modules/.bin/wsss-tissue", "inspect", "--json"];
    const end = await packages.runIn(installed.project, words, { LIBTORCH: folder, PATH });
    expect(JSON.parse(end.stdout)).toMatchObject({ addon: { cuda: { loaded: true, deviceCount: 0 } } });
    // The plugin is opened only for a device, so the loader is asked by hand: every symbol must be found.
    const plugin = path.join(
      installed.project,
      "node_modules/wsss-tissue-native/prebuilds/linux-x64/wsss_tissue_cuda.so",
    );
    await preloadLibTorch(await readLibTorchFolder(folder), true);
    expect(() => {
      process.dlopen({ exports: {} }, plugin, constants.dlopen.RTLD_NOW);
    }).toThrow(/did not self-register/);
  });
});

describe("the tools of others", () => {
  test("jest, vitest, tsx and a bundle all load it", async () => {
    if (!packages.mayFetch()) {
      console.warn("skipped: vitest, tsx and esbuild are fetched for this test only with WSSS_TEST_FETCH=1");
      return;
    }
    const { project } = installed;
    await packages.installInto(project, ["vitest@4.1.12", "tsx@4.23.15", "esbuild@0.28.2", "jest@30.5.2"]);
    const use = `const { code } = await Classifier.create({ classes: [], device: "cpu" }).catch((error: { code: string }) => error);`;
    const source = (tester: string): string =>
      `import { expect, test } from "${tester}";\nimport { Classifier } from "wsss-tissue-native";\n` +
      `test("loads", async () => {\n  ${use}\n  expect(code).toBe("WSSS_ERR_OPTION");\n});\n`;
    await mkdir(path.join(project, "jest"), { recursive: true });
    await writeFile(path.join(project, "jest/use.test.mjs"), source("@jest/globals").replace(": { code: string }", ""));
    await writeFile(path.join(project, "use.vitest.ts"), source("vitest"));
    const script = `import { Classifier } from "wsss-tissue-native";\n${use}\nconsole.log(code);\n`;
    await writeFile(path.join(project, "use.mts"), script);
    const environment = { LIBTORCH: libtorch };
    const run = async (words: string[], more: NodeJS.ProcessEnv = {}): Promise<ProgramEnd> =>
      await packages.runIn(project, words, { ...environment, ...more });

    const jestWords = ["--experimental-vm-modules", "node_modules/.bin/jest", "--rootDir", "jest"];
    expect(await run([...jestWords, "--testMatch", "**/*.test.mjs"])).toMatchObject({ code: 0 });
    const vitestWords = ["node_modules/.bin/vitest", "run", "--dir", ".", "use.vitest.ts"];
    await writeFile(
      path.join(project, "vitest.config.mjs"),
      'export default { test: { include: ["*.vitest.ts"] } };\n',
    );
    expect(await run(vitestWords)).toMatchObject({ code: 0 });
    expect(await run(["node_modules/.bin/tsx", "use.mts"])).toMatchObject({ code: 0, stdout: "WSSS_ERR_OPTION\n" });
    const bundling = ["use.mts", "--bundle", "--platform=node", "--format=esm", "--external:wsss-tissue-native"];
    expect(await run(["node_modules/.bin/esbuild", ...bundling, "--outfile=bundle.mjs"])).toMatchObject({ code: 0 });
    expect(await run(["bundle.mjs"])).toMatchObject({ code: 0, stdout: "WSSS_ERR_OPTION\n" });
  });
});
