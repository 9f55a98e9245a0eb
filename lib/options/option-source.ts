/** Generates a TypeScript interface and rows of Markdown from a table of options. */
import {
  type DeclaredOption,
  type Defaults,
  defaultsOf,
  kindOf,
  type OptionTable,
  type OptionValue,
  type TrainedStage,
} from "./declared-option.js";
import { boundsOf, typescriptOf } from "./kinds.js";

/** A value as TypeScript has it. */
function literal(value: OptionValue): string {
  return typeof value === "string" ? `"${value}"` : String(value);
}

function sameDefaults(some: Defaults, other: Defaults): boolean {
  return JSON.stringify(some) === JSON.stringify(other);
}

function valuesOf({ default: usual, small = usual, adamw = usual, published = usual }: Defaults): string {
  const others = [
    ...(small === usual ? [] : [`small networks \`${literal(small)}\``]),
    ...(adamw === usual ? [] : [`AdamW \`${literal(adamw)}\``]),
    ...(published === usual ? [] : [`recipe \`"published"\` \`${literal(published)}\``]),
  ];
  return [`\`${literal(usual)}\``, ...others].join(", ");
}

/** The defaults of an option in words, for the trainings that have it. */
function defaultsInWords(option: DeclaredOption, stages: readonly TrainedStage[]): string {
  const [first, second] = stages.map((stage) => defaultsOf(option, stage));
  if (first === undefined) return "";
  if (second === undefined || sameDefaults(first, second)) return valuesOf(first);
  return `classifier ${valuesOf(first)}; segmenter ${valuesOf(second)}`;
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** One line of comment holds so many characters. */
const commentWidth = 115;

function commentOf(option: DeclaredOption, stages: readonly TrainedStage[]): string {
  const bounds = boundsOf(option.kind);
  const meaning = bounds === "" ? option.meaning : `${option.meaning} Bounds: ${bounds}.`;
  const value = `@defaultValue ${defaultsInWords(option, stages)} (${option.reason})`;
  const lines = [
    ...wrapped(meaning, commentWidth),
    ...wrapped(value, commentWidth).map((line, i) => (i === 0 ? line : `  ${line}`)),
  ];
  return ["  /**", ...lines.map((line) => `   * ${line}`), "   */"].join("\n");
}

/** The TypeScript interface of a table of options, each with its documentation. */
export function interfaceSource(
  name: string,
  heading: string,
  table: OptionTable,
  stages: readonly TrainedStage[],
  base?: string,
): string {
  const members = Object.entries(table).map(
    ([option, declared]) =>
      `${commentOf(declared, stages)}\n  readonly ${option}?: ${typescriptOf(kindOf(declared, "classifier"))} | undefined;`,
  );
  const extending = base === undefined ? "" : ` extends ${base}`;
  return `/** ${heading} */\nexport interface ${name}${extending} {\n${members.join("\n")}\n}\n`;
}

/** A value as a command line has it. */
function cellOf({ default: usual, small = usual, adamw = usual }: Defaults): string {
  const word = (value: OptionValue): string =>
    typeof value === "boolean" ? (value ? "on" : "off") : `\`${String(value)}\``;
  const others = [
    ...(small === usual ? [] : [`small networks ${word(small)}`]),
    ...(adamw === usual ? [] : [`with \`adamw\` ${word(adamw)}`]),
  ];
  return [word(usual), ...others].join(", ");
}

/** The flags of a table of options as rows of Markdown, one default for each of the trainings. */
export function flagRows(table: OptionTable, stages: readonly TrainedStage[]): string[][] {
  return Object.values<DeclaredOption>(table)
    .filter(({ flag }) => flag !== undefined)
    .map((option) => {
      const { flag = "", short, value, brief } = option;
      const long = value === undefined ? `\`--${flag}\`, \`--no-${flag}\`` : `\`--${flag} <${value}>\``;
      const name = short === undefined ? long : `\`-${short}\`, ${long}`;
      return [name, brief, ...stages.map((stage) => cellOf(defaultsOf(option, stage)))];
    });
}
