/** Self-training: pseudo masks drawn again by a segmenter that has learned from earlier ones. */
import { z } from "zod";
import { inStage, type OnProgress } from "../async/progress.js";
import type { Split } from "../dataset/split.js";
import type { GlassRule } from "../dataset/tissue-class.js";
import { sharedInferenceSchema, type SharedInferenceOptions } from "../model/inference-options.js";
import type { NativeSegmenter } from "../native/addon.js";
import { runJob } from "../native/job.js";
import { patchViews, type PatchViews } from "../native/patch-views.js";
import { checkOptions } from "../options/check.js";
import * as fields from "../options/fields.js";
import { groupHandle } from "../process-group/process-group.js";
import { type GlassChoice, nativeGlass } from "../pseudo-masks/glass-option.js";
import { segmenterLevel } from "../pseudo-masks/mask-level.js";
import { MaskFolderWriter } from "../pseudo-masks/pseudo-mask-files.js";
import { pseudoMaskOptionTable } from "../pseudo-masks/pseudo-mask-option-table.js";
import { PseudoMasks } from "../pseudo-masks/pseudo-masks.js";
import { storeToDrawInto } from "../pseudo-masks/store-to-draw-into.js";

/** Options of `Segmenter.redrawPseudoMasks`. */
export interface RedrawOptions extends SharedInferenceOptions {
  /**
   * What the segmenter looks at: the patch alone (`"one"`), the patch and its three mirror images (`"flips"`), whose logits are
   * averaged, or all eight ways to lay a square patch (`"symmetries"`).
   * @defaultValue `"flips"`, as for masks of a classifier
   */
  readonly views?: PatchViews | undefined;
  /**
   * White areas that become background, as in `PseudoMaskOptions.glass`.
   * @defaultValue `"dataset"`
   */
  readonly glass?: "dataset" | false | GlassRule | undefined;
  /**
   * Folder to write the masks into, as `PM_segmenter/<stem>.png`; made if it is not there. It appears whole or not at all, and
   * replaces an older one.
   * @defaultValue none: the masks are kept in memory only
   */
  readonly output?: string | undefined;
}

const schema = sharedInferenceSchema.extend({
  views: z.enum(patchViews).default("flips"),
  glass: pseudoMaskOptionTable.glass.kind.rule.default("dataset"),
  output: fields.path.optional(),
});

/** What the schema lets through. */
interface Checked extends Omit<RedrawOptions, "batchSize" | "views" | "glass"> {
  readonly batchSize: number;
  readonly views: PatchViews;
  readonly glass: GlassChoice;
}

/** Checks a call of `Segmenter.redrawPseudoMasks`. */
export function checkRedrawOptions(call: string, options: RedrawOptions): Checked {
  return checkOptions(schema, call, options);
}

/** Draws the masks of a split, and writes them if a folder is named, which is looked at before there is any work. */
export async function redrawPseudoMasks(
  native: NativeSegmenter,
  split: Split,
  options: Checked & { readonly signal: AbortSignal; readonly onProgress: OnProgress },
): Promise<PseudoMasks> {
  const { output, signal, onProgress } = options;
  if (output !== undefined) await (await MaskFolderWriter.prepare(output)).close();
  const masks = await draw(native, split, options);
  if (output !== undefined) await masks.write(output, { signal, onProgress });
  return masks;
}

async function draw(
  native: NativeSegmenter,
  split: Split,
  { views, glass, batchSize, group, signal, onProgress }: Parameters<typeof redrawPseudoMasks>[2],
): Promise<PseudoMasks> {
  const { patches, height, width } = await split.load(signal, inStage(onProgress, "load"), group);
  const store = await storeToDrawInto({ count: patches.count, height, width }, 1, group, signal);
  const shared = groupHandle(group)?.native ?? null;
  const nativeOptions = { batchSize, views, ...nativeGlass(glass, split), group: shared };
  const report = inStage(onProgress, "pseudo-masks");
  await runJob<null>((done) => native.redrawMasks(nativeOptions, patches, store, report, done), signal);
  const stems = split.files.map(({ stem }) => stem);
  const { classes, background } = split;
  return new PseudoMasks({ levels: [segmenterLevel], stems, classes, background, store, folder: null });
}
