/** How large the pixels of a slide are: what its file says, whether that is to be believed, and what a user says. */
import { WsssError } from "../errors.js";

/** Micrometres a pixel. */
export interface MicronsPerPixel {
  /** Across. */
  readonly x: number;
  /** Down. */
  readonly y: number;
}

/**
 * Who says how large pixels are: the scanner's own entry, OME-XML, the dots per inch of a TIFF file, or whoever opened the
 * slide.
 */
export type MppSource = "slide" | "ome" | "resolution" | "given";

/** How large the pixels of a slide are. */
export interface SlideScale {
  /** Null if nobody says it believably. */
  readonly mpp: MicronsPerPixel | null;
  readonly source: MppSource | null;
  /** Why there is none, to be read behind the slide's name; null if there is one. */
  readonly problem: string | null;
}

/** Pixels of microscopes' slides lie between these; what else a file says is nonsense, such as 352.8 for 72 dots per inch. */
export const believableMpp = { least: 0.05, most: 20 } as const;
/** Whether pixels of slides can be so large, in um. */
export function isBelievableMpp(value: number): boolean {
  return value >= believableMpp.least && value <= believableMpp.most;
}

/** Pixels of scanners are square; metadata that differ by more are wrong in one of the two. */
const squareWithin = 0.01;

/**
 * Judges what a file says of its scale.
 * @param given - what the user says in any case, which is believed.
 * @param fallback - what the user says for slides that do not say it believably.
 */
export function judgeScale(
  stated: { readonly x: number; readonly y: number; readonly source: Exclude<MppSource, "given"> } | null,
  given: number | undefined,
  fallback: number | undefined,
): SlideScale {
  if (given !== undefined) return { mpp: { x: given, y: given }, source: "given", problem: null };
  const own = judgeStated(stated);
  if (own.mpp !== null || fallback === undefined) return own;
  return { mpp: { x: fallback, y: fallback }, source: "given", problem: null };
}

function judgeStated(
  stated: { readonly x: number; readonly y: number; readonly source: Exclude<MppSource, "given"> } | null,
): SlideScale {
  if (stated === null) return { mpp: null, source: null, problem: "does not say how large its pixels are" };
  const { x, y, source } = stated;
  const { least, most } = believableMpp;
  if (!isBelievableMpp(x) || !isBelievableMpp(y)) {
    const said = `says that its pixels are ${rounded(x)} x ${rounded(y)} um large${source === "resolution" ? " (by its dots per inch)" : ""}`;
    return { mpp: null, source: null, problem: `${said}, which can't be: slides have ${least} to ${most}` };
  }
  if (Math.abs(x / y - 1) > squareWithin) {
    const problem = `says that its pixels are ${rounded(x)} um wide and ${rounded(y)} um high, and they should be square`;
    return { mpp: null, source: null, problem };
  }
  return { mpp: { x, y }, source, problem: null };
}

/** The error of work that needs to know how large pixels are. */
export function scaleMissing(path: string, problem: string): WsssError {
  const advice =
    "say it as micronsPerPixel when the slide is opened (on the command line --slide-mpp; in a table of slides or a manifest, a column mpp)";
  return new WsssError("WSSS_ERR_DATASET", `slide ${path} ${problem}; ${advice}`, { path, failure: "mpp", problem });
}

function rounded(value: number): string {
  return String(Number(value.toPrecision(4)));
}
