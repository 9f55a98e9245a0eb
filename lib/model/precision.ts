/** The option `precision`: float32 or bfloat16 for trainings and for inference, by device. */
import { z } from "zod";
import type { Recipe } from "../options/fields.js";

/**
 * In what a network multiplies. `"float32"`: in full; on a GPU convolutions multiply in TF32, of eleven significant bits, as PyTorch's do, unless `tf32` is
 * `false`. `"bfloat16"`: what convolutions multiply and the maps between layers are rounded to
 * eight significant bits, while weights, sums and losses stay float32; on processors for which `wsss-tissue inspect` says that they have it in
 * hardware 1.2 to 2.1 times as fast (`npm run bench`), and never another result beyond rounding. `"auto"`: bfloat16 for trainings where the
 * hardware has it, and float32 for all that comes out of a trained network, so that machines differ by rounding alone in what a model says (on a GPU by TF32's).
 */
export type Precision = "auto" | "float32" | "bfloat16";

/** What a model's calls multiply in. */
export interface ModelPrecision {
  /** The steps of its trainings; those of recipe `"published"` multiply in float32 unless bfloat16 was asked for. */
  readonly training: Exclude<Precision, "auto">;
  /** Its predictions, evaluations and pseudo masks, and the validation between the epochs of a training. */
  readonly inference: Exclude<Precision, "auto">;
}

/** The rule of a {@link Precision}. */
export const precision = z.enum(["auto", "float32", "bfloat16"]);

/**
 * What `"auto"` means on a device.
 * @param bfloat16 - whether the device multiplies it in hardware.
 */
export function resolvePrecision(wanted: Precision, bfloat16: boolean): ModelPrecision {
  if (wanted !== "auto") return { training: wanted, inference: wanted };
  return { training: bfloat16 ? "bfloat16" : "float32", inference: "float32" };
}

/** What a training multiplies in: the published recipe is held to its numbers. */
export function trainingPrecision({ training, inference }: ModelPrecision, recipe: Recipe): ModelPrecision["training"] {
  return recipe === "published" ? inference : training;
}
