/** What the labelling and the process that trains for it tell each other. */
import type { PlanOptions } from "../run/plan-options.js";
import type { ScoresOfRun } from "./scores-of-run.js";

/** What is to be trained; the first message to the process. */
export interface TrainingOrder {
  /** Folder of the dataset. */
  readonly folder: string;
  /** Description of the labels as they were when the training began. */
  readonly description: string;
  /** The manifest that it names. */
  readonly manifest: string;
  /** Patches that have a label in it. */
  readonly labelled: number;
  /** The run folder; one that is there goes on. */
  readonly out: string;
  readonly plan: PlanOptions;
  readonly device: string;
  readonly threads: number;
}

/** What the process tells. */
export type TrainingMessage =
  | { readonly kind: "stage"; readonly stage: string }
  | { readonly kind: "progress"; readonly label: string; readonly done: number; readonly total: number }
  | { readonly kind: "epoch"; readonly text: string }
  | { readonly kind: "warning"; readonly text: string }
  | ({ readonly kind: "done" } & ScoresOfRun)
  | { readonly kind: "stopped" }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };
