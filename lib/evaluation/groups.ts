/** What a bootstrap draws: the patches of an evaluation one by one, or grouped by patient. */
import { refuseOption } from "../options/check.js";
import type { EvaluatedPatch, SegmentationEvaluation } from "./segmentation-evaluation.js";

/** What of an evaluation is drawn from. */
export type ResampledEvaluation = Pick<SegmentationEvaluation, "patches" | "counts" | "iou" | "boundaryTolerancePx">;

/** @throws WsssError `WSSS_ERR_OPTION` if it is no evaluation. */
export function checkEvaluation(call: string, name: string, evaluation: unknown): void {
  const { patches, counts, iou } = (evaluation ?? {}) as Partial<Record<keyof ResampledEvaluation, unknown>>;
  const lists: unknown[] = [patches, iou, ...(Object.values(counts ?? {}) as unknown[])];
  if (typeof counts === "object" && lists.length === 5 && lists.every((list) => Array.isArray(list))) return;
  throw refuseOption(call, name, "what Segmenter.evaluate or PseudoMasks.score returned", evaluation);
}

/** What is drawn when scores are resampled: single patches, or patients with all their patches. */
export type ResamplingUnit = "patch" | "patient";

/** Patches that are drawn together. */
export interface Groups {
  readonly by: ResamplingUnit;
  readonly count: number;
  /** The group of each patch, from 0 on. */
  readonly ofPatch: Float64Array;
}

/** Names of what is drawn, one for each patch. `"auto"`: patients where each patch has one, otherwise patches. */
function unitsOf(
  patches: readonly EvaluatedPatch[],
  by: ResamplingUnit | "auto",
): { readonly unit: ResamplingUnit; readonly names: readonly string[] } | null {
  const patients = patches.flatMap(({ patient }) => patient ?? []);
  if (patients.length === patches.length && by !== "patch") return { unit: "patient", names: patients };
  return by === "patient" ? null : { unit: "patch", names: patches.map(({ stem }) => stem) };
}

/** Whether there are two patients, or patches where those are not known, to draw from. */
export function canBeResampled(patches: readonly EvaluatedPatch[]): boolean {
  return new Set(unitsOf(patches, "auto")?.names).size >= 2;
}

/**
 * Which patches are drawn together.
 * @throws WsssError `WSSS_ERR_OPTION` if patients are asked for and not known, or there are fewer than two groups.
 */
export function groupsOf(call: string, patches: readonly EvaluatedPatch[], by: ResamplingUnit | "auto"): Groups {
  const units = unitsOf(patches, by);
  if (units === null) {
    throw refuseOption(call, "by", '"patch", since the dataset does not say whom the patches are of', by);
  }
  const numbers = new Map<string, number>();
  const ofPatch = Float64Array.from(units.names, (name) => {
    const number = numbers.get(name) ?? numbers.size;
    numbers.set(name, number);
    return number;
  });
  if (numbers.size >= 2) return { by: units.unit, count: numbers.size, ofPatch };
  const wanted = units.unit === "patient" ? 'at least 2 patients, or by "patch"' : "at least 2 patches";
  throw refuseOption(call, "evaluation", `of ${wanted}, so that there is something to draw from`, numbers.size);
}
