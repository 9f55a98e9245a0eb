/** Unpacks the libraries and headers that are needed from a wheel or archive, with checksums verified. */
import type { Errand } from "../fetch/errand.js";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import yauzl from "yauzl";
import type { WsssError } from "../errors.js";
import type { LibTorchVariant } from "./pinned.js";
import { refusal } from "../fetch/wheel-source.js";

/** Passes on what goes through it, and works out its CRC-32, which the reader of zip files leaves to us. */
class Checksum extends Transform {
  value = 0;

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.value = crc32(chunk, this.value);
    done(null, chunk);
  }
}

/** What of a wheel is wanted. */
export interface UnpackWishes {
  readonly variant: LibTorchVariant;
  /** The C++ headers, which only building the addon needs. */
  readonly headers: boolean;
}

/** What {@link unpackWheel} wrote. */
export interface UnpackReport {
  readonly files: number;
  /** Unpacked size. */
  readonly bytes: number;
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

/**
 * Unpacks what {@link placeInFolder} keeps of a wheel, file by file, never a whole file in memory.
 *
 * @param wheel - a zip file.
 * @param folder - made if need be; files there are replaced.
 * @param errand - for the words of the error.
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` if the wheel is damaged.
 */
export async function unpackWheel(
  wheel: string,
  folder: string,
  wishes: UnpackWishes,
  errand: Errand,
  signal?: AbortSignal,
): Promise<UnpackReport> {
  let files = 0;
  let bytes = 0;
  const damaged = (said: string): WsssError =>
    refusal(
      `${path.basename(wheel)} can't be unpacked (${said}): it is damaged`,
      { file: wheel },
      errand,
      "Bring it whole",
    );
  const archive = await yauzl.openPromise(wheel).catch((error: unknown) => {
    throw damaged(error instanceof Error ? error.message : String(error));
  });
  try {
    for await (const entry of archive.eachEntry()) {
      const place = entry.fileName.endsWith("/") ? null : placeInFolder(entry.fileName, wishes);
      if (place === null) continue;
      signal?.throwIfAborted();
      const file = path.join(folder, place);
      await mkdir(path.dirname(file), { recursive: true });
      const content = await archive.openReadStreamPromise(entry);
      const mode = place.startsWith("lib/") ? 0o755 : 0o644;
      const checksum = new Checksum();
      try {
        await pipeline(content, checksum, createWriteStream(file, { mode }), signal === undefined ? {} : { signal });
      } catch (error) {
        // A damaged stream is the wheel's fault; a full disk is not.
        if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
          throw damaged(error.message);
        throw error;
      }
      if (checksum.value !== entry.crc32) throw damaged(`${entry.fileName} has another CRC-32 than its entry says`);
      files += 1;
      bytes += entry.uncompressedSize;
    }
  } finally {
    archive.close();
  }
  return { files, bytes };
}
