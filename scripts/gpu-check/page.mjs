/** The report of gpu-check: what is known, as JSON, and the same as a page of Markdown. */
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { summaryOf } from "./run-parts.mjs";

/** Writes both files into a folder, each in one step, so that a run that is cut off leaves whole ones. */
export function writeReport(folder, report) {
  writeWhole(path.join(folder, "gpu-check.json"), `${JSON.stringify(report, null, 2)}\n`);
  writeWhole(path.join(folder, "gpu-check.md"), pageOf(report));
}

function writeWhole(file, text) {
  writeFileSync(`${file}.new`, text);
  renameSync(`${file}.new`, file);
}

/**
 * @param {object} report
 * @param {string} report.date - when it began.
 * @param {boolean} report.isEnded
 * @param {number} report.minutes - that it was given.
 * @param {object} report.machine - see machineRows.
 * @param {object[]} report.results - of run-parts.mjs.
 */
export function pageOf({ date, isEnded, minutes, machine, results }) {
  return [
    "# GPU check",
    "",
    `${isEnded ? "Ended" : "**Not ended**"}: ${summaryOf(results)}. It began ${date} and was given ${minutes} minutes.`,
    "",
    ...table(["", ""], machineRows(machine)),
    "",
    ...table(["", "part", "outcome", "seconds", "given", "passed", "failed"], results.map(summaryRow)),
    ...results.flatMap(detailsOf),
    "",
  ].join("\n");
}

function machineRows({ gpus, nvcc, torch, commit, prepared, host }) {
  return [
    ...gpus.map(({ name, driver, memoryMiB }) => ["GPU", `${name}, ${memoryMiB} MiB, driver ${driver}`]),
    ["CUDA compiler", nvcc ?? "none"],
    ["PyTorch, LibTorch", `${torch.build}, for CUDA ${torch.cuda ?? "none"}, in Python ${torch.pythonVersion}`],
    ["git commit", commitText(commit)],
    [
      "addon",
      prepared === null ? "built here" : `compiled beforehand, ${prepared.date}, of ${commitText(prepared.commit)}`,
    ],
    ["host", `${host.processor}, ${host.cores} cores, ${host.memoryGiB} GiB, Node ${host.node}`],
  ];
}

function commitText(commit) {
  if (commit === null) return "unknown (no repository)";
  return `${commit.commit}, ${commit.isClean ? "nothing changed since" : "**with changes since**"}`;
}

function summaryRow({ number, title, status, reason, seconds, limitSeconds, counts }) {
  const outcome = reason === "" ? status : `${status}: ${reason}`;
  const given = limitSeconds === 0 ? "" : limitSeconds.toFixed(0);
  const took = status === "running" || limitSeconds === 0 ? "" : seconds.toFixed(1);
  return [number, title, outcome, took, given, counts?.passed ?? "", counts?.failed ?? ""];
}

/** The section of a part that has something to tell. */
function detailsOf({ number, title, failures, notes, tables }) {
  if (failures.length + notes.length + tables.length === 0) return [];
  return [
    "",
    `## ${number}. ${title}`,
    ...listed(failures.map((line) => `**failed**: ${line}`)),
    ...listed(notes),
    ...tables.flatMap(({ caption, columns, rows }) => ["", `${caption}:`, "", ...table(columns, rows)]),
  ];
}

function listed(lines) {
  return lines.length === 0 ? [] : ["", ...lines.map((line) => `- ${line.replaceAll("\n", " ")}`)];
}

function table(columns, rows) {
  const line = (cells) =>
    `| ${cells.map((cell) => String(cell).replaceAll("|", "\\|").replaceAll("\n", " ")).join(" | ")} |`;
  return [line(columns), line(columns.map(() => "---")), ...rows.map(line)];
}
