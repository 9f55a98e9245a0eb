/** The stages of a run, in their order. */
export const stageNames = [
  "dataset",
  "train-classifier",
  "pseudo-masks",
  "train-segmenter",
  "evaluate",
  "pictures",
] as const;

/** One of {@link stageNames}; `dataset` exists in the demo only, which makes its own. */
export type StageName = (typeof stageNames)[number];

/** What each stage does, for people. */
export const stageTitles: Readonly<Record<StageName, string>> = {
  dataset: "write the procedural dataset",
  "train-classifier": "train the classifier",
  "pseudo-masks": "draw pseudo masks",
  "train-segmenter": "train the segmenter",
  evaluate: "evaluate on the test patches",
  pictures: "draw pictures",
};
