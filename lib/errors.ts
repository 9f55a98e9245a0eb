/** The error class of the library, all its codes, and the test for them. */
import { basename } from "node:path";
import { printable, printableLines } from "./text/printable.js";

/** Every code that a {@link WsssError} can carry. Programs branch on these; people read the message. */
export const errorCodes = [
  /** An option or argument has the wrong type, is out of its bounds, or is unknown. */
  "WSSS_ERR_OPTION",
  /** A tensor, patch or mask has the wrong shape for the work asked of it. */
  "WSSS_ERR_SHAPE",
  /** A dataset, a patch or a label in it is missing, broken or contradictory. */
  "WSSS_ERR_DATASET",
  /** A weight file is missing tensors, has other shapes, or is not a weight file. */
  "WSSS_ERR_WEIGHTS",
  /** The operating system refused to read or write a file. */
  "WSSS_ERR_IO",
  /** The device asked for is not there or failed. */
  "WSSS_ERR_DEVICE",
  /**
   * Host or device memory ran out. Where a batch had no room, `details.batchSize` is its number of patches and
   * `details.fits` how many would have had some, 0 if none.
   */
  "WSSS_ERR_OUT_OF_MEMORY",
  /** The work was stopped by its `AbortSignal`, or because its consumer left the loop. */
  "WSSS_ERR_CANCELLED",
  /** The object was disposed before the call. */
  "WSSS_ERR_DISPOSED",
  /** The object is at work, one job at a time; or another process works in the run folder, or perhaps does. */
  "WSSS_ERR_BUSY",
  /** The loss became NaN or infinite; the run was stopped before it could spoil the weights that are saved. */
  "WSSS_ERR_DIVERGED",
  /** Processes that train together did not find each other, or one was lost: `details.lost` or `details.missing` name its rank. */
  "WSSS_ERR_PROCESS_GROUP",
  /** A defect of this library. Please report it. */
  "WSSS_ERR_INTERNAL",
  /** The addon or LibTorch could not be found, or is of another version. */
  "WSSS_ERR_BINARY_NOT_FOUND",
] as const;

/** One of the codes of {@link errorCodes}. */
export type ErrorCode = (typeof errorCodes)[number];

/** Facts about an error that a program can use without parsing the message: option names, bounds, paths, counts. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/**
 * The one error class of this library. Match on `code`, not on `instanceof`: two copies of the package in one process
 * have two classes, but the same codes.
 *
 * @example
 * ```ts
 * try {
 *   await classifier.save("/read-only/stage1.safetensors");
 * } catch (error) {
 *   if (isWsssError(error, "WSSS_ERR_IO")) console.error(error.message, error.details);
 *   else throw error;
 * }
 * ```
 */
export class WsssError extends Error {
  /** Always the same, and the start of a stack trace. */
  override readonly name = "WsssError";
  /** What kind of failure it is, for programs. */
  readonly code: ErrorCode;
  /** Facts that go with the code; which ones, the message says in words. */
  readonly details: ErrorDetails;

  /**
   * Made by this library only; a program has no reason to.
   * @param code - what kind of failure it is.
   * @param message - what is wrong, where, what would be right and what to do.
   * @param details - the facts of the message.
   * @param options - the error that led to this one, as `cause`.
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(withNamesEscaped(message, details), options);
    this.code = code;
    this.details = details;
  }
}

/** A {@link WsssError} whose code is known, as {@link isWsssError} finds it. */
export interface CodedError<Code extends ErrorCode> extends WsssError {
  /** The code that was asked for. */
  readonly code: Code;
}

/**
 * Whether a value is an error of this library, of the given code if one is given.
 * @param error - what was caught; anything.
 * @param code - the only code that counts; left out, any of {@link errorCodes} does.
 */
export function isWsssError<Code extends ErrorCode = ErrorCode>(
  error: unknown,
  code?: Code,
): error is CodedError<Code> {
  if (typeof error !== "object" || error === null || !("code" in error)) return false;
  const found = error.code;
  return code === undefined ? (errorCodes as readonly unknown[]).includes(found) : found === code;
}

/** Entries of `details` that hold names of files and folders. */
const nameEntries = ["path", "paths", "file", "files", "folder", "found"];

/**
 * A message in which a line break or a tab of a file's name breaks nothing. Line breaks between findings are meant, so
 * that only those of the names in `details` are escaped.
 */
function withNamesEscaped(message: string, details: ErrorDetails): string {
  const named = nameEntries.flatMap((entry) => details[entry]).filter((name) => typeof name === "string");
  const broken = named.flatMap((name) => [name, basename(name)]).filter((name) => name.includes("\n"));
  const escaped = broken.reduce((text, name) => text.replaceAll(name, printable(name)), message);
  return printableLines(escaped);
}
