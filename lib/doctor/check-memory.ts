/** Estimates how much memory the pixels of a run take, and warns where less is free. */
import { type SplitName, splitNames } from "../dataset/split.js";
import type { MemoryNeed, SplitExamination } from "./examination.js";
import type { Finding } from "./finding.js";

/** Bytes of a pixel in the stores of a run: RGB, and one for each mask. */
const rgbBytes = 3;

/** Levels of pseudo masks that are kept for each train patch. */
const pseudoMaskLevels = 3;

/** What the pixels of a dataset take while `wsss-tissue run` works on it. */
export function memoryNeed(splits: Readonly<Record<SplitName, SplitExamination>>, freeBytes: number): MemoryNeed {
  const pixelBytes = splitNames.reduce((sum, name) => {
    const { patches, masks, size } = splits[name];
    const pixels = (size?.height ?? 0) * (size?.width ?? 0);
    const pseudoMasks = name === "train" ? patches * pseudoMaskLevels : 0;
    return sum + pixels * (patches * rgbBytes + masks + pseudoMasks);
  }, 0);
  return { pixelBytes, freeBytes };
}

/** Whether the pixels fit into the free memory. */
export function checkMemory({ pixelBytes, freeBytes }: MemoryNeed): Finding[] {
  if (pixelBytes <= freeBytes) return [];
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  const problem = `the pixels alone need ${gibibytes(pixelBytes)}, but only ${gibibytes(freeBytes)} are free`;
  const remedy = "free memory, use a larger machine, or fewer patches (--train-limit, --val-limit, --test-limit)";
  return [{ check: "memory", severity: "warning", split: null, files: [], problem, remedy }];
}
