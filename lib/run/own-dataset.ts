/** The interface of datasets that a run writes into its own folder, as the demo does. */
import type { StageSurroundings } from "./stage.js";

/** A dataset that a run makes for itself. */
export interface OwnDataset {
  /** Everything that it depends on, as JSON; goes into `run.json`. */
  readonly settings: unknown;
  /** Folder, relative to the run folder. */
  readonly folder: string;
  make(surroundings: StageSurroundings): Promise<void>;
}
