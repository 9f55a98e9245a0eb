/** Files over HTTPS, resumed where a connection broke, by the proxy that the environment names (HTTPS_PROXY, NO_PROXY). */
import { createWriteStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { Response } from "undici";
import { isWsssError } from "../errors.js";
import type { Errand } from "./errand.js";
import { refusal } from "./wheel-source.js";

/** How often a download goes on after a broken connection. */
const attempts = 5;

/**
 * Downloads a file, going on at its end if a part of it is there.
 *
 * @param file - the part that is there, or nothing; on an error what has come stays, for the next try.
 * @throws WsssError of the errand's code when the server refuses or the connection breaks again and again.
 */
export async function download(url: string, file: string, errand: Errand, signal?: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const before = await sizeOf(file);
    try {
      await continueDownload({ url, file, from: before, errand, signal });
      return;
    } catch (error) {
      signal?.throwIfAborted();
      if (isWsssError(error) || isOfFileSystem(error)) throw error;
      const grew = (await sizeOf(file)) > before;
      if (attempt < attempts || grew) continue;
      const said = causeOf(error);
      const check = "Check the network, and the proxy if there is one (HTTPS_PROXY, NO_PROXY)";
      throw refusal(`${url} could not be fetched (${said})`, { url }, errand, `${check}${errand.byHand}`);
    }
  }
}

/** A download that goes on behind what is there. */
interface Continuation {
  readonly url: string;
  readonly file: string;
  /** Bytes that are there. */
  readonly from: number;
  readonly errand: Errand;
  readonly signal: AbortSignal | undefined;
}

async function continueDownload(part: Continuation): Promise<void> {
  const { url, from, signal } = part;
  const headers: Record<string, string> = from > 0 ? { range: `bytes=${String(from)}-` } : {};
  // Node's own fetch knows no proxy. Loaded here, since hardly any command fetches anything.
  const { EnvHttpProxyAgent, fetch } = await import("undici");
  const dispatcher = new EnvHttpProxyAgent();
  try {
    const response = await fetch(url, { headers, redirect: "follow", dispatcher, signal: signal ?? null });
    await keep(response, part);
  } finally {
    await dispatcher.destroy();
  }
}

/** Writes what a server answers behind the part that is there. */
async function keep(response: Response, { url, file, from, errand, signal }: Continuation): Promise<void> {
  if (response.status === 416) {
    // Nothing is left to fetch, or what is there is longer than the file: its checksum tells.
    await response.body?.cancel();
    return;
  }
  if (!response.ok || response.body === null) {
    await response.body?.cancel();
    const what = `${url} could not be fetched (the server says ${String(response.status)})`;
    throw refusal(what, { url, status: response.status }, errand, `Try again later${errand.byHand}`);
  }
  // A server that does not resume sends the whole file.
  if (from > 0 && response.status !== 206) await rm(file, { force: true });
  const flags = response.status === 206 ? "a" : "w";
  const body = Readable.fromWeb(response.body);
  await pipeline(body, createWriteStream(file, { flags }), signal === undefined ? {} : { signal });
}

async function sizeOf(file: string): Promise<number> {
  return await stat(file).then(
    ({ size }) => size,
    () => 0,
  );
}

/** A full disk is no broken connection: those of `fetch` have their system call one level down. */
function isOfFileSystem(error: unknown): boolean {
  return typeof error === "object" && error !== null && "syscall" in error;
}

/** What lies below "fetch failed". */
function causeOf(error: unknown): string {
  const { message, cause } = error as { message?: unknown; cause?: { message?: unknown } };
  return String(cause?.message ?? message ?? error);
}
