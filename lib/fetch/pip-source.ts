/** Wheels downloaded by pip, with retries after a broken connection. */
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import type { WsssError } from "../errors.js";
import type { Errand } from "./errand.js";
import { pythonCommand } from "./python.js";
import { type ProgramResult, runProgram } from "./run-program.js";
import { checkWheel, fileNames, refusal, type WheelSource } from "./wheel-source.js";

/**
 * Tags of the wheels that we take, whatever Python the user has: only files are unpacked, nothing of them runs in
 * Python. The companions of the torch wheel carry the older tags.
 */
const targetArguments = [
  ...["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none"],
  ...[
    ...["manylinux_2_28", "manylinux_2_27", "manylinux_2_25", "manylinux_2_18", "manylinux2014"],
    ...["manylinux_2_17", "manylinux2010", "manylinux_2_12"],
  ].flatMap((tag) => ["--platform", `${tag}_x86_64`]),
];

/** The oldest pip that takes several tags. */
const oldestPip = [20, 3] as const;

/** How pip is told to download one of the wheels, but for its requirement. */
export const downloadArguments = ["pip", "download", "--no-deps", "--only-binary", ":all:", ...targetArguments];

/** How often a download is begun anew after a broken connection, where pip can't go on with it by itself. */
const attempts = 3;

/** What pip says of a connection that broke in the middle; before 25.1 it takes half a wheel for a whole one. */
const brokenConnection = /IncompleteRead|Connection broken|ConnectionReset|RemoteDisconnected|[Tt]imed out|is invalid/;

/** What {@link pipSource} is told. */
export interface PipOptions {
  /** For the words of errors. */
  readonly errand: Errand;
  /** Whether pip's own words and bars are shown. */
  readonly aloud: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Wheels from the index that pip is set to use, with the user's own mirrors, proxies and certificates. A broken
 * connection is resumed within a wheel by pip 25.1 and newer; with an older pip the wheel is begun again.
 *
 * @throws WsssError of the errand's code when there is no Python or pip, or an old one.
 */
export async function pipSource({ errand, aloud, signal }: PipOptions): Promise<WheelSource> {
  const version = await pipVersion(errand, signal);
  const resume = isAtLeast(version, [25, 1]) ? ["--resume-retries", "20"] : [];
  return {
    errand,
    name: `the index that pip ${version} is set to use`,
    async fetch(candidates, folder, fetchSignal) {
      const requirement = candidates[0]?.requirement ?? "";
      const destination = path.join(folder, "wheel");
      await mkdir(destination);
      const parameters = ["-m", ...downloadArguments, "--no-input", "--disable-pip-version-check", "--no-cache-dir"];
      parameters.push(...resume, "--progress-bar", aloud ? "on" : "off", "--dest", destination, requirement);
      const result = await retried(async () => {
        // Its temporary files belong on the disk whose room was checked, not in a small /tmp.
        const environment = { ...process.env, TMPDIR: folder };
        const options = { signal: fetchSignal, aloud, environment };
        return await runProgram(pythonCommand(), parameters, options);
      }, fetchSignal);
      fetchSignal?.throwIfAborted();
      if (result.exitCode !== 0) throw downloadFailure(requirement, result.stderr, errand);
      const [name, ...others] = await readdir(destination);
      if (name === undefined || others.length > 0) {
        const what = `pip brought ${name ?? "nothing"} for ${requirement}, expected ${fileNames(candidates)}`;
        throw refusal(what, { requirement }, errand, `See what pip says itself (\`pip download ${requirement}\`)`);
      }
      return await checkWheel(path.join(destination, name), candidates, errand, fetchSignal);
    },
  };
}

async function retried(run: () => Promise<ProgramResult>, signal: AbortSignal | undefined): Promise<ProgramResult> {
  for (let attempt = 1; ; attempt++) {
    const result = await run();
    const isBroken = result.exitCode !== 0 && brokenConnection.test(result.stderr);
    if (!isBroken || attempt === attempts || signal?.aborted === true) return result;
  }
}

async function pipVersion(errand: Errand, signal: AbortSignal | undefined): Promise<string> {
  const python = pythonCommand();
  const { exitCode, stdout, stderr } = await runProgram(python, ["-m", "pip", "--version"], { signal });
  signal?.throwIfAborted();
  if (exitCode === 0) {
    const version = /^pip (\S+)/.exec(stdout)?.[1] ?? "0";
    if (isAtLeast(version, oldestPip)) return version;
    const what = `pip ${version} of ${python} is too old to fetch ${errand.subject}, which needs ${oldestPip.join(".")} or newer`;
    throw refusal(what, { version }, errand, `Run \`${python} -m pip install --user --upgrade pip\`${errand.byHand}`);
  }
  if (exitCode === null || exitCode === 127) {
    const what = `Python 3, which fetches ${errand.subject} by its pip, could not be started as ${python} (${stderr.trim()})`;
    throw refusal(
      what,
      { python },
      errand,
      `Install python3 and python3-pip, or name a Python in PYTHON${errand.byHand}`,
    );
  }
  const what = `${python} has no pip, which fetches ${errand.subject} (${lastLine(stderr)})`;
  throw refusal(what, { python }, errand, `Install python3-pip, or run \`${python} -m ensurepip\`${errand.byHand}`);
}

function downloadFailure(requirement: string, stderr: string, errand: Errand): WsssError {
  const lines = stderr.trim().split("\n");
  const said = lines.findLast((line) => line.startsWith("ERROR")) ?? lastLine(stderr);
  const what = `${pythonCommand()} -m pip could not download ${requirement} (${said})`;
  const details = { requirement };
  if (stderr.includes("No matching distribution")) {
    const repair = "Check that the index of pip (`pip config list`, PIP_INDEX_URL, a proxy) is reached and has it";
    return refusal(what, details, errand, `${repair}${errand.byHand}`);
  }
  if (/No space left|Errno 28/.test(stderr)) {
    return refusal(what, details, errand, "Free some room, or set WSSS_CACHE to a folder on another disk");
  }
  return refusal(what, details, errand, `Check the network and pip's proxy settings${errand.byHand}`);
}

function lastLine(text: string): string {
  return text.trim().split("\n").at(-1) ?? "";
}

function isAtLeast(version: string, [wantedMajor, wantedMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}
