/** The tables of an ablation as rows of text: test scores, IoU by class, pseudo masks, and remarks below. */
import type { Ablation, CellReport, ScoreSummary } from "./ablation.js";
import { meanAndDeviation } from "./mean-and-deviation.js";

/** A table to be laid out: for the terminal or as Markdown. */
export interface Table {
  readonly title: string;
  readonly headings: readonly string[];
  /** As many texts each as there are headings. */
  readonly rows: readonly (readonly string[])[];
}

/** How many seeds of a cell are done: `3`, or `2 of 3`. */
function seedsDone({ seeds }: CellReport): string {
  const done = seeds.filter(({ outcome }) => outcome?.status === "done").length;
  return done === seeds.length ? String(done) : `${done} of ${seeds.length}`;
}

/** What stands in place of the scores of a cell without any. */
function stateOf({ seeds }: CellReport): string {
  const outcomes = seeds.flatMap(({ outcome }) => outcome ?? []);
  const diverged = outcomes.find(({ status }) => status === "diverged");
  if (diverged?.status === "diverged") return `diverged at step ${diverged.step}`;
  return outcomes.some(({ status }) => status === "blocked") ? "not done" : "-";
}

function isGated({ cells }: Ablation): boolean {
  return cells.some(({ summary }) => summary?.gated);
}

/** mIoU, FwIoU, pixel accuracy and the gap, each without and with the gate. */
function mainTable(ablation: Ablation): Table {
  const gated = isGated(ablation);
  const hasGap = ablation.cells.some(({ name }) => name === "full-supervision");
  const both = (name: string): string[] => (gated ? [name, `${name} gated`] : [name]);
  const headings = ["", "seeds", ...["mIoU", "FwIoU", "Acc"].flatMap(both), ...(hasGap ? both("gap") : [])];
  const rows = ablation.cells.map((cell) => {
    const { summary } = cell;
    const start = [cell.name, seedsDone(cell)];
    if (summary === null) return [...start, stateOf(cell), ...headings.slice(3).map(() => "-")];
    const pair = (name: "mIoU" | "fwIoU" | "accuracy"): string[] => {
      const plain = meanAndDeviation(summary.plain[name]);
      return gated ? [plain, meanAndDeviation(summary.gated?.[name])] : [plain];
    };
    const gap = [meanAndDeviation(summary.gap?.plain), ...(gated ? [meanAndDeviation(summary.gap?.gated)] : [])];
    return [...start, ...pair("mIoU"), ...pair("fwIoU"), ...pair("accuracy"), ...(hasGap ? gap : [])];
  });
  return { title: "Test patches, per cent; gap: mIoU behind full supervision, in points", headings, rows };
}

function classNames({ dataset }: Ablation): string[] {
  return dataset.classes.map(({ name }) => name);
}

const perClass = ({ iou }: ScoreSummary): string[] => iou.map(meanAndDeviation);

/** IoU of each class, without and with the gate. */
function classTable(ablation: Ablation): Table {
  const rows = ablation.cells.flatMap(({ name, summary }) => {
    if (summary === null) return [];
    const plain = [name, ...perClass(summary.plain)];
    return summary.gated === null ? [plain] : [plain, [`${name}, gated`, ...perClass(summary.gated)]];
  });
  return { title: "Test patches, IoU of each class, per cent", headings: ["", ...classNames(ablation)], rows };
}

/** The pseudo masks of each cell that draws its own. */
function maskTable(ablation: Ablation): Table {
  const rows = ablation.cells.flatMap(({ name, summary }) =>
    Object.entries(summary?.pseudoMasks ?? {}).map(([level, one]) => [
      `${name}, ${level}`,
      ...[one.mIoU, one.fwIoU, one.accuracy].map(meanAndDeviation),
      ...perClass(one),
    ]),
  );
  const headings = ["", "mIoU", "FwIoU", "Acc", ...classNames(ablation).map((name) => `IoU ${name}`)];
  return { title: "Pseudo masks, train patches, per cent", headings, rows };
}

/** The tables that have rows. */
export function tablesOf(ablation: Ablation): Table[] {
  return [mainTable(ablation), classTable(ablation), maskTable(ablation)].filter(({ rows }) => rows.length > 0);
}

/** What a reader of the tables has to know: cells without scores, and cells that are not there. */
export function remarksOf({ cells, notes }: Ablation): string[] {
  const troubles = cells.flatMap(({ name, seeds }) =>
    seeds.flatMap(({ seed, outcome }) => {
      if (outcome === null) return [];
      if (outcome.status === "done") return [];
      const what =
        outcome.status === "diverged"
          ? `diverged at step ${outcome.step} of ${outcome.stage}`
          : `not done, since ${outcome.message}`;
      return [`${name}, seed ${seed}: ${what}`];
    }),
  );
  const open = cells.flatMap(({ seeds }) => seeds).filter(({ outcome }) => outcome === null).length;
  return [...troubles, ...notes, ...(open > 0 ? [`${open} of the runs are not done yet`] : [])];
}

/** `mean ± sample standard deviation over 3 seeds (0, 1, 2)`. */
export function seedsInWords({ seeds }: Ablation): string {
  if (seeds.length === 1) return `one seed (${seeds.join()})`;
  return `mean ± sample standard deviation over ${seeds.length} seeds (${seeds.join(", ")})`;
}
