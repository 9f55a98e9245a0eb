/** The stage of a demo run that draws its dataset into the run folder. */
import { join } from "node:path";
import { replaceWhole } from "../files/replace-whole.js";
import type { OwnDataset } from "../run/own-dataset.js";
import { performStage } from "../run/stage.js";
import { demoDescription } from "./tissue.js";
import { type SynthesisSettings, writeDemoDataset } from "./write-dataset.js";

const folderName = "data";

/** The demo's dataset as the first stage of its run: written once, then found there. */
export function demoDataset(settings: SynthesisSettings): OwnDataset {
  return {
    settings,
    folder: folderName,
    make: async (surroundings) => {
      const { root, signal, reporter } = surroundings;
      await performStage(surroundings, {
        name: "dataset",
        key: { settings, description: demoDescription },
        outputs: [folderName],
        work: async () => {
          const onProgress = (done: number, total: number): void =>
            reporter.progress({ stage: "dataset", label: "drawing tissue", done, total });
          await replaceWhole(
            join(root, folderName),
            async (folder) => await writeDemoDataset(folder, settings, { signal, onProgress }),
          );
          return null;
        },
      });
    },
  };
}
