/** Paths that weights and checkpoints are saved to, checked before the work that needs them. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import path from "node:path";
import { WsssError } from "../errors.js";
import { systemCode } from "../files/file-access.js";
import { makeFolder, writingFailure } from "../files/make-folder.js";
import { refuseOption } from "../options/check.js";
import { path as pathField } from "../options/fields.js";

/** Ending of the weight files that this library writes. */
export const weightsEnding = ".safetensors";

/** @throws WsssError `WSSS_ERR_OPTION` if a path is none that weights can be saved at. */
export function checkSavePath(call: string, file: unknown): string {
  const checked = pathField.safeParse(file);
  if (checked.success && checked.data.endsWith(weightsEnding)) return checked.data;
  throw refuseOption(call, "path", `a path that ends in ${weightsEnding}`, file);
}

/**
 * Makes sure that a file can be written where it shall be, before the work that ends in it.
 * @throws WsssError `WSSS_ERR_IO` if its folder is not there or not writable, or if a folder is in its place.
 */
export async function assertWritable(file: string): Promise<void> {
  const folder = path.dirname(path.resolve(file));
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw writingFailure(error, "write", file);
    const message = `cannot write ${file}: there is no folder ${folder}; make it first, or choose another one`;
    throw new WsssError("WSSS_ERR_IO", message, { path: file, action: "write", reason: "ENOENT" }, { cause: error });
  }
  const inPlace = await stat(file).catch((error: unknown) => {
    if (systemCode(error) === "ENAMETOOLONG") throw writingFailure(error, "write", file);
    return null;
  });
  if (inPlace?.isDirectory() !== true) return;
  throw new WsssError("WSSS_ERR_IO", `cannot write ${file}: it is a folder, not a file`, {
    path: file,
    reason: "EISDIR",
  });
}

/**
 * The folder for checkpoints as the addon wants it: absolute and there; `""` for none.
 * @throws WsssError `WSSS_ERR_IO` if it can't be made or written to.
 */
export async function prepareCheckpointFolder(folder: string | undefined): Promise<string> {
  if (folder === undefined) return "";
  const absolute = path.resolve(folder);
  await makeFolder(folder);
  try {
    await access(absolute, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw writingFailure(error, "create", folder);
  }
  return absolute;
}
