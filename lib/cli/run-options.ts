/** Groups of options that commands share (data, folder, device, networks, gate), and how they are read. */
import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import { presetNames } from "../dataset/presets.js";
import { classifierBackbones, segmenterBackbones } from "../model/backbones.js";
import { type Device, device as deviceRule } from "../options/device.js";
import type { RunCheckpoints, RunDevice } from "../run/context.js";
import type { PlanOptions } from "../run/plan-options.js";
import type { DataLocation } from "../run/data-location.js";
import { addDeclaredOptions, valuesOf } from "./add-declared-options.js";
import { evaluationFlags, gateFlags, pseudoMaskFlags, viewFlags } from "./declared-flags.js";
import { section } from "./section.js";
import { fraction, integer, oneOf, someText, weightsOrName } from "./values.js";

/** A path as an absolute one: a run folder stays valid from wherever it is used. */
function absolute(text: string): string {
  return resolve(someText(text));
}

function deviceName(text: string): Device {
  const checked = deviceRule.safeParse(text);
  if (!checked.success) throw new InvalidArgumentError("It must be auto, cpu, cuda or cuda:N.");
  return checked.data;
}

/** Where the patches are, and how many of them to use. */
export function addDataOptions(command: Command): Command {
  return command
    .optionsGroup("Data:")
    .option(
      "--data <folder>",
      "the dataset: `train/`, `val/`, `test/`, or a manifest (default: as for this run folder before)",
      absolute,
    )
    .option(
      "--preset <name>",
      `built-in description of a published dataset: ${presetNames.map((name) => `\`${name}\``).join(" or ")} (default: none)`,
      oneOf(...presetNames),
    )
    .option(
      "--description <file>",
      "JSON file that describes the dataset (default: `wsss-dataset.json` in its folder)",
      absolute,
    )
    .option(
      "--train-limit <n>",
      "use so many train patches, drawn once, the same for each seed (default: all)",
      integer,
    )
    .option("--val-limit <n>", "use so many val patches (default: all)", integer)
    .option("--test-limit <n>", "use so many test patches (default: all)", integer);
}

/** The run folder. */
export function addFolderOptions(command: Command, defaultOut?: string): Command {
  const what = "run folder: options, metrics, weights, masks, pictures";
  command.optionsGroup("Run folder:");
  if (defaultOut === undefined) command.requiredOption("--out <folder>", what, absolute);
  else command.option("--out <folder>", `${what} (default: \`${defaultOut}\`)`, absolute);
  return addForceOptions(command);
}

/** The folder of an ablation. */
export function addAblationOptions(command: Command): Command {
  command
    .optionsGroup("Ablation:")
    .requiredOption("--out <folder>", "folder of the ablation: the table, and one run folder for each cell", absolute);
  return addForceOptions(command, true);
}

function addForceOptions(command: Command, isAblation = false): Command {
  const done = isAblation ? "the table then begins anew" : "what they change is done again";
  const folder = isAblation ? "the folder and its cells" : "the folder";
  return command
    .option(
      "--force",
      `go on although options differ from the folder's; ${done} (default: refused, with the differences)`,
    )
    .option(
      "--force-unlock",
      `take ${folder} from a process of another machine or container that has ended (default: refused)`,
    );
}

/** How trainings are saved while they go, in timm's words. */
export function addCheckpointOptions(command: Command): Command {
  return command
    .optionsGroup("Checkpoints:")
    .option("--resume", "go on from the newest checkpoint of an interrupted training, or begin it again (default: on)")
    .option("--no-resume", "begin an interrupted training again")
    .option(
      "--recovery-interval <n>",
      "a checkpoint every n steps, beside the one of each epoch (default: none)",
      integer,
    )
    .option(
      "--checkpoint-hist <k>",
      "so many of the newest checkpoints are kept, beside `best` and `last` (default: `2`)",
      integer,
    );
}

