import path from "node:path";
import { isWsssError, WsssError } from "../errors.js";

/** Details of refused weights that are lists; the addon's details are text, one entry a line. */
const lists = ["missing", "unexpected", "misshapen", "stateDicts", "unread"] as const;

/** The refusal of a weight file with its names as lists; any other error as it is. */
export function withLists(error: unknown): unknown {
  if (!isWsssError(error, "WSSS_ERR_WEIGHTS")) return error;
  const details: Record<string, unknown> = { ...error.details };
  for (const name of lists) {
    const text = details[name];
    if (typeof text === "string") details[name] = text.split("\n").filter((line) => line !== "");
  }
  return new WsssError(error.code, error.message, details, { cause: error.cause });
}

/** The failure with the path as the caller wrote it, which is what they look for. */
export function withGivenPath(error: unknown, file: string): unknown {
  if (!(error instanceof WsssError) || error.details["path"] !== path.resolve(file)) return error;
  const message = error.message.replaceAll(path.resolve(file), file);
  return new WsssError(error.code, message, { ...error.details, path: file }, { cause: error.cause });
}
