/** Reads a bundle folder: its manifest, and the checksums of its weight files. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import { type BundleManifest, manifestName, manifestSchema, weightFiles } from "./bundle-manifest.js";

/** A bundle whose checksums were right. */
export interface OpenedBundle {
  /** Path of the classifier's weight file. */
  readonly classifier: string;
  readonly segmenter: string;
  readonly gate: BundleManifest["gate"];
}

/**
 * Reads a bundle; `null` if the path is no folder.
 * @throws WsssError `WSSS_ERR_WEIGHTS` if the folder is no bundle, or a file of it is missing or not as it was written;
 *   `WSSS_ERR_IO`.
 */
export async function readBundle(folder: string): Promise<OpenedBundle | null> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true) return null;
  const manifest = await readManifest(folder);
  for (const name of Object.values(weightFiles)) {
    const expected = manifest.files[name];
    if (expected === undefined) throw broken(folder, `its ${manifestName} does not list ${name}`);
    const { sha256, bytes } = await measure(path.join(folder, name));
    if (sha256 !== expected.sha256) {
      throw broken(folder, `${name} is not as it was written (${bytes} of ${expected.bytes} bytes, SHA-256 ${sha256})`);
    }
  }
  return {
    classifier: path.join(folder, weightFiles.classifier),
    segmenter: path.join(folder, weightFiles.segmenter),
    gate: manifest.gate,
  };
}

async function readManifest(folder: string): Promise<BundleManifest> {
  const file = path.join(folder, manifestName);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw broken(folder, `it has no ${manifestName}`);
    throw ioFailure(error, "read", file);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw broken(folder, `its ${manifestName} is no JSON`, error);
  }
  const checked = manifestSchema.safeParse(json);
  if (checked.success) return checked.data;
  const where = checked.error.issues[0]?.path.map(String).join(".") ?? "";
  throw broken(folder, `its ${manifestName} is wrong or of another version (at ${where})`);
}

/** SHA-256 and size of a file of a bundle. @throws WsssError `WSSS_ERR_IO` */
export async function measure(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
    return { sha256: hash.digest("hex"), bytes: (await stat(file)).size };
  } catch (error) {
    throw ioFailure(error, "read", file);
  }
}

function broken(folder: string, why: string, cause?: unknown): WsssError {
  const message = `${folder} is not a whole bundle: ${why}; copy it again from its source`;
  return new WsssError("WSSS_ERR_WEIGHTS", message, { path: folder }, cause === undefined ? undefined : { cause });
}
