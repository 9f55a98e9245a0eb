/** The demo on slides: slides are drawn, patches cut out of them, and at the end a slide is segmented that no network has seen. */
import { join } from "node:path";
import { Classifier } from "../classifier/classifier.js";
import { replaceWhole } from "../files/replace-whole.js";
import { makeFolder } from "../files/make-folder.js";
import type { RunContext } from "../run/context.js";
import { sectionOf } from "../run/context.js";
import type { OwnDataset } from "../run/own-dataset.js";
import { weightSource } from "../run/sources.js";
import { performStage, type StageSurroundings } from "../run/stage.js";
import type { SlideMap } from "../segmenter/slide-map.js";
import { Segmenter } from "../segmenter/segmenter.js";
import { openSlide } from "../slide/open-slide.js";
import { scoreSlideMap, type SlideMapScores } from "../slide-maps/score-slide-map.js";
import { extractPatches } from "../slide-patches/extract-patches.js";
import { demoMpp, firstSlideOf, type SlideSettings, writeDemoSlides } from "./write-slides.js";

const slideFolder = "slides";
const dataFolder = "data";
const mapFolder = "maps";

/** What decides how the dataset of the demo on slides looks. */
export interface SlideDemoSettings extends SlideSettings {
  readonly patchPx: number;
}

/** The dataset of the demo on slides as the first stage of its run: `slides/`, and `data/` cut out of them. */
export function slideDemoDataset(settings: SlideDemoSettings): OwnDataset {
  return {
    settings,
    folder: dataFolder,
    make: async (surroundings) => {
      await performStage(surroundings, {
        name: "dataset",
        key: { settings },
        outputs: [slideFolder, dataFolder],
        work: async () => {
          await drawAndCut(surroundings, settings);
          return null;
        },
      });
    },
  };
}

async function drawAndCut({ root, signal, reporter }: StageSurroundings, settings: SlideDemoSettings): Promise<void> {
  const slides = join(root, slideFolder);
  const drawn = await replaceWhole(slides, async (folder) => {
    await makeFolder(folder);
    const onProgress = (done: number, total: number): void =>
      reporter.progress({ stage: "dataset", label: "drawing slides", done, total });
    return await writeDemoSlides(folder, settings, { signal, onProgress });
  });
  await replaceWhole(join(root, dataFolder), async (folder) => {
    for (const split of ["train", "val", "test"] as const) {
      const names = drawn.flatMap((one) => (one.split === split ? [one.name] : []));
      if (names.length === 0) continue;
      await extractPatches(
        names.map((name) => join(slides, `${name}.tif`)),
        {
          ...{ output: folder, name: "procedural slides", split, signal },
          annotations: join(slides, "annotations"),
          patchPx: settings.patchPx,
          micronsPerPixel: demoMpp,
        },
      );
    }
  });
}

/** The slide that the demo has segmented. */
export interface DemoSlide {
  /** Path of the slide. */
  readonly slide: string;
  /** Folder of its map. */
  readonly folder: string;
  readonly map: SlideMap;
  readonly scores: SlideMapScores;
}

/** Segments the first test slide with the networks of the run, and scores it against what was drawn on it. */
export async function segmentDemoSlide(context: RunContext): Promise<DemoSlide> {
  const { root, device, signal, reporter, sources } = context;
  const { slide: file, geojson } = firstSlideOf(join(root, slideFolder), "test");
  const folder = join(root, mapFolder, "test-1");
  const { gate: isGated, gateThreshold, gateRule, views } = sectionOf(context, "evaluation");
  const ofSegmenter = await weightSource(root, "segmenter", sources.segmenter);
  const ofClassifier = await weightSource(root, "classifier", sources.classifier);
  await using segmenter = await Segmenter.load(ofSegmenter.path, { ...device, signal });
  await using gate = await Classifier.load(ofClassifier.path, { ...device, signal });
  await using slide = await openSlide(file, { signal });
  const work = segmenter.segmentSlide(slide, {
    ...(isGated ? { gate, gateThreshold, gateRule } : { gate: null }),
    ...{ output: folder, views, signal, geojsonMpp: demoMpp },
  });
  let next = await work.next();
  while (next.done !== true) {
    const { done, total } = next.value;
    if (total > 0) reporter.progress({ stage: "segment", label: "tiles of the slide", done, total });
    next = await work.next();
  }
  const scores = await scoreSlideMap(slide, { map: folder, annotations: geojson, signal });
  return { slide: file, folder, map: next.value, scores };
}