/** What is written for other programs to follow. */
export function addBoardOption(command: Command): Command {
  return command
    .optionsGroup("For other programs:")
    .option("--tensorboard", "write event files for TensorBoard into `tensorboard/` of the run folder (default: off)");
}

/** What the command line says of checkpoints. */
export function checkpointsOf(given: Readonly<Record<string, unknown>>): Partial<RunCheckpoints> {
  const { resume, recoveryInterval, checkpointHist } = given;
  return section({ resume, checkpointSteps: recoveryInterval, checkpointKeep: checkpointHist }) ?? {};
}

/** Seed, device and threads. */
export function addDeviceOptions(command: Command): Command {
  command
    .optionsGroup("Seed and device:")
    .option(
      "--seed <n>",
      "seed of first weights, shuffle, augmentation and dropout, and of the demo's tissue (default: `0`)",
      integer,
    );
  return addPlaceOptions(command);
}

/** Device, threads, precision and TF32. */
export function addPlaceOptions(command: Command): Command {
  return command
    .option(
      "--device <name>",
      "`auto` (the first GPU if LibTorch can use one), `cpu`, `cuda` or `cuda:N` (default: `auto`)",
      deviceName,
    )
    .option(
      "--threads <n>",
      "threads of one operation on the CPU, 0 = one per core, within the CPU quota of a container (default: `0`)",
      integer,
    )
    .option(
      "--precision <name>",
      "multiply in `float32` (on a GPU in TF32) or `bfloat16`; `auto`: trainings in what is fastest, the rest in float32 (default: `auto`)",
      oneOf("auto", "float32", "bfloat16"),
    )
    .option(
      "--tf32",
      "on a GPU float32 convolutions multiply in TF32, of eleven significant bits; without, several times slower (default: on)",
    )
    .option("--no-tf32", "they multiply in float32, at several times the time");
}

/** How pseudo masks are drawn. */
export function addPseudoMaskOptions(command: Command): Command {
  return addDeclaredOptions(command, "Pseudo masks:", pseudoMaskFlags, ["classifier"]);
}

/** How the segmenter is evaluated. */
export function addGateOptions(command: Command): Command {
  command
    .optionsGroup("Class gate:")
    .option("--gate", "let the classifier say which classes a patch can have (default: on)")
    .option("--no-gate", "evaluate and draw without the gate");
  return addDeclaredOptions(command, "Class gate:", gateFlags, ["segmenter"]);
}

/** What the segmenter looks at, where nothing is scored. */
export function addViewOptions(command: Command): Command {
  return addDeclaredOptions(command, "Views:", viewFlags, ["segmenter"]);
}

/** How the segmenter is scored. */
export function addEvaluationOptions(command: Command): Command {
  return addDeclaredOptions(command, "Evaluation:", [...viewFlags, ...evaluationFlags], ["segmenter"]);
}

/** How many pictures. */
export function addPictureOptions(command: Command): Command {
  return command
    .optionsGroup("Pictures:")
    .option(
      "--pictures <n>",
      "most pictures of each split, evenly spaced over its patches; and of the best, median and worst test patches, of which there are two each at most (default: `8`)",
      integer,
    );
}

/** Backbones of a stage, and which one it has by default. */
const backboneChoices = {
  classifier: { names: classifierBackbones, base: "resnet38" },
  segmenter: { names: segmenterBackbones, base: "resnet101" },
} as const;

/** `--backbone` of a stage's own command, or `--classifier-backbone` of one that runs both. */
export function addBackboneOption(command: Command, stage: "classifier" | "segmenter", prefix = ""): Command {
  const { names, base } = backboneChoices[stage];
  const help = `network of the ${stage}: ${names.map((name) => `\`${name}\``).join(", ")} (default: \`${base}\`)`;
  return command.option(`--${prefix}backbone <name>`, help, oneOf(...names));
}

/** `--weights-key` of commands that read one weight file, or `--classifier-weights-key` of those that train both networks. */
export function addWeightsKey(command: Command, prefix = ""): Command {
  const what = "which of several state dicts in the weight file: its key, such as `model_ema` (default: the only one)";
  return command.option(`--${prefix}weights-key <key>`, what, someText);
}

