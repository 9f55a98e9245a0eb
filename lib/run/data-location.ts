/** Where the dataset of a run is. */
import type { PresetName } from "../dataset/presets.js";

/** Where a run's patches are. */
export interface DataLocation {
  /** Absolute path of the dataset's folder. */
  readonly folder: string;
  readonly preset?: PresetName | undefined;
  /** Absolute path of a description file. */
  readonly description?: string | undefined;
}
