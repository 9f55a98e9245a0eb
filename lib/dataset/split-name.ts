/** The parts of a dataset. */
export const splitNames = ["train", "val", "test"] as const;

/** One of the parts of a dataset. */
export type SplitName = (typeof splitNames)[number];
