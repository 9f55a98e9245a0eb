/**
 * Checks that the layers point one way: lib -> binding -> cpp, and inside lib and cpp from a folder to those before it in the lists
 * below, types included; that lib has no import cycle; that no two files of lib have one name, and no two exports of it.
 * Prints one line for each violation and exits with 1 if there is any.
 *
 *   node scripts/check-layers.mjs [--summary] [--root FOLDER]
 *
 * --summary  prints how large lib is, how many arrows it has between its folders, and in how many files an option of a training is written
 * --root     another tree than this one, for tests
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({ options: { summary: { type: "boolean", default: false }, root: { type: "string" } } });
const root = path.resolve(values.root ?? path.join(path.dirname(fileURLToPath(import.meta.url)), ".."));

/** Folders of lib, and the files beside them, from the bottom up: each may import from itself and those before it. */
const libLayers = [
  "text",
  "errors.ts",
  "files",
  "machine",
  "async",
  "fetch",
  "libtorch",
  "native",
  "openslide",
  "image",
  "options",
  "process-group",
  "slide",
  "pretrained",
  "dataset",
  "slide-patches",
  "evaluation",
  "model",
  "pseudo-masks",
  "classifier",
  "segmenter",
  "slide-maps",
  "onnx",
  "bundle",
  "doctor",
  "pictures",
  "tensorboard",
  "report",
  "run",
  "demo",
  "ablation",
  "server",
  "view",
  "labelling",
  "index.ts",
  "cli",
];

/** Folders of cpp/wsss from the bottom up: each may include from itself and those before it. */
const coreLayers = [
  "core",
  "process_group",
  "slide",
  "slide_patches",
  "class_map",
  "slide_segmentation",
  "kernels",
  "device",
  "image",
  "convolution",
  "fused_block",
  "weights",
  "dataset",
  "synthetic",
  "recording",
  "optim",
  "training",
  "evaluation",
  "backbone",
  "classifier",
  "label_suggestion",
  "pseudo_mask",
  "segmenter",
  "weight_tools",
  "onnx",
];

/** The only files of lib that may load a native library. */
const nativeLoaders = ["lib/libtorch/", "lib/native/"];

/**
 * The only files of binding that may see LibTorch: where its exceptions end, where a tensor meets a typed array, and
 * where devices report.
 */
const tensorBindings = ["binding/failure", "binding/conversions", "binding/segmenter", "binding/device"];

const problems = [];
const report = (file, message) => problems.push(`${file}: ${message}`);

const imports = new Map(filesOf("lib", [".ts"]).map((file) => [file, importsOf(file)]));
checkLib();
checkBinding();
checkCore();
for (const problem of problems.sort()) console.log(problem);
if (values.summary) summarise();
process.exitCode = problems.length > 0 ? 1 : 0;

