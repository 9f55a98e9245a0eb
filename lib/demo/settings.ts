/** Settings of the demo and of the tiny demo: patch size, counts, and training options. */
import type { SplitName } from "../dataset/split-name.js";
import type { PlanOptions } from "../run/plan-options.js";

/** What a demo is made of: its patches and how networks are trained on them. */
export interface DemoSettings {
  /** Height and width of the patches, in pixels. */
  readonly patchPx: number;
  /** Patches of each split. */
  readonly counts: { readonly train: number; readonly val: number; readonly test: number };
  /** Options that differ from the library's defaults; what the command line says goes on top. */
  readonly plan: PlanOptions;
}

/**
 * The demo: all stages in two to six minutes on two cores.
 *
 * Both networks start from random weights, hence larger learning rates than the published ones, which start from ImageNet,
 * no PDA before the network has learned to tell the classes apart, and the level weights.
 */
export const demoSettings: DemoSettings = {
  // The smallest size at which a feature map of stride 8 (12 x 12) still shows the shape of a region.
  patchPx: 96,
  counts: { train: 480, val: 64, test: 128 },
  plan: {
    classifier: {
      // 1/8 of the paper's channels, at least 16: about a hundredth of its work.
      width: 0.125,
      training: {
        epochs: 16,
        // PDA rescales the features. A network from random weights that has not yet learned the classes by then falls back to
        // the plateau of its start; the published start in the 4th epoch is for ImageNet weights.
        pdaStartEpoch: 8,
        // Of 6 seeds 2 never told stroma from necrosis with batches of 16, half as many steps; none of 12 trainings with 8.
        batchSize: 8,
        learningRate: 0.05,
        headLearningRateFactor: 1,
        weightDecay: 5e-4,
        warmupEpochs: 1,
      },
    },
    segmenter: {
      width: 0.125,
      training: {
        epochs: 16,
        batchSize: 16,
        learningRate: 0.05,
        headLearningRateFactor: 1,
        weightDecay: 5e-4,
        warmupEpochs: 1,
        schedule: "cosine",
        emaDecay: 0.97,
        verticalFlip: 0.5,
        // Blur hides what tells these fine textures apart.
        blur: 0,
        // The paper gives 0.6 to bn7. From random weights the shallow maps are the better ones (the table shows it), so b4_5 leads.
        levelWeights: [0.2, 0.2, 0.6],
      },
    },
    pictures: { count: 8 },
  },
};

/** What a demo on slides is made of. */
export interface SlideDemoPlan extends Omit<DemoSettings, "counts"> {
  /** Size of the slides, in px of 1 um. */
  readonly width: number;
  /** In px of 1 um. */
  readonly height: number;
  /** Slides of each split. */
  readonly slides: Readonly<Record<SplitName, number>>;
}

/** The demo on slides: the same networks and trainings, on patches that are cut out of slides. */
export const slideDemoPlan: SlideDemoPlan = {
  patchPx: demoSettings.patchPx,
  // Three of them hold about as many train patches as the demo has.
  ...{ width: 2304, height: 1824, slides: { train: 3, val: 1, test: 1 } },
  plan: demoSettings.plan,
};

/** The demo in a few seconds, to try the installation and to test the program; it learns next to nothing. */
export const tinyDemoSettings: DemoSettings = {
  patchPx: 48,
  counts: { train: 24, val: 8, test: 8 },
  plan: {
    classifier: { width: 0.0625, training: { epochs: 1, batchSize: 8, learningRate: 0.02, headLearningRateFactor: 1 } },
    segmenter: { width: 0.0625, training: { epochs: 1, batchSize: 8, learningRate: 0.02, headLearningRateFactor: 1 } },
    pictures: { count: 2 },
  },
};

/** The demo on slides in a few seconds; it learns next to nothing. */
export const tinySlideDemoPlan: SlideDemoPlan = {
  patchPx: tinyDemoSettings.patchPx,
  ...{ width: 640, height: 480, slides: { train: 1, val: 1, test: 1 } },
  plan: tinyDemoSettings.plan,
};
