/** Pictures of the best, median and worst test patches: patch, ground truth, the prediction that was scored, where they differ. */
import { join } from "node:path";
import type { PanelRow } from "../../pictures/panel.js";
import { percent } from "../../text/percent.js";
import { type RunContext, sectionOf } from "../context.js";
import { type RankedPatch, rankPatches } from "../ranked-patches.js";
import { evaluationFile, openEvaluation } from "../saved-evaluation.js";
import { comparedCaptions, comparedRow, readPatchWithTruth } from "./compared-row.js";
import { type PatchPainter, predictPatch, writeIfNameable } from "./patch-painter.js";

/** A ranked patch and its picture. */
export interface RankedPicture extends RankedPatch {
  /** Name of the file, in the folder of all pictures. */
  readonly picture: string;
}

/** The patches that are drawn; none where `--pictures 0` asks for none, or nothing was scored. */
export async function rankedPatchesOf(context: RunContext): Promise<RankedPatch[]> {
  const name = sectionOf(context, "evaluation").gate ? "gated" : "plain";
  const opened = await openEvaluation(join(context.root, evaluationFile(name)), context.signal);
  return rankPatches(opened?.evaluation.patches ?? [], sectionOf(context, "pictures").count);
}

async function rowOf(painter: PatchPainter, stem: string): Promise<PanelRow | undefined> {
  const { context } = painter;
  const { dataset, signal } = context;
  const file = dataset.test.files.find((one) => one.stem === stem);
  const patch = await readPatchWithTruth(file, dataset.description, signal);
  if (patch === undefined) return undefined;
  return comparedRow(patch, await predictPatch(painter, patch, sectionOf(context, "evaluation").gate));
}

/** Draws each ranked patch into a file of its own, named for its rank and its patch: `best-1-<patch>.png`. */
export async function drawRanked(
  painter: PatchPainter,
  ranked: readonly RankedPatch[],
  folder: string,
  progress: () => void,
): Promise<RankedPicture[]> {
  const { dataset, plan } = painter.context;
  const { classes, background } = dataset;
  const prediction = plan.evaluation?.gate === true ? "prediction, gated" : "prediction";
  const captions = comparedCaptions(prediction);
  const drawn: RankedPicture[] = [];
  for (const patch of ranked) {
    const { rank, place, stem, mIoU } = patch;
    const row = await rowOf(painter, stem);
    if (row === undefined) continue;
    const title = `${rank} ${place}: ${stem}, mIoU ${percent(mIoU)} %`;
    const picture = { captions, rows: [{ title, ...row }], classes, background };
    const [long, short] = [`${rank}-${place}-${stem}.png`, `${rank}-${place}.png`];
    const named = await writeIfNameable(join(folder, long), picture);
    // A picture that is called by its rank alone is better than none.
    if (!named) await writeIfNameable(join(folder, short), picture);
    drawn.push({ ...patch, picture: named ? long : short });
    progress();
  }
  return drawn;
}
