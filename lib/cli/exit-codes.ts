import { CommanderError } from "commander";

import { type ErrorCode, isWsssError } from "../errors.js";

/** Exit codes of `wsss-tissue`. */
export const exitCodes = {
  ok: 0,
  /** A defect of this program. */
  bug: 1,
  /** The command line, or a value in it, is wrong. */
  option: 2,
  /** A dataset, or a file or folder that is read or written. */
  data: 3,
  weights: 4,
  /** A device, memory, or LibTorch itself. */
  device: 5,
  /** By Ctrl-C (SIGINT). */
  cancelled: 130,
  /** By SIGTERM, as a scheduler sends it before it kills. */
  terminated: 143,
} as const;

/** One exit code for every error code, none left out. */
const byErrorCode: Readonly<Record<ErrorCode, number>> = {
  WSSS_ERR_OPTION: exitCodes.option,
  WSSS_ERR_SHAPE: exitCodes.data,
  WSSS_ERR_DATASET: exitCodes.data,
  WSSS_ERR_WEIGHTS: exitCodes.weights,
  // Unreadable, unwritable, disk full: the files are the matter, whichever end they are at.
  WSSS_ERR_IO: exitCodes.data,
  WSSS_ERR_DEVICE: exitCodes.device,
  WSSS_ERR_OUT_OF_MEMORY: exitCodes.device,
  WSSS_ERR_CANCELLED: exitCodes.cancelled,
  WSSS_ERR_DISPOSED: exitCodes.bug,
  WSSS_ERR_BUSY: exitCodes.bug,
  // A loss of NaN comes from the training options: a lower learning rate or a tighter --clip-grad repairs it.
  WSSS_ERR_DIVERGED: exitCodes.option,
  WSSS_ERR_INTERNAL: exitCodes.bug,
  WSSS_ERR_BINARY_NOT_FOUND: exitCodes.device,
};

/** The exit code that an error ends the program with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.option;
  if (!isWsssError(error)) return exitCodes.bug;
  const terminated = error.code === "WSSS_ERR_CANCELLED" && isReceived(error.cause, "SIGTERM");
  return terminated ? exitCodes.terminated : byErrorCode[error.code];
}

/** Whether a cause is the arrival of a signal (cancel.ts). */
function isReceived(cause: unknown, signal: string): boolean {
  return cause instanceof Error && "signal" in cause && cause.signal === signal;
}
