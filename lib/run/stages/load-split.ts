/** Loading of a split, and other long calls, shown as the progress of a stage. */
import type { Split } from "../../dataset/split.js";
import type { RunContext } from "../context.js";
import type { StageName } from "../../text/stage-names.js";

/** Decodes the patches of a split, once a machine, and shows how far that is. */
export async function loadForStage(
  { group, signal, reporter }: Pick<RunContext, "group" | "signal" | "reporter">,
  stage: StageName,
  split: Split,
): Promise<void> {
  const label = `decoding ${split.name}`;
  await split.loadGroups(signal, ({ done, total }) => reporter.progress({ stage, label, done, total }), group);
}

/** The progress of a call of the library as that of a stage. */
export function progressOf(
  { reporter }: Pick<RunContext, "reporter">,
  stage: StageName,
  label: string,
): (progress: { readonly stage: string; readonly done: number; readonly total: number }) => void {
  return (progress) =>
    reporter.progress({ stage, label: `${label}, ${progress.stage}`, done: progress.done, total: progress.total });
}
