/** Compiles bench/speed/native.cpp against the core that the build left, and the LibTorch that it was built against. */
import { execFileSync } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findLibTorch } from "../../dist/libtorch/libtorch.js";
import { buildFolder } from "../../dist/native/binary.js";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..", "..");

/**
 * @param folder - where the program goes.
 * @returns the program, its words for a set of patches, and the environment that it runs in.
 */
export async function compileNative(folder) {
  const { found: libtorch } = await findLibTorch({ needHeaders: true });
  const program = path.join(folder, "native");
  const include = (name) => ["-isystem", path.join(libtorch.folder, "include", name)];
  const library = (name) => path.join(libtorch.folder, "lib", name);
  execFileSync("g++", [
    "-std=c++20",
    "-O2",
    "-fopenmp",
    `-I${path.join(root, "cpp")}`,
    ...include(""),
    ...include("torch/csrc/api/include"),
    path.join(root, "bench", "speed", "native.cpp"),
    path.join(buildFolder(root), "libwsss_core.a"),
    library("libtorch_cpu.so"),
    library("libc10.so"),
    "-ldl",
    "-o",
    program,
  ]);
  const environment = { ...process.env, LD_LIBRARY_PATH: path.join(libtorch.folder, "lib"), GOMP_SPINCOUNT: "20000" };
  return { program, environment };
}
