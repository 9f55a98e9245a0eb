/** The checkpoints of a stage's training in the run folder: kept for the training that they are of, and for no other. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { ioFailure } from "../files/file-access.js";
import { listCheckpoints } from "../model/checkpoints.js";
import { readJsonIfPresent, writeJson } from "./files.js";

const recordSchema = z.object({ key: z.string() });

/**
 * Leaves the checkpoints of the training that begins or goes on, and removes others: where the user wants it to begin again, and where
 * they are of options or inputs that are no longer those of the stage. A training that went on from them would be refused, perhaps
 * hours after the command began.
 *
 * @param key - what the stage is made from; see `performStage`.
 * @throws WsssError `WSSS_ERR_IO`
 */
export async function keepOwnCheckpoints(folder: string, key: string, resume: boolean): Promise<void> {
  const file = join(folder, "stage.json");
  const record = recordSchema.safeParse(await readJsonIfPresent(file).catch(() => undefined));
  const areOfAnother = record.success && record.data.key !== key;
  if (!resume || areOfAnother) {
    for (const checkpoint of await listCheckpoints(folder)) {
      await rm(checkpoint, { force: true }).catch((error: unknown) => {
        throw ioFailure(error, "write", checkpoint);
      });
    }
  }
  await writeJson(file, { key });
}
