/** Loads the shared libraries of LibTorch, and those of CUDA, into the process before the addon. */
import { readdir } from "node:fs/promises";
import { constants } from "node:os";
import path from "node:path";
import { WsssError } from "../errors.js";
import { type LibTorchFolder, listLibraries } from "./folder.js";
import { setupCommand } from "./pinned.js";

/** `RTLD_NODELETE` of glibc, which Node does not name. Without it Node unloads the library as soon as it has refused it. */
const keepLoaded = 0x1000;

/** What Node says of a library that was loaded but is no addon, which is what we are after. */
const loadedButNoAddon = "Module did not self-register";

/**
 * Libraries in the order in which they must load, each found by the start of its name. The CUDA ones are there only in
 * folders that were unpacked from a CUDA wheel, whose CPU library is linked to them.
 */
const loadOrder = ["libgomp", "libcudart.so", "libcupti.so", "libc10.so", "libtorch_cpu.so"] as const;

/** What a CUDA LibTorch has beside them; everything works without, on the CPU. */
const cudaLoadOrder = ["libc10_cuda.so", "libtorch_cuda.so"] as const;

/**
 * Loads LibTorch's libraries into the process, so that the addon, which has no run path, finds them. Takes 0.2 to 0.3 s
 * once, on the event loop, on the CPU; with CUDA's libraries longer, which was not measured. A second call costs nothing.
 *
 * @param libtorch - checked already: the right version, nothing missing.
 * @param hasDriver - whether there is an NVIDIA driver. Without one the CUDA libraries, gigabytes of them, would be loaded
 *   for nothing.
 * @returns why the CUDA libraries that are there could not be loaded; `null` if they could, are not there, or not wanted.
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` with the loader's own message.
 */
export async function preloadLibTorch(libtorch: LibTorchFolder, hasDriver: boolean): Promise<string | null> {
  shortenOpenMpSpin();
  const names = await listLibraries(libtorch.folder);
  const loadAll = (order: readonly string[]): void => {
    for (const start of order) {
      const name = names.find((candidate) => candidate.startsWith(start));
      if (name !== undefined) loadLibrary(path.join(libtorch.folder, "lib", name));
    }
  };
  loadAll(loadOrder);
  if (!hasDriver) return null;
  await loadKernelCompiler(libtorch);
  try {
    loadAll(cudaLoadOrder);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * Loads NVRTC, with which cuDNN compiles some of its kernels while it runs. Both of its libraries are looked for by their bare names, which
 * nothing in NVIDIA's wheels resolves; PyTorch's own `import torch` loads them for the same reason. They lie beside LibTorch's
 * libraries in a folder of ours, and in the packages beside a Python's torch. Without them only those kernels fail, so that what can't be
 * loaded is left out.
 */
async function loadKernelCompiler({ folder, variant }: LibTorchFolder): Promise<void> {
  const major = /^cu(\d+)\d$/.exec(variant ?? "")?.[1];
  if (major === undefined) return;
  const packages = path.join(folder, "..", "nvidia");
  const besides = (await readdir(packages).catch(() => [])).map((name) => path.join(packages, name, "lib"));
  const files: string[] = [];
  for (const place of [path.join(folder, "lib"), ...besides]) {
    files.push(...(await readdir(place).catch(() => [])).map((name) => path.join(place, name)));
  }
  for (const start of [`libnvrtc-builtins.so.${major}.`, `libnvrtc.so.${major}`]) {
    const file = files.find((candidate) => path.basename(candidate).startsWith(start));
    try {
      if (file !== undefined) loadLibrary(file);
    } catch {
      // See above.
    }
  }
}

/**
 * How often an idle OpenMP thread looks for work before it sleeps; about 0.2 ms. libgomp's own 300 000 turns keep a core busy while
 * another process wants it: two trainings side by side on two cores then ran at a fifteenth of their speed. With a
 * thousand turns, libgomp's choice for crowded machines, small networks sleep at every barrier. What the user has set stands.
 */
function shortenOpenMpSpin(): void {
  if (process.env["GOMP_SPINCOUNT"] !== undefined || process.env["OMP_WAIT_POLICY"] !== undefined) return;
  process.env["GOMP_SPINCOUNT"] = "20000"; // libgomp reads it when it loads
}

function loadLibrary(file: string): void {
  const { RTLD_NOW, RTLD_GLOBAL } = constants.dlopen;
  try {
    process.dlopen({ exports: {} }, file, RTLD_NOW | RTLD_GLOBAL | keepLoaded);
  } catch (error) {
    const said = error instanceof Object && "message" in error ? String(error.message) : String(error);
    if (said.includes(loadedButNoAddon)) return;
    const isNamed = (process.env["LIBTORCH"] ?? "") !== "";
    const repair = isNamed
      ? "Let LIBTORCH name a whole LibTorch, or unset it"
      : `Run \`${setupCommand} --force\` to fetch it anew`;
    const message = `${file} could not be loaded (${said}). ${repair}.`;
    throw new WsssError("WSSS_ERR_BINARY_NOT_FOUND", message, { file }, { cause: error });
  }
}
