import type { Split } from "../dataset/split.js";
import type { GlassRule } from "../dataset/tissue-class.js";
import type { NativeClassifier } from "../native/addon.js";
import { nativeCall, runJob } from "../native/job.js";
import { loadAddon } from "../native/load.js";
import type { FeatureLevel } from "../options/backbones.js";
import type { checkPseudoMaskOptions } from "../options/inference.js";
import type { OnProgress } from "../progress.js";
import { inStage } from "../progress.js";
import { MaskFolderWriter } from "./pseudo-mask-files.js";
import { PseudoMasks } from "../pseudo-masks.js";

type Work = Omit<ReturnType<typeof checkPseudoMaskOptions>, "levels"> & {
  readonly levels: readonly FeatureLevel[];
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
};

/** Draws pseudo masks for every patch of a split, and writes them if an output folder is named. */
export async function drawPseudoMasks(native: NativeClassifier, split: Split, options: Work): Promise<PseudoMasks> {
  const { output, signal, onProgress } = options;
  const writer = output === undefined ? null : await MaskFolderWriter.prepare(output);
  try {
    const masks = await draw(native, split, options);
    if (writer) await masks.writeThrough(writer, { signal, onProgress });
    return masks;
  } finally {
    await writer?.close();
  }
}

async function draw(
  native: NativeClassifier,
  split: Split,
  { levels, glass: wanted, scaling, views, batchSize, output, signal, onProgress }: Work,
): Promise<PseudoMasks> {
  const { patches, height, width } = await split.load(signal, inStage(onProgress, "load"));
  const addon = await loadAddon();
  const store = nativeCall(() => new addon.MaskStore(patches.count, height, width, levels.length));
  const glass: GlassRule | null = wanted === "dataset" ? split.glass : wanted === false ? null : wanted;
  const nativeOptions = {
    levels,
    batchSize,
    scaling,
    views,
    glass: glass !== null,
    glassGreyAbove: glass?.greyAbove ?? 255,
    glassMinAreaPx: glass?.minAreaPx ?? 0,
  };
  await runJob<null>(
    (done) => native.generatePseudoMasks(nativeOptions, patches, store, inStage(onProgress, "pseudo-masks"), done),
    signal,
  );
  const stems = split.files.map(({ stem }) => stem);
  const { classes, background } = split;
  return new PseudoMasks({ levels, stems, classes, background, store, folder: output ?? null });
}
