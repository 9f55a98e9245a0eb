/** A patch as the doctor has listed it: its split, its files, and the label in its name. */
import type { SplitName } from "../dataset/split-name.js";

/** One patch to examine. */
export interface PatchToExamine {
  readonly split: SplitName;
  readonly stem: string;
  readonly imagePath: string;
  readonly maskPath?: string | undefined;
  /** The label in its name, where there is a valid one. */
  readonly nameLabel?: readonly number[] | undefined;
}
