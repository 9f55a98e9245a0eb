/** Deletes the checkpoints in a folder, for a training that starts over. */
import { rm } from "node:fs/promises";
import { ioFailure } from "../files/file-access.js";
import { listCheckpoints } from "../model/checkpoints.js";

/** Removes the checkpoints of a training that shall begin again, as its user has said. @throws WsssError `WSSS_ERR_IO` */
export async function removeCheckpoints(folder: string): Promise<void> {
  for (const file of await listCheckpoints(folder)) {
    await rm(file, { force: true }).catch((error: unknown) => {
      throw ioFailure(error, "write", file);
    });
  }
}
