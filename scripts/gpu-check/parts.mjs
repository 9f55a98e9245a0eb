/**
 * The parts of gpu-check, in the order of what matters. Each has the seconds that it needs at least, the share of the whole time that it may
 * take at most (together more than 1, since most parts need less), the command that runs it, and how its output is read.
 */
import path from "node:path";
import { root } from "./build.mjs";
import { hasProgram } from "./machine.mjs";
import {
  readHeldMemory,
  readJest,
  readNothing,
  readPreflight,
  readSanitizer,
  readSpeed,
  readTissueTraining,
} from "./outcomes.mjs";

const script = (name) => path.join(root, "scripts", "gpu-check", name);

/** How jest is called for one suite and, with a pattern, for the tests whose full names fit it. */
function jestWords(suite, pattern) {
  const jest = path.join(root, "node_modules", "jest", "bin", "jest.js");
  const reporters = ["--reporters=default", `--reporters=${script("jest-progress.mjs")}`];
  const wanted = pattern === undefined ? [] : ["--testNamePattern", pattern];
  return ["--experimental-vm-modules", jest, ...suite, ...reporters, ...wanted];
}

const recording = ["test/gpu/recording.test.ts"];
const kernels = ["test/gpu/kernels.test.ts"];

/** Patterns of the tests of test/gpu/recording.test.ts: each of its tests fits exactly one. */
export const recordingPatterns = {
  oracle: "^with a learning rate of 0",
  state: "^after 12 steps",
  poison: "^memory that is not a recording's own",
  rest: "^(two models at once|a training that stops|a recording|on a second GPU)",
};

/**
 * @param {string} python - with PyTorch.
 * @returns parts for run-parts.mjs; `command` is a program and its words, `environment` goes on top of the common one, and
 *   `whySkipped` says what is missing for it on this machine.
 */
export function makeParts(python) {
  const node = process.execPath;
  const onNode = (...words) => [node, ...words];
  const bench = (...words) =>
    onNode("bench/speed.mjs", "--device", "cuda", "--python", python, "--rounds", "2", "--each", "--json", ...words);
  return [
    {
      id: "build",
      title: "build of addon, CUDA plugin and test addon",
      minSeconds: 5,
      share: 0.7,
      isEssential: true,
      command: onNode(script("build.mjs")),
      read: readNothing,
    },
    {
      id: "preflight",
      title: "our kernels, a tiny recording, a tiny training that replays",
      minSeconds: 10,
      share: 0.12,
      isEssential: true,
      command: onNode(script("preflight.mjs")),
      read: readPreflight,
    },
    {
      id: "oracle",
      title: "equal losses with a learning rate of 0: recorded, launched, on the CPU",
      minSeconds: 15,
      share: 0.25,
      command: onNode(...jestWords(recording, recordingPatterns.oracle)),
      read: readJest,
    },
    {
      id: "state",
      title: "weights, statistics, momenta and averages after 12 steps",
      minSeconds: 15,
      share: 0.15,
      command: onNode(...jestWords(recording, recordingPatterns.state)),
      read: readJest,
    },
    {
      id: "poison",
      title: "NaN in the memory that is not a recording's own",
      minSeconds: 10,
      share: 0.1,
      command: onNode(...jestWords(recording, recordingPatterns.poison)),
      read: readJest,
    },
    {
      id: "suites",
      title: "kernels against LibTorch's operations; the method on the GPU against the CPU",
      minSeconds: 15,
      share: 0.15,
      command: onNode(...jestWords([...kernels, "test/gpu/cuda.test.ts"])),
      read: readJest,
    },
    {
      id: "tissue",
      title: "a segmenter with dropout: scores when recorded, launched, on the CPU",
      minSeconds: 20,
      share: 0.2,
      command: onNode(script("tissue-training.mjs")),
      read: readTissueTraining,
    },
    {
      id: "rest",
      title: "two models at once, abort, resume, a recording that breaks",
      minSeconds: 15,
      share: 0.15,
      command: onNode(...jestWords(recording, recordingPatterns.rest)),
      read: readJest,
    },
    {
      id: "memory",
      title: "out of memory while another process holds 90 % of what is free",
      minSeconds: 20,
      share: 0.2,
      command: onNode(
        ...[script("beside-held-memory.mjs"), python, "0.9"],
        ...onNode(...jestWords(["test/gpu/memory.test.ts"])),
      ),
      read: readHeldMemory,
    },
    {
      id: "group",
      title: "two processes on one GPU that train together, by Gloo",
      minSeconds: 20,
      share: 0.1,
      command: onNode(...jestWords(["test/gpu/process-group.test.ts"])),
      read: readJest,
    },
    {
      id: "speed",
      title: "speed beside PyTorch, plain and tuned",
      minSeconds: 30,
      share: 0.3,
      command: bench("--variants", "plain,channels-last,channels-last+bf16,channels-last+fast,channels-last+bf16+fast"),
      read: readSpeed,
    },
    {
      id: "speed-compiled",
      title: "speed of both training steps beside torch.compile",
      minSeconds: 40,
      share: 0.3,
      command: bench(
        ...["--only", "classifier-step,segmenter-step,classifier-inference-16,segmenter-inference-16"],
        ...["--variants", "channels-last+bf16+compile"],
      ),
      read: readSpeed,
    },
    {
      id: "sanitizer",
      title: "kernels under compute-sanitizer (memcheck)",
      minSeconds: 30,
      share: 0.5,
      command: [
        ...["compute-sanitizer", "--tool", "memcheck", "--error-exitcode", "9"],
        ...onNode(...jestWords(kernels)),
      ],
      // Otherwise LibTorch hands out pieces of large blocks, and what lies beyond a piece is still inside its block.
      environment: { PYTORCH_NO_CUDA_MEMORY_CACHING: "1" },
      whySkipped: () => (hasProgram("compute-sanitizer") ? null : "there is no compute-sanitizer here"),
      read: readSanitizer,
    },
  ];
}
