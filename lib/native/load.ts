import { createRequire } from "node:module";
import { WsssError } from "../errors.js";
import { preloadLibTorch, setupLibTorch } from "../libtorch/index.js";
import type { NativeAddon } from "./addon.js";
import { buildFromSource, findBinary } from "./binary.js";
import { currentPlatform, platformProblem } from "./platform.js";

const require = createRequire(import.meta.url);

let loading: Promise<NativeAddon> | undefined;

/**
 * The C++ addon, loaded once a process. Before it come the check of the platform, LibTorch (found, or fetched aloud),
 * and the addon's binary (found, or built from source aloud). A failed attempt is not remembered, so that a program may
 * repair what was missing and call again.
 *
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` with every place tried and the command that repairs it.
 */
export async function loadAddon(): Promise<NativeAddon> {
  loading ??= findAndLoad();
  try {
    return await loading;
  } catch (error) {
    loading = undefined;
    throw error;
  }
}

async function findAndLoad(): Promise<NativeAddon> {
  const unsupported = platformProblem(currentPlatform());
  if (unsupported !== null) throw new WsssError("WSSS_ERR_BINARY_NOT_FOUND", unsupported);
  const { binary, tried } = await findBinary();
  const libtorch = await setupLibTorch({
    needHeaders: binary === null,
    onProgress: ({ stage, message }) => {
      // What is found at once, as always after the first time, is nothing to report.
      if (stage !== "found") process.stderr.write(`wsss-tissue: ${message}\n`);
    },
  });
  const file = binary ?? (await buildFromSource(tried));
  const cudaProblem = await preloadLibTorch(libtorch);
  if (cudaProblem !== null) process.stderr.write(`wsss-tissue: CUDA is not used: ${cudaProblem}\n`);
  return requireAddon(file);
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
    const repair =
      "It may be of another version: remove it and run `npx wsss-tissue setup` (from a clone: `npm run build`)";
    const message = `${file} could not be loaded (${said}). ${repair}.`;
    throw new WsssError("WSSS_ERR_BINARY_NOT_FOUND", message, { file }, { cause: error });
  }
}
