/** Saving a bundle: classifier, segmenter, manifest and model card in one folder, whole or not at all. */
import { copyFile, mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { throwIfAborted } from "../async/cancellation.js";
import { classifierField } from "../classifier/classifier-field.js";
import type { Classifier } from "../classifier/classifier.js";
import { WsssError } from "../errors.js";
import { ioFailure, writeBytesAtomic } from "../files/file-access.js";
import { packageVersion } from "../files/package-version.js";
import { replaceWhole } from "../files/replace-whole.js";
import { bundleFormat, type BundleManifest, manifestName, onnxFiles, weightFiles } from "../model/bundle-manifest.js";
import { Model } from "../model/model.js";
import { measure } from "../model/read-bundle.js";
import { assertSameClasses } from "../model/split-checks.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { resolveGate } from "../segmenter/segmentation-options.js";
import type { Segmenter } from "../segmenter/segmenter.js";
import { modelCard } from "./model-card.js";

/** Options of {@link saveBundle}. */
export interface BundleOptions {
  /** Says which classes a patch can have: the gate of the segmenter. */
  readonly classifier: Classifier;
  /** Says which class each pixel shows; with the classes of the classifier, in the same order. */
  readonly segmenter: Segmenter;
  /** As in `Segmenter.predict`, for everyone who uses the bundle. @defaultValue `0.1`, as published */
  readonly gateThreshold?: number | undefined;
  /** As in `Segmenter.predict`. @defaultValue `"exclude"` */
  readonly gateRule?: "exclude" | "multiply" | undefined;
  /** Name of the model, for its card. @defaultValue the name of the folder */
  readonly name?: string | undefined;
  /** What the networks are for, for the model card. Markdown. @defaultValue a sentence that says research */
  readonly intendedUse?: string | undefined;
  /** What they were trained on, for the model card. Markdown. @defaultValue that it was not told */
  readonly trainingData?: string | undefined;
  /** What else the model card shall say, such as further limits. Markdown. */
  readonly notes?: string | undefined;
  /** Scores that the model card and the manifest show, for example what `Segmenter.evaluate` gave; numbers by name. */
  readonly scores?: Readonly<Record<string, number | null>> | undefined;
  /** Their 95 % intervals, by the names of the scores. */
  readonly intervals?: Readonly<Record<string, readonly [low: number, high: number]>> | undefined;
  /**
   * Whether the networks lie in the bundle as ONNX files too, `classifier.onnx` and `segmenter.onnx`, for other engines.
   * @defaultValue `false`: it doubles the bundle
   */
  readonly onnx?: boolean | undefined;
  /** A report of the run, HTML, that goes along as `report.html`. @defaultValue none */
  readonly report?: string | undefined;
  /** Aborting it stops the writing; a bundle that was at the place before stays as it was. */
  readonly signal?: AbortSignal | undefined;
}

const call = "saveBundle";

const optionSchema = z.strictObject({
  classifier: classifierField,
  segmenter: z.custom<Segmenter>((value) => value instanceof Model, "a Segmenter"),
  gateThreshold: fields.probability.optional(),
  gateRule: z.enum(["exclude", "multiply"]).optional(),
  name: z.string().min(1).optional(),
  intendedUse: z.string().min(1).optional(),
  trainingData: z.string().min(1).optional(),
  notes: z.string().optional(),
  scores: z.record(z.string(), z.number().nullable()).optional(),
  intervals: z.record(z.string(), z.tuple([z.number(), z.number()])).optional(),
  report: fields.path.optional(),
  onnx: fields.flag.default(false),
  signal: fields.signal.optional(),
});

/**
 * Writes all that inference needs into one folder: both networks, classes and colours, the gate's settings, a model card
 * (`MODEL_CARD.md`), and checksums. `Segmenter.load(folder)` is all that its user calls. The folder appears whole or not
 * at all, and replaces an older bundle.
 *
 * @param folder - where the bundle shall be; something else that is there is never replaced.
 * @returns what `bundle.json` says.
 * @throws WsssError `WSSS_ERR_OPTION`; `WSSS_ERR_SHAPE` if the networks have other classes; `WSSS_ERR_IO`; `WSSS_ERR_BUSY`,
 *   `WSSS_ERR_DISPOSED`; `WSSS_ERR_CANCELLED`.
 */
export async function saveBundle(folder: string, options: BundleOptions): Promise<BundleManifest> {
  const checked = checkOptions(optionSchema, call, options);
  if (!fields.path.safeParse(folder).success) throw refuseOption(call, "folder", "a path", folder);
  const { classifier, segmenter, signal, scores = {}, intervals = {} } = checked;
  const stray = Object.keys(intervals).find((name) => !(name in scores));
  if (stray !== undefined) throw refuseOption(call, "intervals", "by the names of the scores", stray);
  assertSameClasses(call, "the classifier", classifier.classes, "the segmenter", segmenter.classes);
  await assertReplaceable(folder);
  const { gateThreshold, gateRule } = resolveGate({ gateThreshold: checked.gateThreshold, gateRule: checked.gateRule });
  return await replaceWhole(path.resolve(folder), async (temporary) => {
    await mkdir(temporary);
    throwIfAborted(signal, call);
    if (checked.report !== undefined) await copyReport(checked.report, temporary);
    await classifier.save(path.join(temporary, weightFiles.classifier), { signal });
    await segmenter.save(path.join(temporary, weightFiles.segmenter), { signal });
    if (checked.onnx) {
      await classifier.exportOnnx(path.join(temporary, onnxFiles.classifier), { signal });
      await segmenter.exportOnnx(path.join(temporary, onnxFiles.segmenter), { signal });
    }
    const files: Record<string, { sha256: string; bytes: number }> = {};
    const names = [...Object.values(weightFiles), ...(checked.onnx ? Object.values(onnxFiles) : [])];
    for (const name of names) files[name] = await measure(path.join(temporary, name));
    const manifest: BundleManifest = {
      format: bundleFormat,
      name: checked.name ?? path.basename(path.resolve(folder)),
      packageVersion,
      classes: segmenter.classes,
      background: segmenter.background,
      gate: { gateThreshold, gateRule },
      micronsPerPixel: segmenter.micronsPerPixel,
      patchPx: segmenter.patchPx,
      scores,
      ...(Object.keys(intervals).length > 0 && { intervals }),
      files,
    };
    await writeBytesAtomic(
      path.join(temporary, "MODEL_CARD.md"),
      modelCard(manifest, { classifier, segmenter }, checked),
    );
    await writeBytesAtomic(path.join(temporary, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  });
}

async function copyReport(report: string, folder: string): Promise<void> {
  try {
    await copyFile(report, path.join(folder, "report.html"));
  } catch (error) {
    throw ioFailure(error, "read", report);
  }
}

/** A folder that is there is replaced only if it is a bundle: nobody's other files are ever removed. */
async function assertReplaceable(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found === null) return;
  if (found.isDirectory() && (await stat(path.join(folder, manifestName)).catch(() => null)) !== null) return;
  const message = `cannot write the bundle ${folder}: something else is there; choose a new folder, or remove it first`;
  throw new WsssError("WSSS_ERR_IO", message, { path: folder, reason: "EEXIST" });
}
