/** Tells a split from other values, also as the zod rule of an option. */
import { z } from "zod";
import type { Split } from "./split.js";

/** Whether a value is a split of a dataset, judged by what it can do. */
export function isSplit(value: unknown): value is Split {
  if (typeof value !== "object" || value === null) return false;
  const { load, loadTruth, files } = value as { load?: unknown; loadTruth?: unknown; files?: unknown };
  return typeof load === "function" && typeof loadTruth === "function" && Array.isArray(files);
}

/** A split of a dataset. */
export const splitField = z.custom<Split>(isSplit, "a split of a dataset, such as dataset.val");
