/**
 * Keeps the table of THIRD_PARTY.md in step with what npm installs, and refuses licences that we don't want.
 *
 *   node scripts/third-party.mjs [--check]
 *
 * --check  writes nothing; exits with 1 if the table is not what would be written
 *
 * Licences, copyright lines and sizes are read from node_modules. Needs node_modules, and no other package.
 */
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { runTimePackages } from "./run-time-packages.mjs";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const file = path.join(root, "THIRD_PARTY.md");
const [begin, end] = ["<!-- table begins: scripts/third-party.mjs writes it -->", "<!-- table ends -->"];

// Single licences only: whoever meets an expression such as "MIT OR GPL-2.0" is to read it.
const permissive = ["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "MIT", "Zlib"];
// The Unlicense gives a work to everybody.
const exceptions = { "@img/sharp-libvips-linux-x64": "LGPL-3.0-or-later", "robust-predicates": "Unlicense" };

/** Why each package is there. A package without a reason is a failure, so that none comes in unseen. */
const reasons = {
  "@img/colour": "of sharp: colours of its options",
  "@img/sharp-libvips-linux-x64": "of sharp: libvips and its image libraries, a shared library of its own",
  "@img/sharp-linux-x64": "of sharp: its addon for Linux x64",
  "@observablehq/plot": "the plots of report.html, as SVG",
  "ansi-regex": "of cli-progress: finds terminal codes",
  "binary-search-bounds": "of interval-tree-1d: finds places",
  boolbase: "of css-select and nth-check: two constant functions",
  "cli-progress": "progress bars of the command line",
  commander: "arguments and help of the command line; an older one of d3-dsv, unused here",
  "css-select": "of linkedom: finds elements by selectors",
  "css-what": "of css-select: reads selectors",
  cssom: "of linkedom: style sheets",
  "csv-parse": "label manifests in CSV",
  d3: "of @observablehq/plot: the parts below that begin with d3",
  "d3-array": "of d3: means, bins, orders",
  "d3-axis": "of d3: ticks of axes",
  "d3-brush": "of d3: regions chosen by the mouse; unused here",
  "d3-chord": "of d3: chord layouts; unused here",
  "d3-color": "of d3: colour spaces",
  "d3-contour": "of d3: contours; unused here",
  "d3-delaunay": "of d3: neighbours of points",
  "d3-dispatch": "of d3: callbacks",
  "d3-drag": "of d3: dragging; unused here",
  "d3-dsv": "of d3: tables as text; unused here",
  "d3-ease": "of d3: timing of motion; unused here",
  "d3-fetch": "of d3: requests; unused here",
  "d3-force": "of d3: force layouts; unused here",
  "d3-format": "of d3: numbers at ticks",
  "d3-geo": "of d3: projections, which Plot's axes pass through",
  "d3-hierarchy": "of d3: trees; unused here",
  "d3-interpolate": "of d3: between two values",
  "d3-path": "of d3: paths of SVG",
  "d3-polygon": "of d3: polygons; unused here",
  "d3-quadtree": "of d3: points in the plane",
  "d3-random": "of d3: random numbers; unused here",
  "d3-scale": "of d3: from values to places",
  "d3-scale-chromatic": "of d3: colour schemes",
  "d3-selection": "of d3: elements of the plot",
  "d3-shape": "of d3: lines and marks",
  "d3-time": "of d3: dates on axes",
  "d3-time-format": "of d3: dates as text",
  "d3-timer": "of d3: timing of motion; unused here",
  "d3-transition": "of d3: motion; unused here",
  "d3-zoom": "of d3: zooming; unused here",
  delaunator: "of d3-delaunay: triangulation",
  "detect-libc": "of sharp: which binary is right",
  "dom-serializer": "of domutils: markup as text",
  domelementtype: "of domhandler: kinds of nodes",
  domhandler: "of htmlparser2: nodes",
  domutils: "of css-select: walks over nodes",
  "emoji-regex": "of cli-progress: width of a text",
  entities: "of htmlparser2 and dom-serializer: escapes of HTML",
  "fast-png": "index masks: PNG with the indices as they are, which sharp turns into colours",
  fflate: "of fast-png: inflates and deflates",
  "html-escaper": "of linkedom: escapes of HTML",
  htmlparser2: "of linkedom: reads the empty page to draw into",
  "iconv-lite": "of d3-dsv: encodings of text; unused here",
  internmap: "of d3-array: maps by value",
  "interval-tree-1d": "of @observablehq/plot: intervals that overlap",
  iobuffer: "of fast-png: reads and writes numbers",
  "is-fullwidth-code-point": "of cli-progress: width of a text",
  isoformat: "of @observablehq/plot: dates as text",
  linkedom: "the document that plots of report.html are drawn into, without a browser",
  "node-gyp-build": "finds the addon in prebuilds/",
  "nth-check": "of css-select: positions in selectors",
  openseadragon: "the slide on the page of `view`: tiles, zoom, layers",
  pend: "of yauzl: waits for its reads",
  "robust-predicates": "of delaunator: exact geometry",
  rw: "of d3-dsv: reads files; unused here",
  "safer-buffer": "of iconv-lite: bytes",
  semver: "of sharp: compares versions",
  sharp: "reads and writes patches (PNG, JPEG, TIFF, WebP) and pictures",
  "string-width": "of cli-progress: width of a text",
  "strip-ansi": "of cli-progress: width of a text",
  uhyphen: "of linkedom: names with hyphens",
  undici: "fetches files over HTTPS by the proxy that the environment names",
  yauzl: "unpacks LibTorch's wheels",
  zod: "checks options, descriptions and plans",
};

/** Copyright lines that no file of the package states. */
const copyrights = {
  "@img/sharp-libvips-linux-x64": "of each library; the package's README.md lists them",
  boolbase: "Felix Boehm, its author by package.json",
  "robust-predicates": "none: given to everybody by Vladimir Agafonkin",
};

const flags = process.argv.slice(2);
if (flags.some((flag) => flag !== "--check")) fail(`unknown argument ${flags.join(" ")}; only --check is there`);

const packages = runTimePackages(root);
const names = new Set(packages.map(({ name }) => name));
const idle = Object.keys(reasons).filter((name) => !names.has(name));
if (idle.length > 0) fail(`${idle.join(", ")} is not installed any more; remove its reason from this script`);

const table = formatTable([
  ["Package", "Version", "Licence", "Copyright", "Why it is there", "Size"],
  ...packages.map(describe),
]);
const size = formatSize(packages.reduce((sum, { folder }) => sum + sizeOf(path.join(root, folder)), 0));
const part = `${begin}\n\n${table}\n\n${packages.length} packages, ${size} installed.\n\n${end}`;

const text = readText(file) ?? fail("THIRD_PARTY.md is missing");
const [from, to] = [text.indexOf(begin), text.indexOf(end)];
if (from < 0 || to < from)
  fail(`THIRD_PARTY.md must hold the lines ${begin} and ${end}, between which the table stands`);
const wanted = text.slice(0, from) + part + text.slice(to + end.length);

if (wanted === text) say(`THIRD_PARTY.md is in step with ${packages.length} packages`);
else if (!flags.includes("--check")) writeFileSync(file, wanted);
else
  fail(`THIRD_PARTY.md is out of step; run \`node scripts/third-party.mjs\` and read what changed:\n${difference()}`);

function describe({ name, version, folder }) {
  const manifest = JSON.parse(readText(path.join(root, folder, "package.json")) ?? "null");
  if (manifest?.version !== version) fail(`${folder} is not at ${version}; run \`npm ci --ignore-scripts\``);
  const { license } = manifest;
  if (!permissive.includes(license) && exceptions[name] !== license) {
    fail(
      `${name} ${version} is under ${JSON.stringify(license)}; allowed are ${permissive.join(", ")}, and ${Object.entries(
        exceptions,
      )
        .map((entry) => entry.reverse().join(" for "))
        .join(", ")}`,
    );
  }
  const reason = reasons[name] ?? fail(`${name} has no reason in this script; say why it is there`);
  const copyright =
    copyrights[name] ?? copyrightOf(path.join(root, folder)) ?? fail(`${name} states no copyright; add it`);
  return [`\`${name}\``, version, license, copyright, reason, formatSize(sizeOf(path.join(root, folder)))];
}

/** The copyright lines of a package's licence, or of its readme where the licence's text has none of its own. */
function copyrightOf(folder) {
  const files = readdirSync(folder).sort();
  for (const pattern of [/^licen[cs]e/i, /^readme/i]) {
    const lines = files
      .filter((name) => pattern.test(name))
      .flatMap((name) => readText(path.join(folder, name)).split("\n"))
      .map((line) => /^\s*Copyright (?:(?:\([cC]\)|©) )?((?:\d{4}|[A-Z]\w+ [A-Z]).*?)\.?\s*$/.exec(line)?.[1])
      .filter((line) => line !== undefined);
    // Addresses are left out: the package's own files have them.
    if (lines.length > 0)
      return lines.map((line) => line.replace(/\s*[<(](?:\S+@|http|\w+\.com)[^>)]*[>)]/g, "")).join("; ");
  }
  return null;
}

/** Size of a package's files without packages nested in it, in bytes. */
function sizeOf(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => name !== "node_modules")
    .map((entry) => path.join(folder, entry.name))
    .reduce((sum, place) => sum + (statSync(place).isDirectory() ? sizeOf(place) : statSync(place).size), 0);
}

function formatSize(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

/** A Markdown table as prettier writes it. */
function formatTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (cells) => `| ${cells.join(" | ")} |`;
  const [head, ...body] = rows.map((row) => line(row.map((cell, column) => cell.padEnd(widths[column]))));
  return [head, line(widths.map((width) => "-".repeat(width))), ...body].join("\n");
}

/** Lines that are on one side only, those of the file first. */
function difference() {
  const [now, then] = [text.split("\n"), wanted.split("\n")];
  const only = (lines, others, sign) => lines.filter((line) => !others.includes(line)).map((line) => `${sign} ${line}`);
  return [...only(now, then, "-"), ...only(then, now, "+")].join("\n");
}

function readText(place) {
  return existsSync(place) ? readFileSync(place, "utf8") : null;
}

function say(message) {
  process.stderr.write(`third-party: ${message}\n`);
}

function fail(message) {
  say(message);
  process.exit(1);
}
