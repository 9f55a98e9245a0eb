/** The parts of a dataset: `train` is learned from, `val` chooses, `test` judges. */
export const splitNames = ["train", "val", "test"] as const;

/** One of the parts of a dataset. */
export type SplitName = (typeof splitNames)[number];
