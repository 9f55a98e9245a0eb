/** Puts the patches of a manifest into splits, by its column or by patient, and finds leaking patients. */
import type { DatasetDescription } from "../description.js";
import { fileProblemsError } from "../file-problems.js";
import { splitPatients, wantedSplits } from "../patient-split.js";
import { type SplitName, splitNames } from "../split-name.js";
import type { ManifestColumns } from "./manifest-columns.js";
import type { ManifestFindings } from "./manifest-findings.js";
import type { ManifestEntry } from "./manifest-rows.js";

/** Entries that belong to a split. */
export type SplitEntries = Readonly<Record<SplitName, readonly ManifestEntry[]>>;

/**
 * Refuses a manifest that has no splits, or two sources of them.
 * @throws WsssError `WSSS_ERR_DATASET`
 */
export function checkSplitSource(
  path: string,
  columns: ManifestColumns,
  { split, allowPatientLeak }: DatasetDescription,
): void {
  const refuse = (problem: string, advice: string): never => {
    throw fileProblemsError(
      `manifest ${path} does not say to which split its patches belong`,
      [{ file: problem }],
      advice,
      {
        path,
      },
    );
  };
  if (columns.split && split !== undefined) {
    refuse('it has a column split, and the description has "split" too', "Keep one of them");
  }
  if (!columns.split && split === undefined) {
    const draw = '"split": {"by": "patient", "val": 0.2, "test": 0.2, "seed": 0}';
    refuse(
      "it has no column split",
      `Add one with train, val or test, or a column patient and ${draw} to the description`,
    );
  }
  if (split !== undefined && !columns.patient) {
    refuse('the description wants "split" by patient, but there is no column patient', "Add it");
  }
  if (allowPatientLeak === true && !columns.patient) {
    refuse(
      'the description says "allowPatientLeak", but there is no column patient',
      "Add it, or drop allowPatientLeak",
    );
  }
}

/** Puts each entry into its split: the one that it names, or the one that its patient is drawn into. */
export function assignSplits(
  entries: readonly ManifestEntry[],
  { split, allowPatientLeak = false }: DatasetDescription,
  findings: ManifestFindings,
): SplitEntries {
  const usable = entries.filter(({ image }) => image !== undefined);
  if (split === undefined) {
    if (!allowPatientLeak) findLeaks(entries, findings);
    return bySplit(usable, (entry) => entry.split);
  }
  const sizes = new Map<string, number>();
  for (const { patient } of usable) {
    if (patient !== undefined) sizes.set(patient, (sizes.get(patient) ?? 0) + 1);
  }
  const wanted = wantedSplits(split);
  // While rows are without a patient, the draw would be another one than after they are mended.
  if (findings.count("patient") > 0) return bySplit([], () => undefined);
  if (sizes.size < wanted.length) {
    const problem = `${sizes.size} ${sizes.size === 1 ? "patient is" : "patients are"} too few for ${wanted.join(", ")}`;
    findings.add("patient", "split", `${problem}; a patient belongs to one split only`);
    return bySplit([], () => undefined);
  }
  const splitOf = splitPatients(sizes, split);
  return bySplit(usable, ({ patient }) => splitOf.get(patient ?? ""));
}

function bySplit(
  entries: readonly ManifestEntry[],
  splitOf: (entry: ManifestEntry) => SplitName | undefined,
): SplitEntries {
  const of = (name: SplitName): ManifestEntry[] => entries.filter((entry) => splitOf(entry) === name);
  return { train: of("train"), val: of("val"), test: of("test") };
}

/** A patient in two splits: the network is scored on tissue that it has learned from. */
function findLeaks(entries: readonly ManifestEntry[], findings: ManifestFindings): void {
  const patches = new Map<string, Map<SplitName, number>>();
  for (const { patient, split } of entries) {
    if (patient === undefined || split === undefined) continue;
    const ofPatient = patches.get(patient) ?? new Map<SplitName, number>();
    ofPatient.set(split, (ofPatient.get(split) ?? 0) + 1);
    patches.set(patient, ofPatient);
  }
  for (const [patient, ofPatient] of patches) {
    const found = splitNames.filter((name) => ofPatient.has(name));
    if (found.length < 2) continue;
    const counts = found.map((name) => `${ofPatient.get(name)} patches in ${name}`).join(", ");
    const problem = `${counts}, so the scores would be flattered; "allowPatientLeak": true in the description allows it`;
    findings.add("patient", `patient ${patient}`, problem);
  }
}
