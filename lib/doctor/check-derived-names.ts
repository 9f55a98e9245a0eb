/** Finds patches with names so long that masks, overlays or pictures named after them can't be written. */
import type { Finding } from "./finding.js";
import { nameOfPatch, type PatchToExamine } from "./patch-to-examine.js";

/** Most bytes of a name on almost every file system. */
export const longestNameBytes = 255;

/** Patches after which something will be named that is too long for a file system. */
export function checkDerivedNames(patches: readonly PatchToExamine[]): Finding[] {
  return patches.flatMap(({ split, stem, ...patch }): Finding[] => {
    const derived = {
      ...(split !== "val" && { "its picture of a run": `${split}-${stem}.png` }),
      "its overlay of predict": `${stem}-overlay.png`,
      "its pseudo mask": `${stem}.png`,
    };
    const tooLong = Object.entries(derived)
      .map(([what, name]) => ({ what, bytes: Buffer.byteLength(name) }))
      .filter(({ bytes }) => bytes > longestNameBytes);
    if (tooLong.length === 0) return [];
    const list = tooLong.map(({ what, bytes }) => `${what} ${bytes}`).join(", ");
    const problem =
      `is called so that what is named after it has too long a name: ${list} bytes in UTF-8, ` +
      `where file systems take ${longestNameBytes}; it will not be written`;
    const remedy = "shorten the name; a Chinese character takes 3 bytes";
    return [{ check: "name-too-long", severity: "warning", split, files: [nameOfPatch(patch)], problem, remedy }];
  });
}