function checkLib() {
  checkPlaces("lib", libLayers);
  for (const [file, targets] of imports) {
    const layer = libLayers.indexOf(layerOf(file));
    if (layer < 0) report(file, "its folder is in no row of scripts/check-layers.mjs");
    for (const target of targets) {
      if (!target.startsWith("lib/")) report(file, `imports ${target}, which is outside lib`);
      else if (libLayers.indexOf(layerOf(target)) > layer) report(file, `imports ${target} from a layer above its own`);
    }
    const text = readFileSync(path.join(root, file), "utf8");
    if (
      !nativeLoaders.some((folder) => file.startsWith(folder)) &&
      /\bdlopen\b|node-gyp-build|\.node["'`]/.test(text)
    ) {
      report(file, "loads native code, which only lib/native and lib/libtorch do");
    }
  }
  for (const cycle of cyclesOf(imports)) report(cycle[0], `import cycle: ${cycle.join(" -> ")}`);
  reportTwins();
}

/** A row that names nothing is a mistake in the list. */
function checkPlaces(folder, rows) {
  for (const row of rows) {
    if (!existsSync(path.join(root, folder, row)))
      report(`${folder}/${row}`, "is in scripts/check-layers.mjs and not there");
  }
}

/** One name stands for one thing: files are found by name, and so are functions. */
function reportTwins() {
  const files = new Map();
  const exports = new Map();
  for (const file of imports.keys()) {
    const name = path.basename(file);
    if (files.has(name)) report(file, `has the name of ${files.get(name)}`);
    else files.set(name, file);
    for (const exported of exportsOf(file)) {
      if (exports.has(exported)) report(file, `exports ${exported}, as ${exports.get(exported)} does`);
      else exports.set(exported, file);
    }
  }
}

function summarise() {
  const lines = [...imports.keys()]
    .map((file) => readFileSync(path.join(root, file), "utf8").split("\n").length - 1)
    .sort((some, other) => some - other);
  const arrows = new Set();
  let upward = 0;
  for (const [file, targets] of imports) {
    for (const target of targets) {
      const [from, to] = [layerOf(file), layerOf(target)];
      if (from !== to) arrows.add(`${from} -> ${to}`);
      if (libLayers.indexOf(to) > libLayers.indexOf(from)) upward += 1;
    }
  }
  console.log(
    `lib: ${lines.length} files, median ${lines[Math.floor(lines.length / 2)]} lines, ${arrows.size} arrows between ` +
      `${libLayers.length} layers, ${upward} imports upward, ${cyclesOf(imports).length} cycles`,
  );
  const places = placesOfOptions();
  console.log(
    `options of trainings: written by hand in ${places[Math.floor(places.length / 2)]} files of lib and binding (median), ` +
      `at most ${places.at(-1)}`,
  );
}

/**
 * In how many files of lib and binding the name of an option stands that nobody generates, for each option of the tables, ascending.
 * Names of one word stand for other things too, and are left out. A tree without tables is measured by the options of this one.
 */
function placesOfOptions() {
  const own = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
  const tables = ["model/training", "model/augmentation", "classifier/classifier", "segmenter/segmenter"].map((name) =>
    readFileSync(path.join(own, `lib/${name}-option-table.ts`), "utf8"),
  );
  const names = tables.flatMap((text) => [...text.matchAll(/^ {2}(\w*[a-z][A-Z]\w*): \{$/gm)].map(([, name]) => name));
  const texts = [...imports.keys(), ...sourcesOf("binding")]
    .map((file) => readFileSync(path.join(root, file), "utf8"))
    .filter((text) => !text.startsWith("// Made by `npm run generate`"));
  const words = texts.map((text) => new Set(text.match(/\w+/g)));
  return names.map((name) => words.filter((all) => all.has(name)).length).sort((some, other) => some - other);
}

function checkBinding() {
  for (const file of sourcesOf("binding")) {
    for (const header of includesOf(file)) {
      const ofTorch = /^(torch|ATen|c10)\//.test(header);
      if (ofTorch && !tensorBindings.some((start) => file.startsWith(start))) report(file, `includes ${header}`);
      if (header.startsWith("../") || header.startsWith("cpp/")) report(file, `includes ${header}; write "wsss/..."`);
    }
    const text = readFileSync(path.join(root, file), "utf8");
    if (/\b(at|torch)::(?!Tensor\b)\w+\s*\(/.test(text) && !tensorBindings.some((start) => file.startsWith(start))) {
      report(file, "calls a tensor operation, which only cpp does");
    }
  }
}

function checkCore() {
  checkPlaces("cpp/wsss", coreLayers);
  for (const file of sourcesOf("cpp/wsss")) {
    const folder = file.split("/")[2] ?? "";
    const layer = coreLayers.indexOf(folder);
    if (layer < 0) report(file, `${folder} is in no row of scripts/check-layers.mjs`);
    for (const header of includesOf(file)) {
      if (/^(napi|node_api|js_native_api)\.h$|binding\//.test(header))
        report(file, `includes ${header}; cpp knows no Node`);
      if (!header.startsWith("wsss/")) continue;
      const target = header.split("/")[1] ?? "";
      if (coreLayers.indexOf(target) > layer) report(file, `includes ${header} from a layer above its own`);
    }
  }
}

/** The first folder below lib, or the file where there is none. */
function layerOf(file) {
  return file.split("/")[1] ?? "";
}

/** Files of lib that a file imports or re-exports from, types included. */
function importsOf(file) {
  const text = readFileSync(path.join(root, file), "utf8");
  const pattern = /^(?:import|export)\s+(?:type\s)?(?:[^"'`;]*?\bfrom\s+)?"(\.[^"]+)";/gm;
  return [...text.matchAll(pattern)].map(([, specifier]) =>
    path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, ".ts"),
  );
}

function exportsOf(file) {
  const text = readFileSync(path.join(root, file), "utf8");
  const pattern =
    /^export (?:declare )?(?:async )?(?:abstract )?(?:function\*?|const|class|interface|type|enum) (\w+)/gm;
  // Overloads, and a type beside a value of its name, are one.
  return new Set([...text.matchAll(pattern)].map(([, name]) => name));
}

function includesOf(file) {
  const text = readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].map(([, header]) => header);
}

/** Each cycle of imports once, from the file where it was met. */
function cyclesOf(graph) {
  const cycles = [];
  const done = new Set();
  const trail = [];
  const visit = (file) => {
    const start = trail.indexOf(file);
    if (start >= 0) cycles.push([...trail.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    trail.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    trail.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

function sourcesOf(folder) {
  return filesOf(folder, [".h", ".hpp", ".cpp", ".cc"]);
}

function filesOf(folder, extensions) {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.includes(path.extname(entry.name)))
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)));
}
