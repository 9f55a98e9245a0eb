/**
 * The weight readers on mutated files, under AddressSanitizer and UndefinedBehaviorSanitizer.
 *
 *   npm run test:fuzz                                        a short run with gcc and a driver of our own
 *   WSSS_FUZZ_RUNS=5000000 WSSS_FUZZ_CXX=clang++ npm run test:fuzz    libFuzzer, five million inputs for each reader
 */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { setupLibTorch } from "../../dist/libtorch/libtorch.js";
import { object, ofType, optimizerState, unreadTensors } from "../support/checkpoints.js";
import {
  bytes,
  call,
  dictionary,
  global,
  integer,
  mxnetList,
  safetensorsFile,
  tensor,
  text,
  torchLegacy,
  torchTar,
  torchZip,
  tuple,
  zip,
} from "../support/pickles.js";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../../", import.meta.url));
const compiler = process.env["WSSS_FUZZ_CXX"] ?? "g++";
const usesLibFuzzer = compiler.includes("clang");
const build = path.join(root, "build", usesLibFuzzer ? "fuzz-clang" : "fuzz");
const runs = process.env["WSSS_FUZZ_RUNS"] ?? "60000";
const hours = 3_600_000;

const state = dictionary(
  text("module.conv1.weight"),
  tensor({ shape: [2, 2], strides: [2, 1] }),
  text("module.bn1.bias"),
  call(global("torch._utils", "_rebuild_parameter"), tensor({ offset: 2, shape: [2] }), bytes(0x88), bytes("N")),
);
const checkpoint = dictionary(text("epoch"), integer(7), text("state_dict"), state);
/** Several state dicts in a list, objects of foreign classes, an optimiser, tensors of kinds that are not read. */
const crowd = bytes(
  "](",
  dictionary(
    ...[text("model"), dictionary(text("ema"), state, text("_orig_mod.x"), tensor(), text("n_averaged"), tensor())],
    ...[text("optimizer"), optimizerState(tensor())],
    ...[text("args"), object("argparse", "Namespace", text("lr"), integer(1))],
    ...[text("set"), bytes(0x8f, "(", integer(1), 0x90)],
  ),
  dictionary(...unreadTensors.flatMap(([kind, pickled]) => [text(kind), pickled])),
  ofType(global("torch._utils", "_rebuild_tensor"), global("a", "B"), tuple(tensor())),
  "e",
);
const values = [1, -2, 3.5, 0];

/** Small whole files of each container. */
const corpora: Readonly<Record<string, readonly Buffer[]>> = {
  zip: [
    torchZip(state),
    torchZip(checkpoint),
    torchZip(crowd),
    torchZip(dictionary(text("a"), tensor({ storage: "HalfStorage", count: 8, shape: [8] }))),
  ],
  legacy: [torchLegacy(state), torchLegacy(checkpoint), torchLegacy(crowd)],
  tar: [torchTar(values)],
  mxnet: [mxnetList("arg:conv1a_weight", values), mxnetList("aux:bn7_moving_mean", [])],
  safetensors: [safetensorsFile("conv1.weight", values), safetensorsFile("x", [])],
  any: [
    torchZip(crowd),
    zip([{ name: "w/mobilenet.pth", data: Buffer.from("x") }]),
    safetensorsFile("model.ema.conv1.weight", values),
    Buffer.from("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 14\n"),
    Buffer.from("\ufeff <!DOCTYPE html><title>x</title>"),
    Buffer.from('{"metadata":{},"weight_map":{"a":"m-1-of-2.safetensors","b":"m-2-of-2.safetensors"}}'),
  ],
};

let environment: NodeJS.ProcessEnv;

beforeAll(async () => {
  const libtorch = await setupLibTorch({ needHeaders: true });
  const options = ["-DWSSS_BUILD_FUZZER=ON", `-DWSSS_LIBTORCH=${libtorch.folder}`, `-DCMAKE_CXX_COMPILER=${compiler}`];
  await run("cmake", ["-S", root, "-B", build, "-DCMAKE_BUILD_TYPE=None", ...options], { maxBuffer: 1e8 });
  await run("cmake", ["--build", build, "--parallel", "2"], { maxBuffer: 1e8 });
  environment = {
    ...process.env,
    LD_LIBRARY_PATH: path.join(libtorch.folder, "lib"),
    // Memory beyond this is a finding: inputs are of a few KB, LibTorch itself takes about 300 MB.
    ASAN_OPTIONS: "hard_rss_limit_mb=1500:detect_leaks=1:detect_odr_violation=0",
    LSAN_OPTIONS: `suppressions=${path.join(root, "test", "fuzz", "leaks.txt")}:print_suppressions=0`,
    UBSAN_OPTIONS: "print_stacktrace=1",
  };
}, hours);

describe("readers of weight files survive", () => {
  test.each(Object.entries(corpora))(
    `${runs} mutated %s files`,
    async (reader, files) => {
      const corpus = path.join(build, "corpus", reader);
      await rm(corpus, { recursive: true, force: true });
      await mkdir(corpus, { recursive: true });
      for (const [i, file] of files.entries()) await writeFile(path.join(corpus, `${reader}-${i}`), file);
      const words = usesLibFuzzer
        ? [
            `-runs=${runs}`,
            "-seed=1",
            "-timeout=10",
            "-max_len=8192",
            `-artifact_prefix=${build}/crash-${reader}-`,
            corpus,
          ]
        : [corpus, runs, "1"];
      const options = { env: { ...environment, WSSS_FUZZ_READER: reader }, maxBuffer: 1e9, timeout: 10 * hours };
      const { stdout, stderr } = await run(path.join(build, "wsss_fuzz"), words, options);
      expect(usesLibFuzzer ? stderr : stdout).toContain(usesLibFuzzer ? `Done ${runs} runs` : `${runs} inputs`);
    },
    10 * hours,
  );
});
