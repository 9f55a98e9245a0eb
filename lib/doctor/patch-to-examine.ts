/** A patch as the doctor has listed it: its split, its files, and the label in its name. */
import type { PatchPlace } from "../dataset/patch-file.js";
import type { SplitName } from "../dataset/split-name.js";

/** One patch to examine. */
export interface PatchToExamine {
  readonly split: SplitName;
  readonly stem: string;
  /** The picture, or the slide that it is a part of. */
  readonly imagePath: string;
  /** Where on the slide; absent for a picture. */
  readonly place?: PatchPlace | undefined;
  readonly maskPath?: string | undefined;
  /** Whom it is of, where a manifest says it. */
  readonly patient?: string | undefined;
  /** The label in its name, where there is a valid one. */
  readonly nameLabel?: readonly number[] | undefined;
}

/** A patch as a finding names it: its file, or its slide with the place. */
export function nameOfPatch({ imagePath, place }: Pick<PatchToExamine, "imagePath" | "place">): string {
  return place === undefined ? imagePath : `${imagePath} at (${place.x}, ${place.y})`;
}
