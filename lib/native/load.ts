/** Loads the addon into the process, once: platform, LibTorch, binary, thread limit. */
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { WsssError } from "../errors.js";
import { findDriver, type LibTorchFolder, preloadLibTorch, setupLibTorch } from "../libtorch/libtorch.js";
import { usableCores } from "../machine/usable-cores.js";
import type { NativeAddon } from "./addon.js";
import { findBinary, noBinary } from "./binary.js";
import { loadWithin } from "./limit-threads.js";
import { currentPlatform, platformProblem } from "./platform.js";

const require = createRequire(import.meta.url);

let loading: Promise<NativeAddon> | undefined;
let fetchSignal: AbortSignal | undefined;

/**
 * Lets a signal end the fetching of LibTorch that the first use of the addon may begin; `undefined` = nothing does. For a
 * program as a whole, as loading is: the signals that the command line hears.
 */
export function endFetchingOn(signal: AbortSignal | undefined): void {
  fetchSignal = signal;
}

/**
 * The C++ addon, loaded once a process. Before it come the check of the platform, LibTorch (found, or fetched aloud),
 * and the addon's binary. A failed attempt is not remembered, so that a program may
 * repair what was missing and call again.
 *
 * @param libtorch - the one to load it on, the first time; left out, the one that is found.
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` with every place tried and the command that repairs it.
 */
export async function loadAddon(libtorch?: LibTorchFolder): Promise<NativeAddon> {
  loading ??= findAndLoad(libtorch);
  try {
    return await loading;
  } catch (error) {
    loading = undefined;
    throw error;
  }
}

/**
 * Path of the addon's binary, on a platform that can run it. Asked before LibTorch is fetched for nothing.
 *
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND`.
 */
export async function locateAddon(): Promise<string> {
  const unsupported = platformProblem(currentPlatform());
  if (unsupported !== null) throw new WsssError("WSSS_ERR_BINARY_NOT_FOUND", unsupported);
  const { binary, tried } = await findBinary();
  if (binary === null) throw noBinary(tried);
  return binary;
}

async function findAndLoad(named: LibTorchFolder | undefined): Promise<NativeAddon> {
  const binary = await locateAddon();
  const libtorch = named ?? (await foundOrFetched());
  const { version: driver } = await findDriver();
  const load = async (): Promise<NativeAddon> => {
    const cudaProblem = await preloadLibTorch(libtorch, driver !== null);
    if (cudaProblem !== null) process.stderr.write(`wsss-tissue: CUDA is not used: ${cudaProblem}\n`);
    return requireAddon(binary);
  };
  // Without a quota LibTorch's own choice is the right one.
  if (usableCores() >= availableParallelism()) return await load();
  return await loadWithin(usableCores(), async () => {
    const addon = await load();
    addon.deviceReport(); // Asks LibTorch for its threads.
    return addon;
  });
}

async function foundOrFetched(): Promise<LibTorchFolder> {
  return await setupLibTorch({
    signal: fetchSignal,
    onProgress: ({ stage, message }) => {
      // What is found at once, as always after the first time, is nothing to report.
      if (stage !== "found") process.stderr.write(`wsss-tissue: ${message}\n`);
    },
  });
}

function requireAddon(file: string): NativeAddon {
  try {
    const addon = require(file) as NativeAddon;
    // LibTorch must not be torn down under a running job: see NativeAddon.shutdown.
    process.once("exit", () => {
      addon.shutdown();
    });
    return addon;
  } catch (error) {
    const said = error instanceof Object && "message" in error ? String(error.message) : String(error);
    const message = `${file} could not be loaded (${said}). ${repairOf(said)}.`;
    throw new WsssError("WSSS_ERR_BINARY_NOT_FOUND", message, { file }, { cause: error });
  }
}

/** What to do about an addon that the loader refuses, by the loader's words. */
function repairOf(said: string): string {
  if (/undefined symbol: (napi_|node_api_)/.test(said)) {
    return "The program that runs this is not Node, or lacks a part of Node-API 8: run it in Node 20.19 or newer";
  }
  if (said.includes("undefined symbol")) {
    return "LibTorch's libraries and the addon do not fit: run `npx wsss-tissue setup --force` to fetch LibTorch anew";
  }
  if (/version `(GLIBC|GLIBCXX|CXXABI)_/.test(said)) {
    return "This system's C or C++ library is older than LibTorch needs (glibc 2.28): use a newer system or a container";
  }
  return "It may be damaged: install the package again (in a clone: `npm run build`)";
}
