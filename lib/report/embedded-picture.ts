/** A picture inside a page. */
import { stat } from "node:fs/promises";
import type { Sharp } from "sharp";
import type { DecodedPatch } from "../image/decode-patch.js";
import sharp from "../image/sharp.js";

/** The bytes of a picture as an address. */
async function addressOf(picture: Sharp, widestPx: number): Promise<string> {
  const bytes = await picture
    .resize({ width: widestPx, withoutEnlargement: true })
    .webp({ quality: 88, smartSubsample: true })
    .toBuffer();
  return `data:image/webp;base64,${bytes.toString("base64")}`;
}

/** Pixels as an address of their own bytes, WebP. */
export async function embeddedPixels({ data, width, height }: DecodedPatch, widestPx: number): Promise<string> {
  return await addressOf(sharp(data, { raw: { width, height, channels: 3 } }), widestPx);
}

/** Pictures that were encoded for the page before, by their path; they are kept until their files change. */
const encoded = new Map<string, { readonly version: string; readonly address: string }>();
const mostKept = 32;

/**
 * A picture file as an address of its own bytes, WebP; null if it can't be read as one.
 * @param widestPx - wider pictures are reduced to this.
 */
export async function embeddedPicture(path: string, widestPx: number): Promise<string | null> {
  try {
    const { size, mtimeMs } = await stat(path);
    const version = `${size} ${mtimeMs} ${widestPx}`;
    const known = encoded.get(path);
    if (known?.version === version) return known.address;
    const address = await addressOf(sharp(path), widestPx);
    if (encoded.size >= mostKept) encoded.clear();
    encoded.set(path, { version, address });
    return address;
  } catch {
    return null;
  }
}
