/**
 * Runs clang-format or clang-tidy, of pinned versions, on the C++ sources. They come as Python wheels into the cache
 * folder and are used by nothing but the linters.
 *
 *   node scripts/clang-tools.mjs format [--write]
 *   node scripts/clang-tools.mjs tidy
 *
 * clang-tidy sees only files that include no LibTorch header, not even through others: one that does takes it 20 s.
 * Needs dist/ (for the cache folder) and node_modules.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../dist/libtorch/libtorch.js";

const version = "22.1.8";
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "..");
const tools = path.join(cacheFolder(), `clang-tools-${version}`);
const [command, ...flags] = process.argv.slice(2);

if (!existsSync(tools)) install();
if (command === "format") process.exitCode = format();
else if (command === "tidy") process.exitCode = tidy();
else fail(`unknown command ${command}; format and tidy are there`);

function format() {
  const parameters = flags.includes("--write") ? ["-i"] : ["--dry-run", "-Werror"];
  return start("clang_format", "clang-format", [...parameters, ...sources()]);
}

function tidy() {
  const seen = sources().filter((file) => file.endsWith(".cpp") && !reachesTorch(file));
  if (seen.length === 0) return 0;
  const headers = (name) => path.join(root, "node_modules", name);
  const system = [headers("node-addon-api"), path.join(headers("node-api-headers"), "include")];
  // The standard library of gcc 12 calls what clang finds deprecated.
  const compiler = [
    "-std=c++20",
    "-Icpp",
    "-Wno-deprecated-declarations",
    "-DNAPI_VERSION=8",
    "-DNODE_ADDON_API_CPP_EXCEPTIONS_ALL",
  ];
  compiler.push(...system.flatMap((folder) => ["-isystem", folder]));
  return start("clang_tidy", "clang-tidy", ["--quiet", "--warnings-as-errors=*", ...seen, "--", ...compiler]);
}

/** Whether a source file includes a header of LibTorch, itself or through headers of ours. */
function reachesTorch(file, visited = new Set()) {
  if (visited.has(file)) return false;
  visited.add(file);
  const text = readFileSync(path.join(root, file), "utf8");
  return [...text.matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].some(([, header]) => {
    if (/^(torch|ATen|c10)\//.test(header)) return true;
    const own = [path.join("cpp", header), path.join(path.dirname(file), header)];
    return own.some((candidate) => existsSync(path.join(root, candidate)) && reachesTorch(candidate, visited));
  });
}

function sources() {
  return ["cpp", "binding", "test/addon"]
    .filter((folder) => existsSync(path.join(root, folder)))
    .flatMap((folder) =>
      readdirSync(path.join(root, folder), { recursive: true }).map((name) => path.join(folder, name)),
    )
    .filter((file) => /\.(cpp|h)$/.test(file))
    .sort();
}

function install() {
  console.error(`clang-tools: installing clang-format and clang-tidy ${version} in ${tools} (150 MB)`);
  mkdirSync(path.dirname(tools), { recursive: true });
  const scratch = mkdtempSync(`${tools}-`);
  const wheels = ["clang-format", "clang-tidy"].map((name) => `${name}==${version}`);
  const parameters = ["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:", "--target", scratch];
  const { status } = spawnSync(process.env.PYTHON || "python3", [...parameters, ...wheels], {
    stdio: ["ignore", 2, 2],
  });
  if (status === 0 && !existsSync(tools)) renameSync(scratch, tools);
  rmSync(scratch, { recursive: true, force: true });
  if (status !== 0) fail("pip could not install them, see above");
}

function start(wheel, name, parameters) {
  const program = path.join(tools, wheel, "data", "bin", name);
  const { status, error } = spawnSync(program, parameters, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (error !== undefined) fail(`${name} could not be started: ${error.message}`);
  return status ?? 1;
}

function fail(message) {
  console.error(`clang-tools: ${message}`);
  process.exit(1);
}
