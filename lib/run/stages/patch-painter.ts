/** What pictures of patches are made with: the networks of a run, its dataset, and files whose names may be too long. */
import type { Classifier } from "../../classifier/classifier.js";
import { isWsssError } from "../../errors.js";
import type { PatchPixels } from "../../model/patch-source.js";
import { type PanelPicture, writePanel } from "../../pictures/panel.js";
import type { Segmenter } from "../../segmenter/segmenter.js";
import { type RunContext, sectionOf } from "../context.js";

/** The networks of a run, ready to predict. */
export interface PatchPainter {
  readonly context: RunContext;
  readonly classifier: Classifier;
  readonly segmenter: Segmenter;
}

/** The predicted class of each pixel of a patch, uint8 [height, width], without or with the class gate as it was evaluated. */
export async function predictPatch(
  { context, segmenter, classifier }: PatchPainter,
  patch: PatchPixels,
  gated: boolean,
): Promise<Uint8Array> {
  const { signal } = context;
  const { recipe, gateThreshold, gateRule, views } = sectionOf(context, "evaluation");
  const options = { views, signal, ...(gated && { gate: classifier, recipe, gateThreshold, gateRule }) };
  return (await segmenter.predict(patch, options)).classMap;
}

/** Writes a picture; false if the file system takes no name of that length, which is no reason to lose the others. */
export async function writeIfNameable(path: string, picture: PanelPicture): Promise<boolean> {
  try {
    await writePanel(path, picture);
    return true;
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_IO") && error.details["reason"] === "ENAMETOOLONG") return false;
    throw error;
  }
}
