/** A digest of a patch's or mask's pixels, by which duplicates are found. */
import { webcrypto } from "node:crypto";

/** SHA-256 of decoded pixels and their size, computed off the event loop: equal texts mean equal pixels. */
export async function digestOfPixels(pixels: Uint8Array, height: number, width: number): Promise<string> {
  const hash = await webcrypto.subtle.digest("SHA-256", pixels);
  return `${height}x${width}:${Buffer.from(hash).toString("base64")}`;
}
