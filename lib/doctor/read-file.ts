/** Reads a file of a dataset under examination, unless it is no file, too large or unreadable. */
import { stat } from "node:fs/promises";
import type { SplitName } from "../dataset/split.js";
import { isWsssError, type WsssError } from "../errors.js";
import { ioFailure, readBytes } from "../files/file-access.js";
import type { Finding } from "./finding.js";

/** Most bytes of one file that is read; a patch of {@link maxPixels} stored without compression has fewer. */
export const maxFileBytes = 256 * 2 ** 20;

/**
 * Most pixels of one file that is decoded, 8192 x 8192: more is a slide, or a header that is not true, and a few of them
 * at once would fill the memory.
 */
export const maxPixels = 2 ** 26;

/** A file that the operating system refuses to read. */
export function unreadable(error: WsssError, file: string, split: SplitName | null): Finding {
  const why = String(error.details["why"]);
  const remedy = "check its permissions and, if it is a link, where it leads; or copy it again";
  return { check: "unreadable", severity: "error", split, files: [file], problem: `can't be read: ${why}`, remedy };
}

/** A file that claims more pixels than a patch can have. */
export function tooManyPixels(file: string, split: SplitName, height: number, width: number): Finding {
  const problem = `says in its header that it is ${height} px high and ${width} px wide; it was not decoded`;
  const remedy = "cut slides into patches; if it is one already, its header is damaged: copy it again";
  return { check: "too-large", severity: "error", split, files: [file], problem, remedy };
}

/**
 * The bytes of a file that is part of a dataset, or the finding that says why there are none.
 *
 * It is looked at before it is opened: a pipe would never end, a device neither, and a file of gigabytes is no patch.
 */
export async function readDatasetFile(file: string, split: SplitName | null): Promise<Buffer | Finding> {
  const finding = { severity: "error", split, files: [file] } as const;
  try {
    const found = await stat(file).catch((error: unknown) => {
      throw ioFailure(error, "read", file);
    });
    if (!found.isFile()) {
      const problem = `is ${found.isDirectory() ? "a folder" : "a pipe or device"}, not a file that can be read`;
      return { ...finding, check: "not-a-file", problem, remedy: "put the file itself there, or remove it" };
    }
    if (found.size > maxFileBytes) {
      const problem = `has ${(found.size / 2 ** 20).toFixed(0)} MiB; it was not read`;
      return {
        ...finding,
        check: "too-large",
        problem,
        remedy: "cut slides into patches, and keep the slides elsewhere",
      };
    }
    return await readBytes(file);
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_IO")) return unreadable(error, file, split);
    throw error;
  }
}
