/** Choices of networks that stand for a kind of machine: one word in place of six options. */
import type { PlanOptions } from "./plan-options.js";

/** The networks of the paper, for a GPU; or small ones from ImageNet weights, for a machine without. */
export const networkPresets = ["paper", "laptop"] as const;

/** A name of {@link networkPresets}. */
export type NetworkPreset = (typeof networkPresets)[number];

const small = { backbone: "efficientnet-lite0", weights: "imagenet", training: { epochs: 8 } } as const;

/** What each stands for: options under those that are given. A head of the paper's width would do most of the work on a small network. */
export const presetPlans: Readonly<Record<NetworkPreset, PlanOptions>> = {
  paper: {},
  laptop: { classifier: small, segmenter: { ...small, headWidth: 0.25 } },
};
