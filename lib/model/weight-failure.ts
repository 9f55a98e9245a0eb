/** Gives an error about a weight file the path that the caller had written. */
import path from "node:path";
import { WsssError } from "../errors.js";

/** The failure with the path as the caller wrote it, which is what they look for. */
export function withGivenPath(error: unknown, file: string): unknown {
  if (!(error instanceof WsssError) || error.details["path"] !== path.resolve(file)) return error;
  const message = error.message.replaceAll(path.resolve(file), file);
  return new WsssError(error.code, message, { ...error.details, path: file }, { cause: error.cause });
}
