/** One patch of a split: where its files are and what is known about it. */
import path from "node:path";

/** A patch as a part of a slide. */
export interface PatchPlace {
  /** Left edge, in pixels of the slide's finest level. */
  readonly x: number;
  /** Upper edge, likewise. */
  readonly y: number;
  /** Side, in pixels of the patch. */
  readonly patchPx: number;
  /** Micrometres that a pixel of the patch is wide and high. */
  readonly micronsPerPixel: number;
  /** Micrometres a pixel of the slide's finest level, where its own file does not say it. */
  readonly slideMpp?: number;
}

/** One patch of a split. */
export interface PatchFile {
  /** File name without its ending, the label included; pseudo masks are written as `<stem>.png`. */
  readonly stem: string;
  /** The patch: a PNG, JPEG, TIFF or WebP file; or, with {@link place}, the slide that it is a part of. */
  readonly imagePath: string;
  /** Where on the slide it is; absent where it is a file of its own. */
  readonly place?: PatchPlace;
  /** True mask, where there is one. */
  readonly maskPath?: string;
  /** Patch-level label, 0 or 1 for each class; absent where it is read from the true mask when the split is loaded. */
  readonly labels?: readonly number[];
  /** Whom the patch is of, where a manifest says it. */
  readonly patient?: string;
}

/** The name of a patch that is a part of a slide: its mask and its picture are called after it. */
export function stemOnSlide(slide: string, { x, y }: Pick<PatchPlace, "x" | "y">): string {
  return `${path.parse(slide).name}_x${x}_y${y}`;
}
