/** Checks the columns of a manifest: needed ones, labels in one of two forms, no misspelled names. */
import { nearestName } from "../../text/nearest-name.js";
import { fileProblemsError } from "../file-problems.js";
import type { TissueClass } from "../tissue-class.js";
import type { ManifestTable } from "./manifest-table.js";

/** Columns that every manifest may have, beside those of the classes. */
const sharedColumns = ["mask", "split", "patient", "labels"] as const;
/** Where the patches are: pictures, or places on slides. */
const sourceColumns = { pictures: ["image"], slides: ["slide", "x", "y", "mpp"] } as const;

/** What the columns of a manifest say about all of its rows. */
export interface ManifestColumns {
  /** Whether a row names a picture, or a place on a slide. A picture's row may say where it was cut, too, which nobody reads. */
  readonly patches: "pictures" | "slides";
  /** `"labels"`: one column with the names of the classes. `"classes"`: one column for each class, with 0 or 1. */
  readonly labels: "labels" | "classes";
  readonly split: boolean;
  readonly patient: boolean;
}

/**
 * Checks the columns of a manifest. Unknown columns are ignored, as long as they can't be meant as one that is
 * not there: `patient_id` without `patient` would turn off the check for leaks in silence.
 *
 * @throws WsssError `WSSS_ERR_DATASET` with everything that is wrong with the columns.
 */
export function checkColumns({ path, columns }: ManifestTable, classes: readonly TissueClass[]): ManifestColumns {
  const has = (name: string): boolean => columns.includes(name);
  const patches = has("slide") && !has("image") ? "slides" : "pictures";
  const ownColumns: readonly string[] = [...sourceColumns[patches], ...sharedColumns];
  // A class that is called like a column of its own can only be named in the column labels.
  const free = classes.map(({ name }) => name).filter((name) => !ownColumns.includes(name));
  const ofClasses = free.filter(has);
  const labels = ofClasses.length > 0 && !has("labels") ? "classes" : "labels";
  const problems = columns
    .filter((name, index) => columns.indexOf(name) !== index)
    .map((name) => `the column ${show(name)} is there twice`);
  const wanted = labels === "classes" ? [...ownColumns.filter((name) => name !== "labels"), ...free] : ownColumns;
  const absent = wanted.filter((name) => !has(name));
  for (const name of columns.filter((one) => !wanted.includes(one))) {
    const meant = nearestName(name, absent);
    if (meant !== undefined) problems.push(`the column ${show(name)} is not known; did you mean ${show(meant)}?`);
  }
  if (patches === "pictures" && !has("image")) problems.push("there is no column image, or slide, x and y");
  const placeless = patches === "slides" ? ["x", "y"].filter((name) => !has(name)) : [];
  for (const name of placeless) problems.push(`there is no column ${name}, which says where on its slide a patch is`);
  if (!has("labels") && ofClasses.length === 0) {
    problems.push(`there is neither a column labels nor one for each class (${free.map(show).join(", ")})`);
  }
  if (has("labels") && ofClasses.length > 0) {
    problems.push(
      `there are both a column labels and columns of classes (${ofClasses.map(show).join(", ")}); keep one`,
    );
  }
  const lacking = labels === "classes" ? classes.filter(({ name }) => !ofClasses.includes(name)) : [];
  if (lacking.length > 0) {
    problems.push(`there is no column for the class ${lacking.map(({ name }) => show(name)).join(", ")}`);
  }
  if (problems.length === 0) return { patches, labels, split: has("split"), patient: has("patient") };
  const heading = `manifest ${path} has columns that can't be read (${columns.map(show).join(", ")})`;
  const findings = problems.map((problem) => ({ file: problem }));
  const advice =
    "Columns are image (or slide, x, y and, where slides do not say it, mpp), mask (optional), split (train, val or test), patient (optional), and labels " +
    "or one for each class; others may have any name that is unlike these";
  throw fileProblemsError(heading, findings, advice, { path, columns: [...columns] });
}

function show(name: string): string {
  return JSON.stringify(name);
}
