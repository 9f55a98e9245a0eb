/** Whom each patch is of, in numbers: what the core is told of patients. */
import type { PatchFile } from "../dataset/patch-file.js";

/** A number for each patient; of a patch of nobody known one of its own. Empty where nobody is known. */
export function patientNumbers(files: readonly Pick<PatchFile, "patient">[]): number[] {
  const names = [...new Set(files.flatMap(({ patient }) => patient ?? []))];
  if (names.length === 0) return [];
  const numbers = new Map(names.map((name, index) => [name, index]));
  return files.map(({ patient }, index) => numbers.get(patient ?? "") ?? names.length + index);
}
