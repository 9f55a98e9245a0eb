import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../image/file-access.js";

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

/**
 * Keeps a second process from working in the same run folder. The lock is the file `run.lock` with the number of the
 * process; the lock of a process that is gone is taken over.
 *
 * @returns a function that gives the lock back.
 * @throws WsssError `WSSS_ERR_IO` if a living process holds the folder or it can't be written.
 */
export async function lockRunFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, "run.lock");
  for (let attempt = 0; ; attempt += 1) {
    try {
      await writeFile(path, `${process.pid}\n`, { flag: "wx" });
      return async () => await rm(path, { force: true });
    } catch (error) {
      if (systemCode(error) !== "EEXIST") throw ioFailure(error, "write", path);
      const holder = Number((await readFile(path, "utf8").catch(() => "")).trim());
      const alive = Number.isInteger(holder) && holder > 0 && holder !== process.pid && isAlive(holder);
      if (alive || attempt > 2) {
        throw new WsssError(
          "WSSS_ERR_IO",
          `process ${holder} is at work in ${folder}; wait for it, choose another folder, or remove ${path} if no such run exists`,
          { path, pid: holder },
        );
      }
      await rm(path, { force: true });
    }
  }
}
