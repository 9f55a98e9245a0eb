import { oneOf, decimal, decimals, integer, wordOr, yesNoAuto } from "./values.js";

/** One option of a training on the command line, in timm's words where timm has one, and the API's option it stands for. */
export interface TrainingFlag {
  /** Long name without dashes, for example `batch-size`. */
  readonly name: string;
  /** One letter, in the commands that train one stage. */
  readonly short?: string;
  /** Placeholder of the value; absent for a switch, which also exists as `--no-<name>`. */
  readonly value?: string;
  /** The option of `Classifier.train` or `Segmenter.train`. */
  readonly option: string;
  readonly help: string;
  readonly parse?: (text: string) => unknown;
}

const recipes = oneOf("default", "published");

/** Options that both trainings have. */
export const sharedTrainingFlags: readonly TrainingFlag[] = [
  {
    name: "recipe",
    value: "name",
    option: "recipe",
    parse: recipes,
    help: "base values: default, or published (the published code with its oddities)",
  },
  { name: "epochs", value: "n", option: "epochs", parse: integer, help: "passes over the train patches" },
  {
    name: "batch-size",
    short: "b",
    value: "n",
    option: "batchSize",
    parse: wordOr("auto", integer),
    help: "patches in a step, or auto: 20, or as many as have room",
  },
  { name: "grad-checkpointing", option: "gradientCheckpointing", help: "less memory for more time" },
  { name: "lr", value: "x", option: "learningRate", parse: decimal, help: "learning rate of the backbone" },
  {
    name: "head-lr-factor",
    value: "x",
    option: "headLearningRateFactor",
    parse: decimal,
    help: "factor on it for the new layers",
  },
  { name: "momentum", value: "x", option: "momentum", parse: decimal, help: "momentum of SGD" },
  { name: "nesterov", option: "nesterov", help: "Nesterov's variant of momentum" },
  { name: "weight-decay", value: "x", option: "weightDecay", parse: decimal, help: "L2 penalty" },
  {
    name: "sched",
    value: "name",
    option: "schedule",
    parse: oneOf("poly", "cosine", "step"),
    help: "learning rate over time: poly, cosine or step",
  },
  { name: "poly-power", value: "x", option: "power", parse: decimal, help: "exponent of the poly schedule" },
  {
    name: "decay-epochs",
    value: "n",
    option: "stepEpochs",
    parse: integer,
    help: "epochs between two drops of the step schedule",
  },
  {
    name: "warmup-epochs",
    value: "n",
    option: "warmupEpochs",
    parse: integer,
    help: "epochs in which the rate rises from 0",
  },
  {
    name: "clip-grad",
    value: "x",
    option: "gradientClipNorm",
    parse: decimal,
    help: "largest norm of the gradient, 0 = no clipping",
  },
  {
    name: "model-ema-decay",
    value: "x",
    option: "emaDecay",
    parse: decimal,
    help: "decay of the weight average that is kept, 0 = none",
  },
  { name: "hflip", value: "p", option: "horizontalFlip", parse: decimal, help: "probability of a left-right flip" },
  { name: "vflip", value: "p", option: "verticalFlip", parse: decimal, help: "probability of a top-bottom flip" },
  {
    name: "dropout-factor",
    value: "x",
    option: "dropoutFactor",
    parse: decimal,
    help: "factor on all dropout probabilities, 0 = off",
  },
  { name: "drop-last", option: "dropLastBatch", help: "leave out a last batch that is not full" },
  {
    name: "unfold-batch-norm",
    option: "unfoldBatchNorm",
    help: "give folded batch norms of a start from elsewhere their statistics back",
  },
  {
    name: "keep",
    value: "which",
    option: "keep",
    parse: oneOf("best", "last"),
    help: "weights to keep: best (on val) or last",
  },
  {
    name: "freeze-batch-norm",
    value: "how",
    option: "freezeBatchNorm",
    parse: yesNoAuto,
    help: "keep batch norms (of the segmenter: those of its backbone) as they are: yes, no or auto",
  },
];

/** Options of the classifier's training alone. */
export const classifierTrainingFlags: readonly TrainingFlag[] = [
  {
    name: "pda-start-epoch",
    value: "n",
    option: "pdaStartEpoch",
    parse: wordOr("never", integer),
    help: "progressive dropout attention from this epoch on (from 0), or never",
  },
  { name: "gamma-initial", value: "x", option: "gammaInitial", parse: decimal, help: "gamma of PDA at its start" },
  { name: "gamma-decay", value: "x", option: "gammaDecay", parse: decimal, help: "factor on gamma after each epoch" },
  { name: "gamma-floor", value: "x", option: "gammaFloor", parse: decimal, help: "gamma does not shrink below this" },
  {
    name: "gamma-from",
    value: "when",
    option: "gammaDecaysFrom",
    parse: oneOf("start", "pda"),
    help: "gamma shrinks from the start, or from pda's start",
  },
  {
    name: "pda-divisor",
    value: "x",
    option: "pdaDivisor",
    parse: wordOr("classes", decimal),
    help: "divisor of the summed class maps, or classes",
  },
  {
    name: "freeze-stem",
    value: "how",
    option: "freezeStem",
    parse: yesNoAuto,
    help: "keep the first layers as they are: yes, no or auto",
  },
];

/** Options of the segmenter's training alone. */
export const segmenterTrainingFlags: readonly TrainingFlag[] = [
  {
    name: "level-weights",
    value: "a,b,c",
    option: "levelWeights",
    parse: wordOr("auto", decimals),
    help: "weight of the loss on each level's masks, or auto",
  },
  {
    name: "background",
    value: "how",
    option: "background",
    parse: oneOf("ignore", "fifth-logit"),
    help: "background pixels: ignore, or fifth-logit (published)",
  },
  { name: "divide-by-batch", option: "divideByBatch", help: "divide the mean loss by the batch size (published)" },
  {
    name: "loss",
    value: "name",
    option: "loss",
    parse: oneOf("cross-entropy", "focal"),
    help: "cross-entropy or focal",
  },
  { name: "blur", value: "p", option: "blur", parse: decimal, help: "probability of a slight blur" },
];
