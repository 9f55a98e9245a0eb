/** The interface of all sources of wheels, the check of a wheel's checksum, and the error if one can't be had. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { WsssError } from "../errors.js";
import type { Errand } from "./errand.js";
import type { PinnedWheel } from "./pinned-wheel.js";

/** A wheel that is on this machine and has its pinned checksum. */
export interface FetchedWheel<Wheel extends PinnedWheel> {
  readonly wheel: Wheel;
  readonly file: string;
}

/** Where wheels come from: an index by pip, or files that the user brought. */
export interface WheelSource {
  /** Continues "from", for the announcement. */
  readonly name: string;
  /** For the words of errors. */
  readonly errand: Errand;
  /**
   * Brings one of the candidates, checked by {@link checkWheel}.
   *
   * @param candidates - wheels of one requirement, at least one.
   * @param folder - an empty folder that exists, for what has to be written.
   */
  fetch<Wheel extends PinnedWheel>(
    candidates: readonly Wheel[],
    folder: string,
    signal?: AbortSignal,
  ): Promise<FetchedWheel<Wheel>>;
}

/**
 * Tells by name and checksum which of the candidates a file is.
 *
 * @throws WsssError of the errand's code if it is none of them, or damaged.
 */
export async function checkWheel<Wheel extends PinnedWheel>(
  file: string,
  candidates: readonly Wheel[],
  errand: Errand,
  signal?: AbortSignal,
): Promise<FetchedWheel<Wheel>> {
  const name = path.basename(file);
  const wheel = candidates.find((candidate) => candidate.fileName === name);
  if (wheel === undefined) {
    throw refusal(
      `${name} is not what is needed, which is ${fileNames(candidates)}`,
      { file },
      errand,
      "Bring that one",
    );
  }
  const sha256 = await sha256Of(file, signal);
  if (sha256 !== wheel.sha256) {
    const message = `${name} has SHA-256 ${sha256}, expected ${wheel.sha256}: it was damaged or altered on its way`;
    throw refusal(
      message,
      { file, sha256, expected: wheel.sha256 },
      errand,
      "Look at what lies between here and its source",
    );
  }
  return { wheel, file };
}

/** File names of wheels, one of which will do. */
export function fileNames(candidates: readonly PinnedWheel[]): string {
  return candidates.map((candidate) => candidate.fileName).join(" or ");
}

/** SHA-256 of a file, lower-case hexadecimal. */
export async function sha256Of(file: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash, signal === undefined ? {} : { signal });
  return hash.digest("hex");
}

/**
 * The error of a wheel that can't be had.
 *
 * @param repair - what to do before.
 */
export function refusal(what: string, details: Record<string, unknown>, errand: Errand, repair: string): WsssError {
  const then = `run \`${errand.again}\`, or ${errand.otherwise}`;
  return new WsssError(errand.code, `${what}. ${repair}, then ${then}.`, details);
}
