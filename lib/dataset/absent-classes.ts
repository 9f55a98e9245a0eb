/** Finds classes that no train label names, and refuses a dataset that has some. */
import { fileProblemsError } from "./file-problems.js";
import type { PatchFile } from "./patch-file.js";
import type { TissueClass } from "./tissue-class.js";

/** The classes that none of the labels names: they can't be learned, and would lower every mean over classes. */
export function absentClasses<Class extends TissueClass>(
  labels: readonly (readonly number[] | undefined)[],
  classes: readonly Class[],
): Class[] {
  return classes.filter((_, index) => !labels.some((label) => label?.[index] === 1));
}

/**
 * Refuses train patches none of whose labels names some class. Labels that are read from masks later are not known here, and nothing is refused for them.
 *
 * @param where - what the patches are of, for the message.
 * @throws WsssError `WSSS_ERR_DATASET` with the names of the classes in `details.files`.
 */
export function refuseAbsentClasses(files: readonly PatchFile[], classes: readonly TissueClass[], where: string): void {
  if (files.length === 0 || files.some(({ labels }) => labels === undefined)) return;
  const absent = absentClasses(
    files.map(({ labels }) => labels),
    classes,
  );
  if (absent.length === 0) return;
  const findings = absent.map(({ name }) => ({ file: `class "${name}"` }));
  const heading =
    absent.length === 1
      ? `a class never occurs in the labels of the ${files.length} train patches of ${where}`
      : `${absent.length} classes never occur in the labels of the ${files.length} train patches of ${where}`;
  const advice = "Add patches that show it, or take it out of the description and the labels";
  throw fileProblemsError(heading, findings, advice, { split: "train", classes: absent.map(({ name }) => name) });
}
