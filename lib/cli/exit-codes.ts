/** The exit code for each error code, for wrong command lines, and for signals. */
import { CommanderError } from "commander";
import { type ErrorCode, isWsssError } from "../errors.js";
import { exitCodeOfSignal, stopSignals } from "./signals.js";

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
  /** A device, memory, LibTorch itself, or another process of a group. */
  device: 5,
  /** By a signal it is 128 and its number; this is SIGINT's, and of work that was stopped by no signal. */
  cancelled: exitCodeOfSignal("SIGINT"),
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
  WSSS_ERR_PROCESS_GROUP: exitCodes.device,
};

/** The exit code that an error ends the program with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.option;
  if (!isWsssError(error)) return exitCodes.bug;
  if (error.code === "WSSS_ERR_CANCELLED") return exitCodeOfCause(error.cause);
  // Another process works in the folder: a matter of files. An object that is busy is a defect.
  if (error.code === "WSSS_ERR_BUSY" && "path" in error.details) return exitCodes.data;
  return byErrorCode[error.code];
}

/** The exit code of work that was cancelled, by the signal that stands (cancel.ts) somewhere among the causes. */
function exitCodeOfCause(cause: unknown): number {
  if (!(cause instanceof Error)) return exitCodes.cancelled;
  const received = stopSignals.find((signal) => "signal" in cause && cause.signal === signal);
  return received === undefined ? exitCodeOfCause(cause.cause) : exitCodeOfSignal(received);
}
