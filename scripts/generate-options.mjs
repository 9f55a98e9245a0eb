/**
 * Writes what follows from the tables of options: the TypeScript interfaces of the settings (lib/**\/*-settings.ts) and the tables of flags of
 * trainings in docs/command-line.md; the other tables of flags there, from the commands themselves.
 *
 *   node scripts/generate-options.mjs [--check] [--root FOLDER]
 *
 * --check  writes nothing, says what is out of step, and exits with 1 if anything is
 * --root   another tree than this one, for tests; the tables are those of this one
 *
 * Needs dist/. `npm run generate` compiles the tables, whether or not all fits together yet, writes, and compiles again.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { format, resolveConfig } from "prettier";
import { flagTable } from "../dist/cli/flag-table.js";
import { createProgram } from "../dist/cli/program.js";
import { classifierOptionTable } from "../dist/classifier/classifier-option-table.js";
import { evaluationOptionTable } from "../dist/evaluation/evaluation-option-table.js";
import { trainingOptionTable } from "../dist/model/training-option-table.js";
import { flagRows, interfaceSource } from "../dist/options/option-source.js";
import { pseudoMaskOptionTable } from "../dist/pseudo-masks/pseudo-mask-option-table.js";
import { gateOptionTable } from "../dist/segmenter/gate-option-table.js";
import { viewOptionTable } from "../dist/segmenter/view-option-table.js";
import { segmenterOptionTable } from "../dist/segmenter/segmenter-option-table.js";

const own = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const { values } = parseArgs({ options: { check: { type: "boolean", default: false }, root: { type: "string" } } });
const root = path.resolve(values.root ?? own);
const checks = values.check;
const both = ["classifier", "segmenter"];

const baseOfTrainings = { TrainingSettings: "../model/training-settings.js" };

/** Of whom a table is, where it is written, and what it is called there; with a marker, its flags are a table of the docs. */
const tables = [
  {
    table: trainingOptionTable,
    stages: both,
    file: "lib/model/training-settings.ts",
    name: "TrainingSettings",
    heading: "Options that both trainings have and that a run records. Bounds are inclusive where not said otherwise.",
    marker: "both",
  },
  {
    table: classifierOptionTable,
    stages: ["classifier"],
    file: "lib/classifier/classifier-training-settings.ts",
    name: "ClassifierTrainingSettings",
    heading:
      "Options of stage 1, the classifier's training, that a run records. Bounds are inclusive where not said otherwise.",
    base: "TrainingSettings",
    imports: baseOfTrainings,
    marker: "classifier",
  },
  {
    table: pseudoMaskOptionTable,
    stages: ["classifier"],
    file: "lib/pseudo-masks/pseudo-mask-settings.ts",
    name: "PseudoMaskSettings",
    heading: "How pseudo masks are drawn; what a run records.",
    imports: { GlassRule: "../dataset/tissue-class.js", FeatureLevel: "../model/backbones.js" },
  },
  {
    table: segmenterOptionTable,
    stages: ["segmenter"],
    file: "lib/segmenter/segmenter-training-settings.ts",
    name: "SegmenterTrainingSettings",
    heading:
      "Options of stage 3, the segmenter's training, that a run records. Bounds are inclusive where not said otherwise.",
    base: "TrainingSettings",
    imports: baseOfTrainings,
    marker: "segmenter",
  },
  {
    table: gateOptionTable,
    stages: ["segmenter"],
    file: "lib/segmenter/gate-settings.ts",
    name: "GateSettings",
    heading: "How the class gate is applied (paper section 3.3); what a run records.",
  },
  {
    table: viewOptionTable,
    stages: ["segmenter"],
    file: "lib/segmenter/view-settings.ts",
    name: "ViewSettings",
    heading: "What a trained segmenter looks at; what a run records.",
  },
  {
    table: evaluationOptionTable,
    stages: ["segmenter"],
    file: "lib/evaluation/evaluation-settings.ts",
    name: "EvaluationSettings",
    heading: "How masks are scored; what a run records.",
  },
];

let outOfStep = 0;
for (const one of tables) await settle(one.file, settingsFile(one));
const ofTrainings = tables.filter(({ marker }) => marker !== undefined);
await settle(
  "docs/command-line.md",
  withCommandTables(ofTrainings.reduce(withFlagTable, read("docs/command-line.md"))),
);
process.exitCode = outOfStep > 0 ? 1 : 0;

function settingsFile({ table, stages, name, heading, base, imports = {} }) {
  const lines = Object.entries(imports).map(([type, file]) => `import type { ${type} } from "${file}";\n`);
  const made = "// Made by `npm run generate` from the table of options beside it; changed there, not here.\n";
  return `${made}${lines.join("")}\n${interfaceSource(name, heading, table, stages, base)}`;
}

/** The page with the table of one kind of options, between its two comments. */
function withFlagTable(page, { table, stages, marker }) {
  const headings = ["Option", "Meaning", ...(stages.length > 1 ? ["Classifier", "Segmenter"] : ["Default"])];
  return withTable(page, `<!-- options: ${marker} -->`, [headings, ...flagRows(table, stages)]);
}

/** The page with the options of commands: `<!-- flags: run, Data -->` stands before those that the help of `run` has under "Data:". */
function withCommandTables(page) {
  const program = createProgram({ stdout: process.stdout, stderr: process.stderr });
  const markers = [...page.matchAll(/<!-- flags: (?<command>[a-z-]+)(?:, (?<group>[^>]+?))? -->/g)];
  return markers.reduce((written, { 0: marker, groups: { command, group = "" } }) => {
    const rows = flagTable(program, command, group);
    const hasDefaults = rows.some(([, , value]) => value !== "");
    const cells = [["Option", "Meaning", "Default"], ...rows];
    return withTable(written, marker, hasDefaults ? cells : cells.map((row) => row.slice(0, 2)));
  }, page);
}

/** The page with a table between a comment and the end of options. */
function withTable(page, begin, [headings, ...rows]) {
  const lines = [headings, headings.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const from = page.indexOf(begin);
  const to = page.indexOf("<!-- end of options -->", from);
  if (from < 0 || to < 0) throw new Error(`docs/command-line.md has no place for ${begin}`);
  return `${page.slice(0, from)}${begin}\n\n${lines}\n\n${page.slice(to)}`;
}

async function settle(file, wanted) {
  const place = path.join(root, file);
  const text = await format(wanted, { ...(await resolveConfig(path.join(own, file))), filepath: place });
  if (read(file) === text) return;
  outOfStep += checks ? 1 : 0;
  if (checks) console.log(`${file}: is not what the tables of options say; run \`npm run generate\``);
  else {
    writeFileSync(place, text);
    console.log(`wrote ${file}`);
  }
}

function read(file) {
  try {
    return readFileSync(path.join(root, file), "utf8");
  } catch {
    return "";
  }
}
