/** What the stages of a run share: dataset, plan, device, checkpoints, sources. */
import type { DatasetFingerprint } from "../dataset/dataset-fingerprint.js";
import type { Dataset } from "../dataset/open-dataset.js";
import type { SplitName } from "../dataset/split.js";
import { WsssError } from "../errors.js";
import type { Precision } from "../model/precision.js";
import type { Device } from "../options/device.js";
import type { ProcessGroup } from "../process-group/process-group.js";
import type { PseudoMasks } from "../pseudo-masks/pseudo-masks.js";
import type { SubsetOptions } from "./plan-options.js";
import type { PlanSections, SectionName } from "./plan.js";
import type { DataLocation } from "./data-location.js";
import type { StageSurroundings } from "./stage.js";

/** Where the networks of a run live. Not part of its plan: another device gives the same result but for rounding. */
export interface RunDevice {
  readonly device: Device;
  /** Threads of one operation on the CPU, 0 = one per core, within a CPU quota. */
  readonly threads: number;
  /** In what the networks multiply. */
  readonly precision: Precision;
  /** Whether float32 convolutions on a GPU may multiply in TF32. */
  readonly tf32: boolean;
}

/** How trainings of a run are saved while they go. Not part of its plan: it does not change the result. */
export interface RunCheckpoints {
  /** Go on from the newest checkpoint of an interrupted training. */
  readonly resume: boolean;
  /** A checkpoint every so many steps, beside the one of each epoch; 0 = none. */
  readonly checkpointSteps: number;
  /** So many of the newest ones stay. */
  readonly checkpointKeep: number;
}

/** Files that stand in for what an earlier stage of the run folder would give. */
export interface RunSources {
  readonly classifier?: string | undefined;
  readonly segmenter?: string | undefined;
  /** Folder with `PM_<level>` folders. */
  readonly masks?: string | undefined;
}

/** What a process needs to open the same dataset, and to choose its own device. */
export interface RunOrigin {
  readonly data: DataLocation;
  readonly subset: SubsetOptions | undefined;
  readonly splits: readonly SplitName[];
  /** As it was asked for, before a process of a group took its own. */
  readonly device: RunDevice;
}

/** Work that the processes of a group do together: the stages of a run, and the masks that a round of self-training draws. */
export type SharedWork = "train-classifier" | "pseudo-masks" | "train-segmenter" | "redraw-pseudo-masks" | "evaluate";

/** What hands out the work of a run to the other processes of its group. */
export interface WorkDistribution {
  /** Lets them begin with what all work on together. */
  begin(work: SharedWork, context: RunContext): Promise<void>;
}

/** Everything that the stages of a run work with. */
export interface RunContext extends StageSurroundings {
  readonly origin: RunOrigin;
  readonly dataset: Dataset;
  readonly fingerprint: DatasetFingerprint;
  readonly plan: Partial<PlanSections>;
  readonly device: RunDevice;
  readonly checkpoints: RunCheckpoints;
  readonly sources: RunSources;
  /** Whether trainings write event files for TensorBoard, into `tensorboard/` of the run folder. */
  readonly tensorboard: boolean;
  /** The processes that do this run together. */
  readonly group?: ProcessGroup | undefined;
  /** Hands out the work of the group, in process 0. */
  readonly groupWork?: WorkDistribution | undefined;
  /** What a stage made and a later one of the same process can use without reading it again. */
  readonly memory: { pseudoMasks?: PseudoMasks };
}

/** One part of the plan. @throws WsssError `WSSS_ERR_INTERNAL` if the command did not resolve it. */
export function sectionOf<Name extends SectionName>(context: RunContext, name: Name): PlanSections[Name] {
  const section = context.plan[name];
  if (section === undefined) throw new WsssError("WSSS_ERR_INTERNAL", `the plan has no section ${name}`, { name });
  return section;
}
