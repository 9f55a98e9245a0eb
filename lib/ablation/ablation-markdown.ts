/** The Markdown report of an ablation: tables, a list of cells, remarks and the commands that made it. */
import { remarksOf, seedsInWords, type Table, tablesOf } from "./ablation-tables.js";
import type { Ablation } from "./ablation.js";

/** A cell's text must not end it, nor become a list or a heading. */
const escape = (text: string): string => text.replaceAll("|", String.raw`\|`).replaceAll("\n", " ");

function markdownTable({ title, headings, rows }: Table): string[] {
  const line = (texts: readonly string[]): string => `| ${texts.map(escape).join(" | ")} |`;
  const rule = headings.map((_, index) => (index === 0 ? "---" : "---:"));
  return [`**${title}**`, "", line(headings), line(rule), ...rows.map(line), ""];
}

/** `ablation.md`: the tables for a paper, what the cells are, and how to get them again. */
export function ablationMarkdown(ablation: Ablation): string {
  const { dataset, cells, versions, commands } = ablation;
  const { train, val, test } = dataset;
  const remarks = remarksOf(ablation);
  const lines = [
    `# Ablation on ${dataset.name}`,
    "",
    `${train.count} train, ${val.count} val and ${test.count} test patches; ${seedsInWords(ablation)}.`,
    "",
    ...tablesOf(ablation).flatMap(markdownTable),
    ...cells.map(({ name, title }) => `- \`${name}\`: ${title}`),
    "",
    ...(remarks.length > 0 ? [...remarks.map((remark) => `- ${remark}`), ""] : []),
    ...(commands.length > 0 ? ["```sh", ...commands, "```", ""] : []),
    `wsss-tissue-native ${versions.package}, LibTorch ${versions.libtorch}, Node ${versions.node}.`,
  ];
  return `${lines.join("\n")}\n`;
}
