/** The option `boundaryTolerancePx`: its zod rule, and its value for the addon. */
import { z } from "zod";
import type { BoundaryTolerance } from "./segmentation-evaluation.js";

/** The rule of a {@link BoundaryTolerance}. */
export const boundaryTolerancePx = z.union([z.literal("auto"), z.number().min(0).max(64)]).default("auto");

/** The tolerance as the addon wants it: below 0 for `"auto"`. */
export function nativeTolerance(tolerance: BoundaryTolerance): number {
  return tolerance === "auto" ? -1 : tolerance;
}
