/** The option `boundaryTolerancePx`: its zod rule, and its value for the addon. */
import type { z } from "zod";
import { ruleOf } from "../options/kinds.js";
import { evaluationOptionTable } from "./evaluation-option-table.js";
import type { BoundaryTolerance } from "./segmentation-evaluation.js";

const { kind, defaults } = evaluationOptionTable.boundaryTolerancePx;
const rule = ruleOf(kind) as z.ZodType<BoundaryTolerance, BoundaryTolerance>;

/** The rule of a {@link BoundaryTolerance}. */
export const boundaryTolerancePx = rule.default(defaults.default);

/** The tolerance as the addon wants it: below 0 for `"auto"`. */
export function nativeTolerance(tolerance: BoundaryTolerance): number {
  return tolerance === "auto" ? -1 : tolerance;
}
