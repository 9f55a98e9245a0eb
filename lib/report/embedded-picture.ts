/** A picture inside a page. */
import { stat } from "node:fs/promises";
import sharp from "../image/sharp.js";

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
    const bytes = await sharp(path)
      .resize({ width: widestPx, withoutEnlargement: true })
      .webp({ quality: 88, smartSubsample: true })
      .toBuffer();
    const address = `data:image/webp;base64,${bytes.toString("base64")}`;
    if (encoded.size >= mostKept) encoded.clear();
    encoded.set(path, { version, address });
    return address;
  } catch {
    return null;
  }
}
