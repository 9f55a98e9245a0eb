/** Calls over a split whose patches the processes of a group share out. */
import { fingerprintSplit } from "../dataset/dataset-fingerprint.js";
import type { Split } from "../dataset/split.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import { shareCall } from "../process-group/share-call.js";
import type { ModelDescription } from "./model-description.js";

/** What the processes must agree in. */
interface SharedInference {
  readonly call: string;
  readonly split: Split;
  readonly network: ModelDescription;
  /** Options that change the result. */
  readonly how: object;
  readonly group: ProcessGroup | undefined;
  readonly signal: AbortSignal;
}

/** Does the work, after it was compared with that of the other processes. @throws WsssError as {@link shareCall} */
export async function shareInference<Result>(
  { call, split, network, how, group, signal }: SharedInference,
  work: () => Promise<Result>,
): Promise<Result> {
  const asked = async (): Promise<object> => ({ call, split: await fingerprintSplit(split), network, how });
  return await shareCall(group, signal, asked, work);
}
