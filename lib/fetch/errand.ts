/** What is being fetched and how to repair a failure, in words for errors; and whether fetching is allowed. */
import type { ErrorCode } from "../errors.js";

/** What is fetched, for the words of its errors. */
export interface Errand {
  /** Whose lack it is. */
  readonly code: ErrorCode;
  /** For people: `"LibTorch"`. */
  readonly subject: string;
  /** The command that tries it again. */
  readonly again: string;
  /** What would do instead; continues "or". */
  readonly otherwise: string;
  /** What always remains, without Python and without a network; continues a sentence. */
  readonly byHand: string;
}

/** Whether `WSSS_OFFLINE` forbids fetching: set, and neither empty nor `0`. */
export function isOffline(environment: NodeJS.ProcessEnv = process.env): boolean {
  const value = environment["WSSS_OFFLINE"] ?? "";
  return value !== "" && value !== "0";
}
