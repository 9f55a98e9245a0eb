/** What happens when options differ from those that a folder was begun with: refusal, or a note. */
import { WsssError } from "../errors.js";
import { describeDifferences, type Difference } from "../files/fingerprint.js";
import type { RunReporter } from "./reporter.js";

/** What decides over a folder that was begun with other options. */
export interface FolderRequest {
  readonly out: string;
  readonly force: boolean;
  readonly reporter: RunReporter;
}

/**
 * Refuses a folder that was begun with other options or patches, or, where that is forced, says aloud what differs.
 * @param what - what the folder holds, for example `"a run"`.
 * @throws WsssError `WSSS_ERR_OPTION` with the differences in words, unless there are none or `force` is set.
 */
export function refuseDifferences(
  what: string,
  { out, force, reporter }: FolderRequest,
  differences: readonly Difference[],
): void {
  if (differences.length === 0) return;
  const words = describeDifferences(differences);
  if (force) {
    reporter.note(`options differ from the last time, what depends on them is done again: ${words}`);
    return;
  }
  const message = `${out} holds ${what} with other options: ${words}; --force does again what they change, another folder keeps both`;
  throw new WsssError("WSSS_ERR_OPTION", message, { option: "out", path: out, differences });
}
