/** Unpacks the files that are wanted of a wheel or another zip archive, with checksums verified. */
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { crc32 } from "node:zlib";
import yauzl from "yauzl";
import type { WsssError } from "../errors.js";
import type { Errand } from "./errand.js";
import { refusal } from "./wheel-source.js";

/** Passes on what goes through it, and works out its CRC-32, which the reader of zip files leaves to us. */
class Checksum extends Transform {
  value = 0;

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    this.value = crc32(chunk, this.value);
    done(null, chunk);
  }
}

/** What {@link unpackWheel} wrote. */
export interface UnpackReport {
  readonly files: number;
  /** Unpacked size. */
  readonly bytes: number;
}

/**
 * Unpacks a wheel, file by file, never a whole file in memory.
 *
 * @param wheel - a zip file.
 * @param folder - made if need be; files there are replaced.
 * @param placeOf - where in the folder a file of the wheel goes, by its path there; `null` = it is left out.
 * @param errand - for the words of the error.
 * @throws WsssError of the errand's code if the wheel is damaged.
 */
export async function unpackWheel(
  wheel: string,
  folder: string,
  placeOf: (name: string) => string | null,
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
      const place = entry.fileName.endsWith("/") ? null : placeOf(entry.fileName);
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
