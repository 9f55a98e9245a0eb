/** The scores of a slide's map in one line, for people. */
import type { SlideMapScores } from "../slide-maps/score-slide-map.js";

/** `  on 1.2 mm2 annotated: mIoU 71.3, accuracy ...`, in percent. */
export function describeScores({ mIoU, pixelAccuracy, iou, classes, annotatedMm2 }: SlideMapScores): string {
  const percent = (score: number | null): string => (score === null ? "-" : (100 * score).toFixed(1));
  const ofClasses = classes.map((name, index) => `${name} ${percent(iou[index] ?? null)}`);
  return `  on ${annotatedMm2.toFixed(3)} mm2 annotated: mIoU ${percent(mIoU)}, accuracy ${percent(pixelAccuracy)}; IoU ${ofClasses.join(", ")}`;
}
