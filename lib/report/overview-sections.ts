/** What was trained on what: state and stages, dataset, options, versions. */
import { formatDuration } from "../text/duration.js";
import type { RecordFacts } from "./folder-schema.js";
import { html, type Markup } from "./markup.js";
import type { RunFacts } from "./run-facts.js";
import type { StageFacts } from "./stage-facts.js";
import { type PageSection, tableRow, wideTable } from "./page-section.js";

/** How far a run is, in one sentence. */
export function stateOf({ stages }: Pick<RunFacts, "stages">): string {
  const open = stages.find(({ done }) => done === null);
  if (stages.length === 0) return "Nothing has been done in this folder yet.";
  if (open === undefined) return "Finished: every stage is done.";
  return `Not finished when this page was written: ${open.title}${epochsOf(open)}.`;
}

function epochsOf({ epochs }: StageFacts): string {
  if (epochs === undefined) return "";
  return `, ${epochs.done}${epochs.planned === null ? "" : ` of ${epochs.planned}`} epochs done`;
}

/** A date and time of ISO 8601 for people, in UTC. */
const time = (iso: string | null): string => (iso === null ? "-" : iso.replace("T", " ").replace(/\.\d+Z$|Z$/, " UTC"));

/** The stages and how long each took. */
export function stagesSection({ stages }: RunFacts): PageSection {
  const rows = stages.map((stage) =>
    tableRow(stage.title, [
      stage.done === null ? `open${epochsOf(stage)}` : "done",
      stage.done?.elapsedMs == null ? "-" : formatDuration(stage.done.elapsedMs),
      time(stage.done?.finishedAt ?? null),
    ]),
  );
  return {
    id: "stages",
    title: "Stages",
    body: rows.length === 0 ? null : wideTable("Stages", ["stage", "state", "took", "ended"], rows),
    missing: [],
  };
}

function classList({ dataset }: RecordFacts): Markup {
  return html`<ul class="classes">
    ${dataset.classes.map(({ name, colour: [red = 0, green = 0, blue = 0] }) => {
      return html`<li><span class="swatch" style="background:rgb(${red},${green},${blue})"></span>${name}</li> `;
    })}
  </ul>`;
}

type OptionEntry = readonly [name: string, value: string];

/** Every option by its path, as in `classifier.training.epochs`. */
function flatOptions(options: unknown, path = ""): OptionEntry[] {
  if (typeof options !== "object" || options === null || Array.isArray(options))
    return [[path, JSON.stringify(options)]];
  return Object.entries(options).flatMap(([name, value]) => flatOptions(value, path === "" ? name : `${path}.${name}`));
}

function optionTable(label: string, options: readonly OptionEntry[]): Markup {
  return wideTable(
    label,
    ["option", "value"],
    options.map(([name, value]) => tableRow(name, [value])),
  );
}

/** Dataset, options, device and versions, as `run.json` has them. */
export function originSection({ record }: RunFacts): PageSection {
  const about = { id: "origin", title: "What was trained on what" } as const;
  if (record === null) {
    const missing = ["Dataset, options and versions are missing: run.json is not there, or damaged."];
    return { ...about, body: null, missing };
  }
  const { dataset, versions, device, given, base, plan, createdAt } = record;
  const splits = (["train", "val", "test"] as const).map((name) => {
    const split = dataset[name];
    return tableRow(name, [split?.count ?? "-", split?.masks == null ? "no" : "yes"]);
  });
  // What was given stands above what a demo or a preset begins with.
  const asked = [...new Map([...flatOptions(base), ...flatOptions(given)])];
  const unknown = Object.entries(versions).filter(([, version]) => version === null);
  const body = html`<h3>Dataset: ${dataset.name ?? "unknown"}</h3>
    ${wideTable("Splits", ["split", "patches", "true masks"], splits)}
    ${dataset.classes.length > 0 && classList(record)}
    <h3>Options</h3>
    ${
      asked.length === 0
        ? html`<p>None was given: all have their defaults.</p>`
        : html`<p>Those that were given; all others have their defaults.</p>
            ${optionTable("Options that were given", asked)}`
    }
    <details>
      <summary>Every option, with defaults</summary>
      ${optionTable("All options", flatOptions(plan))}
    </details>
    <h3>Versions and device</h3>
    ${optionTable("Versions and device", [
      ["wsss-tissue-native", versions.package ?? "-"],
      ["LibTorch", versions.libtorch ?? "-"],
      ["Node", versions.node ?? "-"],
      ...flatOptions(device),
      ["begun", time(createdAt)],
    ])}`;
  const noVal =
    dataset.val?.count === 0
      ? ["No val patches: nothing was validated, and the weights of the last epochs were kept."]
      : [];
  return {
    ...about,
    body,
    missing: [
      ...noVal,
      ...(unknown.length > 0
        ? [`run.json does not name the version of ${unknown.map(([name]) => name).join(", ")}.`]
        : []),
    ],
  };
}
