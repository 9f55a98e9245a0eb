/**
 * Checks that the layers point one way: lib -> binding -> cpp, and inside lib and cpp from a folder to those before it.
 * Prints one line for each violation and exits with 1 if there is any.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");

/** Layers of lib from the bottom up. A file may import at run time from its own layer and those before it. */
const libLayers = [
  ["printable.ts"],
  ["errors.ts"],
  ["machine/"],
  ["libtorch/"],
  ["native/"],
  ["image/"],
  ["dataset/"],
  // The API: its classes, and what they are made of. Inside, only import cycles are forbidden.
  ["model/", "options/", "inference/", "training/", "evaluation/", "weights/", "bundle/", "*.ts"],
  ["doctor/"],
  ["run/"],
  ["demo/"],
  ["ablation/"],
  ["index.ts"],
  ["cli/"],
];

/** Folders of cpp/wsss from the bottom up: each may include from itself and those before it. */
const coreLayers = [
  ["core"],
  ["kernels"],
  ["device"],
  ["image"],
  ["convolution"],
  ["weights", "dataset", "synthetic", "recording"],
  ["optim", "evaluation"],
  ["backbone"],
  ["classifier"],
  ["pseudo_mask"],
  ["segmenter"],
  ["weight_tools"],
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

checkLib();
checkBinding();
checkCore();
for (const problem of problems.sort()) console.log(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function checkLib() {
  const runtimeImports = new Map();
  for (const file of filesOf("lib", [".ts"])) {
    const text = readFileSync(path.join(root, file), "utf8");
    const layer = libLayerOf(file);
    if (layer < 0) report(file, "its folder is in no layer of scripts/check-layers.mjs");
    const targets = [];
    for (const { specifier, typeOnly } of importsOf(text)) {
      if (!specifier.startsWith(".")) continue;
      const target = path.posix.join(path.posix.dirname(file), specifier).replace(/\.js$/, ".ts");
      if (!target.startsWith("lib/")) report(file, `imports ${specifier}, which is outside lib`);
      // A type leaves nothing at run time, so that it may come from above.
      else if (!typeOnly) {
        targets.push(target);
        if (libLayerOf(target) > layer) report(file, `imports ${specifier} from a layer above its own`);
      }
    }
    runtimeImports.set(file, targets);
    if (
      !nativeLoaders.some((folder) => file.startsWith(folder)) &&
      /\bdlopen\b|node-gyp-build|\.node["'`]/.test(text)
    ) {
      report(file, "loads native code, which only lib/native and lib/libtorch do");
    }
  }
  reportCycles(runtimeImports);
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
  for (const file of sourcesOf("cpp")) {
    const folder = file.split("/")[2] ?? "";
    const layer = coreLayerOf(folder);
    if (layer < 0) report(file, `${folder} is in no layer of scripts/check-layers.mjs`);
    for (const header of includesOf(file)) {
      if (/^(napi|node_api|js_native_api)\.h$|binding\//.test(header))
        report(file, `includes ${header}; cpp knows no Node`);
      if (!header.startsWith("wsss/")) continue;
      const target = header.split("/")[1] ?? "";
      if (target !== folder && coreLayerOf(target) > layer)
        report(file, `includes ${header} from a layer above its own`);
    }
  }
}

function libLayerOf(file) {
  const inLib = file.slice("lib/".length);
  const exact = libLayers.findIndex((layer) =>
    layer.some((entry) => entry === inLib || (entry.endsWith("/") && inLib.startsWith(entry))),
  );
  if (exact >= 0) return exact;
  if (!inLib.includes("/")) return libLayers.findIndex((layer) => layer.includes("*.ts"));
  return -1;
}

function coreLayerOf(folder) {
  return coreLayers.findIndex((layer) => layer.includes(folder));
}

/** Imports and re-exports of a TypeScript file. */
function importsOf(text) {
  const pattern = /^(?:import|export)\s+(type\s)?(?:[^"'`;]*?\bfrom\s+)?"([^"]+)";/gm;
  return [...text.matchAll(pattern)].map(([, type, specifier]) => ({ specifier, typeOnly: type !== undefined }));
}

function includesOf(file) {
  const text = readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].map(([, header]) => header);
}

/** Reports each cycle of run-time imports once. */
function reportCycles(imports) {
  const done = new Set();
  const trail = [];
  const visit = (file) => {
    const start = trail.indexOf(file);
    if (start >= 0) report(file, `import cycle: ${[...trail.slice(start), file].join(" -> ")}`);
    if (start >= 0 || done.has(file)) return;
    trail.push(file);
    for (const target of imports.get(file) ?? []) visit(target);
    trail.pop();
    done.add(file);
  };
  for (const file of imports.keys()) visit(file);
}

function sourcesOf(folder) {
  return filesOf(folder, [".h", ".hpp", ".cpp", ".cc"]);
}

function filesOf(folder, extensions) {
  return readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && extensions.includes(path.extname(entry.name)))
    .map((entry) => path.relative(root, path.join(entry.parentPath ?? entry.path, entry.name)));
}
