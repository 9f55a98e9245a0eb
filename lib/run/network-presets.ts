/** Choices of networks that stand for a kind of machine: one word in place of six options. */
import type { PlanOptions } from "./plan-options.js";

/** The networks of the paper, for a GPU; or small ones from ImageNet weights, for a machine without. */
export const networkPresets = ["paper", "laptop"] as const;

/** A name of {@link networkPresets}. */
export type NetworkPreset = (typeof networkPresets)[number];

const small = { backbone: "efficientnet-lite0", weights: "imagenet", training: { epochs: 8 } } as const;

/** What each stands for. A head of the paper's width would do most of the work on a small network. */
const presets: Readonly<Record<NetworkPreset, Pick<PlanOptions, "classifier" | "segmenter">>> = {
  paper: {},
  laptop: { classifier: small, segmenter: { ...small, headWidth: 0.25 } },
};

/** A plan on top of a preset: what is given stands before what the preset says. */
export function onPreset(preset: NetworkPreset, plan: PlanOptions): PlanOptions {
  const { classifier, segmenter } = presets[preset];
  return {
    ...plan,
    classifier: withTraining(classifier, plan.classifier),
    segmenter: withTraining(segmenter, plan.segmenter),
  };
}

function withTraining<Section extends { readonly training?: unknown }>(
  base: Section | undefined,
  given: Section | undefined,
): Section | undefined {
  if (base === undefined) return given;
  const defined = Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined));
  return { ...base, ...defined, training: { ...(base.training ?? {}), ...(given?.training ?? {}) } };
}
