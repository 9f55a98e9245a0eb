import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import yauzl from "yauzl";

/** What {@link unpackWheel} wrote. */
export interface UnpackReport {
  readonly files: number;
  /** Unpacked size. */
  readonly bytes: number;
}

/**
 * Where a file of a torch wheel, or of a CUDA library's wheel, goes in our LibTorch folder; `null` if it is not needed.
 * Kept are the libraries that computing on the CPU needs, the C++ headers, the version and the licence.
 *
 * @param name - path in the wheel, with `/`.
 */
export function placeInFolder(name: string): string | null {
  if (/^torch\/lib\/(libtorch_cpu\.so|libc10\.so|libgomp[^/]*)$/.test(name)) return name.slice("torch/".length);
  if (name.startsWith("torch/include/")) return name.slice("torch/".length);
  if (name === "torch/version.py") return "version.py";
  if (/^torch-[^/]+\.dist-info\/licenses\/(LICENSE|NOTICE)$/.test(name)) return path.posix.basename(name);
  if (/^nvidia\/.*\/lib\/lib(cudart|cupti)\.so\.[0-9]+$/.test(name)) return `lib/${path.posix.basename(name)}`;
  return null;
}

/**
 * Unpacks what {@link placeInFolder} keeps of a wheel, file by file, never a whole file in memory.
 *
 * @param wheel - a zip file; a broken one throws the reader's error.
 * @param folder - made if need be; files there are replaced.
 */
export async function unpackWheel(wheel: string, folder: string, signal?: AbortSignal): Promise<UnpackReport> {
  let files = 0;
  let bytes = 0;
  const archive = await yauzl.openPromise(wheel);
  try {
    for await (const entry of archive.eachEntry()) {
      const place = entry.fileName.endsWith("/") ? null : placeInFolder(entry.fileName);
      if (place === null) continue;
      signal?.throwIfAborted();
      const file = path.join(folder, place);
      await mkdir(path.dirname(file), { recursive: true });
      const content = await archive.openReadStreamPromise(entry);
      const mode = place.startsWith("lib/") ? 0o755 : 0o644;
      await pipeline(content, createWriteStream(file, { mode }), signal === undefined ? {} : { signal });
      files += 1;
      bytes += entry.uncompressedSize;
    }
  } finally {
    archive.close();
  }
  return { files, bytes };
}