/** How much of a weight file must fit, and whether ImageNet's normalisation is folded into a start from others' weights. */
export function addLoadingOptions(command: Command): Command {
  return command
    .option(
      "--partial-load",
      "take what fits of the weight file, leave the rest at random (default: off, all must fit)",
    )
    .option("--no-partial-load", "all of the weight file must fit")
    .option(
      "--fold-normalization",
      "make weights that were trained on normalised images read values in 0..1 (default: on, with recipe `published` off)",
    )
    .option("--no-fold-normalization", "take them as they are, as published");
}

/** The network's width and first weights. */
export function addNetworkOptions(command: Command, stage: "classifier" | "segmenter"): Command {
  addBackboneOption(command.optionsGroup("Network:"), stage);
  command
    .option("--width <x>", "channel multiplier, 1 = the paper's network; `0.125` or `1/8` (default: `1`)", fraction)
    .option(
      "--weights <file>",
      "what to start from: a file (.safetensors, .pth, .params), or `imagenet` (default: random weights)",
      weightsOrName,
    );
  return addLoadingOptions(addWeightsKey(command));
}

/** Output stride of the segmenter, width of its head, and how often it learns again. */
export function addSegmenterOptions(command: Command): Command {
  return command
    .optionsGroup("Segmenter:")
    .option(
      "--output-stride <n>",
      "`16`, or `8` for finer features at about three times the cost (default: `16`)",
      outputStride,
    )
    .option(
      "--head-width <x>",
      "channel multiplier of ASPP and decoder; narrower ones train faster (default: that of `--width`)",
      fraction,
    )
    .option(
      "--rounds <n>",
      "rounds of self-training: a segmenter draws the pseudo masks again, and the next learns from them; each costs a training more " +
        "(default: `0`, as published)",
      integer,
    );
}

/** What the segmenter of a whole run learns from. */
export function addMaskChoice(command: Command): Command {
  return command
    .optionsGroup("Segmenter:")
    .option(
      "--masks <which>",
      "what the segmenter learns from: `pseudo` masks, or `ground-truth` (full supervision; needs `train_mask/`) (default: `pseudo`)",
      oneOf("pseudo", "ground-truth"),
    );
}

function outputStride(text: string): 8 | 16 {
  const value = integer(text);
  if (value !== 8 && value !== 16) throw new InvalidArgumentError("It must be 8 or 16.");
  return value;
}

/** The options that were really given on the command line, not those with a default. */
export function givenOptions(command: Command): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) === "cli"),
  );
}

/** What of the plan does not belong to a training. Options are checked by the library, so that one place knows their bounds. */
export function planOf(given: Readonly<Record<string, unknown>>): PlanOptions {
  const { seed, trainLimit, valLimit, testLimit, recipe, gate, pictures } = given;
  return {
    seed,
    recipe,
    subset: section({ train: trainLimit, val: valLimit, test: testLimit }),
    pseudoMasks: section(valuesOf(given, pseudoMaskFlags)),
    evaluation: section({
      gate,
      ...valuesOf(given, gateFlags),
      ...valuesOf(given, viewFlags),
      ...valuesOf(given, evaluationFlags),
    }),
    pictures: section({ count: pictures }),
  } as PlanOptions;
}

/** Where the patches are, if the command line says so. */
export function dataOf(given: Readonly<Record<string, unknown>>): DataLocation | undefined {
  const { data, preset, description } = given;
  if (data === undefined) return undefined;
  return { folder: data, ...section({ preset, description }) } as DataLocation;
}

/** Device, threads, precision and TF32, as far as the command line names them. */
export function deviceOf(given: Readonly<Record<string, unknown>>): Partial<RunDevice> {
  const { device, threads, precision, tf32 } = given;
  return section({ device, threads, precision, tf32 }) ?? {};
}
