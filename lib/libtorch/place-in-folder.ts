/** Which files of a wheel or archive belong into a LibTorch folder, and where. */
import path from "node:path";
import type { LibTorchVariant } from "./pinned.js";

/** What of a wheel is wanted. */
export interface UnpackWishes {
  readonly variant: LibTorchVariant;
  /** The C++ headers, which only building the addon needs. */
  readonly headers: boolean;
}

const cpuLibraries = /^(libtorch_cpu\.so|libc10\.so|libgomp[^/]*)$/;
const cudaLibraries = /^(libtorch_cuda\.so|libc10_cuda\.so|libtorch_nvshmem\.so|libcaffe2_nvrtc\.so)$/;
/** Companions of the CPU libraries of a CUDA wheel. */
const smallNvidiaLibraries = /^lib(cudart|cupti)\.so\.[0-9]+$/;
/** Left out: other builds of the same library, and what only profilers, MPI launchers and Fortran programs use. */
const unusedNvidiaLibraries = /\.alt\.so|^lib(nvblas|cufftw|cusolverMg|checkpoint|nvperf_|pcsamplingutil)/;

/**
 * Where a file of a torch wheel, an NVIDIA library's wheel, or LibTorch's archive goes in our LibTorch folder; `null` if it is not
 * needed. All libraries lie in one folder, where they find one another.
 *
 * @param name - path in the wheel, with `/`.
 */
export function placeInFolder(name: string, { variant, headers }: UnpackWishes): string | null {
  if (name.startsWith("libtorch/")) return placeFromArchive(name.slice("libtorch/".length), headers);
  const base = path.posix.basename(name);
  const ofTorch = /^torch\/lib\/([^/]+)$/.exec(name)?.[1];
  if (ofTorch !== undefined) {
    return cpuLibraries.test(ofTorch) || (variant !== "cpu" && cudaLibraries.test(ofTorch)) ? `lib/${ofTorch}` : null;
  }
  if (/^nvidia\/.*\/lib\/[^/]+\.so(\.|$)/.test(name)) {
    const wanted = variant === "cpu" ? smallNvidiaLibraries.test(base) : !unusedNvidiaLibraries.test(base);
    return wanted ? `lib/${base}` : null;
  }
  if (name.startsWith("torch/include/")) return headers ? name.slice("torch/".length) : null;
  if (name === "torch/version.py") return "version.py";
  const licence = /^([^/]+)\.dist-info\/licenses\/(LICENSE|NOTICE|License\.txt)$/.exec(name);
  return licence === null ? null : `licences/${licence[1] ?? ""}-${licence[2] ?? ""}`;
}

/** The makers' own archive is laid out as our folder is, and brings all libraries that it needs. */
function placeFromArchive(name: string, headers: boolean): string | null {
  if (name === "build-version" || /^lib\/[^/]+\.so(\.[^/]+)?$/.test(name)) return name;
  return headers && name.startsWith("include/") ? name : null;
}
