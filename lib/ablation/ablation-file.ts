/** `ablation.json` and `ablation.md` in the folder of an ablation: how they are read and written. */
import { join } from "node:path";
import { z } from "zod";
import { WsssError } from "../errors.js";
import { readJsonIfPresent, writeJson, writeText } from "../run/files.js";
import { ablationMarkdown } from "./ablation-markdown.js";
import type { Ablation } from "./ablation.js";

const recordFile = "ablation.json";
const tableFile = "ablation.md";

/** Enough of a record to tell that this program wrote it whole; the rest is compared, never trusted. */
const envelope = z.looseObject({
  format: z.literal(1),
  startedAt: z.string(),
  commands: z.array(z.string()),
  data: z.looseObject({ folder: z.string() }),
  dataset: z.looseObject({}),
  device: z.looseObject({}),
  given: z.looseObject({}),
  plan: z.looseObject({}),
  seeds: z.array(z.number()),
  cells: z.array(z.looseObject({ name: z.string(), seeds: z.array(z.looseObject({ seed: z.number() })) })),
});

/**
 * What a folder's ablation has come to so far; undefined if there is none.
 * @throws WsssError `WSSS_ERR_DATASET` if there is an `ablation.json` that is not of this program.
 */
export async function readAblation(root: string): Promise<Ablation | undefined> {
  const path = join(root, recordFile);
  const found = await readJsonIfPresent(path);
  if (found === undefined) return undefined;
  if (envelope.safeParse(found).success) return found as Ablation;
  const message = `${path} is not an ablation of this version; choose another folder`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path });
}

/** Writes `ablation.json` and `ablation.md`, each whole or not at all. @throws WsssError `WSSS_ERR_IO` */
export async function writeAblation(root: string, ablation: Ablation): Promise<void> {
  await writeJson(join(root, recordFile), ablation);
  await writeText(join(root, tableFile), ablationMarkdown(ablation));
}
