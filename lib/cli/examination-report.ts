/** The report of `doctor` as text: splits, findings, balance of the classes and memory. */
import { type SplitName, splitNames } from "../dataset/split.js";
import type { DatasetExamination, SplitExamination } from "../doctor/examination.js";
import type { FindingGroup } from "../doctor/finding.js";
import { describeMosaics } from "../segmenter/mosaic-share.js";
import { alignColumns } from "../run/report-table.js";
import { percent } from "../text/percent.js";
import { printable } from "../text/printable.js";

/** Files that one line names. */
const shownFiles = 2;

/** `"1 error"`, `"2 errors"`, `"no warnings"`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? one : many}`;
}

/** What `wsss-tissue doctor` prints for people. */
export function describeExamination(examination: DatasetExamination): string {
  const { folder, name, errors, warnings, groups, splits, mosaics, memory } = examination;
  const present = splitNames.filter((split) => splits[split].patches > 0);
  const lines = [
    `${name ?? "Dataset without valid description"} in ${printable(folder)}`,
    ...splitNames.map((split) => `  ${split.padEnd(5)}  ${describeSplit(splits[split])}`),
    "",
    errors + warnings === 0 ? "Nothing is wrong." : `${counted(errors, "error")}, ${counted(warnings, "warning")}`,
  ];
  if (groups.length > 0) lines.push("", ...findingTable(groups));
  const [first] = present;
  if (first !== undefined && splits[first].classes.length > 0) lines.push("", ...balanceTable(splits, present));
  if (mosaics !== null) lines.push("", `Mosaics: ${describeMosaics(mosaics)}.`);
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  lines.push(
    "",
    `Memory: the pixels take ${gibibytes(memory.pixelBytes)} in a run, the networks come on top; ` +
      `${gibibytes(memory.freeBytes)} are free now.`,
  );
  return lines.join("\n");
}

function describeSplit({ patches, decoded, masks, size, labelled }: SplitExamination): string {
  if (patches === 0) return "none";
  const unread = decoded < patches ? `, ${patches - decoded} of which can't be decoded` : "";
  const pixels = size === null ? "" : ` of ${size.width}x${size.height} px`;
  const known = labelled < patches ? `, labels of ${labelled} known` : "";
  return `${counted(patches, "patch", "patches")}${pixels}${unread}, ${counted(masks, "mask")}${known}`;
}

/** One row for each group, and below it what is wrong and what to do: sentences fit no column. */
function findingTable(groups: readonly FindingGroup[]): string[] {
  const header = ["CHECK", "SEVERITY", "SPLIT", "COUNT", "EXAMPLE"];
  const rows = groups.map(({ check, severity, split, count, examples }) => [
    check,
    severity,
    split ?? "-",
    String(count),
    exampleOf(examples[0]?.files ?? []),
  ]);
  const table = leftAligned([header, ...rows]);
  return [
    table[0] ?? "",
    ...groups.flatMap(({ examples, remedy }, index) => [
      table[index + 1] ?? "",
      `    ${printable(examples[0]?.problem ?? "")}`,
      `    -> ${printable(remedy)}`,
    ]),
  ];
}

function exampleOf(files: readonly string[]): string {
  if (files.length === 0) return "-";
  const more = files.length - shownFiles;
  return files.slice(0, shownFiles).map(printable).join(", ") + (more > 0 ? ` and ${more} more` : "");
}

function leftAligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) row.forEach((text, i) => (widths[i] = Math.max(widths[i] ?? 0, text.length)));
  return rows.map((row) =>
    row
      .map((text, i) => text.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** Patches that have each class, and its share of the pixels where there are masks; shares in per cent. */
function balanceTable(splits: Readonly<Record<SplitName, SplitExamination>>, present: readonly SplitName[]): string[] {
  const names = splits[present[0] ?? "train"].classes.map(({ name }) => name);
  const header = ["Class balance", ...present.flatMap((split) => [`${split}: patches`, "% patches", "% pixels"])];
  const classes = names.map((name, index) => [
    name,
    ...present.flatMap((split) => {
      const { classes: shares, labelled } = splits[split];
      const { patches = 0, pixelShare = null } = shares[index] ?? {};
      return [String(patches), percent(labelled === 0 ? null : patches / labelled), percent(pixelShare)];
    }),
  ]);
  const others = (
    [
      ["background", "backgroundShare"],
      ["ignored (255)", "ignoredShare"],
    ] as const
  )
    .filter(([, key]) => present.some((split) => (splits[split][key] ?? 0) > 0))
    .map(([name, key]) => [name, ...present.flatMap((split) => ["", "", percent(splits[split][key])])]);
  return alignColumns([header, ...classes, ...others]);
}
