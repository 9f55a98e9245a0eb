import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import type { Classifier } from "../classifier.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode, writeBytesAtomic } from "../image/file-access.js";
import { throwIfAborted } from "../image/map-concurrently.js";
import { assertSameClasses } from "../inference/split-checks.js";
import { Model } from "../model/model.js";
import { savedTissueClass } from "../model/model-description.js";
import { replaceWhole } from "../model/replace-whole.js";
import { checkOptions, refuseOption } from "../options/check.js";
import * as fields from "../options/fields.js";
import { resolveGate } from "../options/inference.js";
import { packageVersion } from "../package-version.js";
import type { Segmenter } from "../segmenter.js";
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
  /** What the model card shall say: data, intended use, limits. Markdown. */
  readonly notes?: string | undefined;
  /** Scores that the model card and the manifest show, for example what `Segmenter.evaluate` gave; numbers by name. */
  readonly scores?: Readonly<Record<string, number | null>> | undefined;
  /** Aborting it stops the writing; a bundle that was at the place before stays as it was. */
  readonly signal?: AbortSignal | undefined;
}

/** What `bundle.json` says. */
export interface BundleManifest {
  /** What the folder is, and in which version of the format. */
  readonly format: typeof bundleFormat;
  /** Name of the model. */
  readonly name: string;
  /** Version of this package that wrote the bundle. */
  readonly packageVersion: string;
  /** The K tissue classes, in the order of the outputs of both networks. */
  readonly classes: readonly TissueClass[];
  /** Index K in masks; never predicted. */
  readonly background: TissueClass;
  /** How the classifier gates the segmenter, unless whoever uses the bundle says otherwise. */
  readonly gate: {
    /** A class is open where the classifier's probability is above this, 0..1. */
    readonly gateThreshold: number;
    /** As {@link GateSettings.gateRule}. */
    readonly gateRule: "exclude" | "multiply";
  };
  /** What {@link BundleOptions.scores} said; empty without. */
  readonly scores: Readonly<Record<string, number | null>>;
  /** Each weight file by its name. */
  readonly files: Readonly<
    Record<
      string,
      {
        /** SHA-256 of the file, hexadecimal. */
        readonly sha256: string;
        /** Size of the file. */
        readonly bytes: number;
      }
    >
  >;
}

/** Format of the bundles that this version reads and writes. */
const bundleFormat = "wsss-tissue-native bundle 1";
const manifestName = "bundle.json";
const weightFiles = { classifier: "classifier.safetensors", segmenter: "segmenter.safetensors" } as const;
const call = "saveBundle";

const optionSchema = z.strictObject({
  classifier: fields.gate,
  segmenter: z.custom<Segmenter>((value) => value instanceof Model, "a Segmenter"),
  gateThreshold: fields.probability.optional(),
  gateRule: z.enum(["exclude", "multiply"]).optional(),
  name: z.string().min(1).optional(),
  notes: z.string().optional(),
  scores: z.record(z.string(), z.number().nullable()).optional(),
  signal: fields.signal.optional(),
});

const manifestSchema = z.object({
  format: z.literal(bundleFormat),
  name: z.string(),
  packageVersion: z.string(),
  classes: z.array(savedTissueClass).min(1),
  background: savedTissueClass,
  gate: z.object({ gateThreshold: fields.probability, gateRule: z.enum(["exclude", "multiply"]) }),
  scores: z.record(z.string(), z.number().nullable()),
  files: z.record(z.string(), z.object({ sha256: z.string().length(64), bytes: z.int().min(0) })),
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
  const { classifier, segmenter, signal, notes } = checked;
  assertSameClasses(call, "the classifier", classifier.classes, "the segmenter", segmenter.classes);
  await assertReplaceable(folder);
  const { gateThreshold, gateRule } = resolveGate({ gateThreshold: checked.gateThreshold, gateRule: checked.gateRule });
  return await replaceWhole(path.resolve(folder), async (temporary) => {
    await mkdir(temporary);
    throwIfAborted(call, signal);
    await classifier.save(path.join(temporary, weightFiles.classifier), { signal });
    await segmenter.save(path.join(temporary, weightFiles.segmenter), { signal });
    const files: Record<string, { sha256: string; bytes: number }> = {};
    for (const name of Object.values(weightFiles)) files[name] = await measure(path.join(temporary, name));
    const manifest: BundleManifest = {
      format: bundleFormat,
      name: checked.name ?? path.basename(path.resolve(folder)),
      packageVersion,
      classes: segmenter.classes,
      background: segmenter.background,
      gate: { gateThreshold, gateRule },
      scores: checked.scores ?? {},
      files,
    };
    await writeBytesAtomic(
      path.join(temporary, "MODEL_CARD.md"),
      modelCard(manifest, { classifier, segmenter }, notes),
    );
    await writeBytesAtomic(path.join(temporary, manifestName), `${JSON.stringify(manifest, null, 2)}\n`);
    return manifest;
  });
}

/** A bundle whose checksums were right. */
export interface OpenedBundle {
  /** Path of the classifier's weight file. */
  readonly classifier: string;
  readonly segmenter: string;
  readonly gate: BundleManifest["gate"];
}

/**
 * Reads a bundle; `null` if the path is no folder.
 * @throws WsssError `WSSS_ERR_WEIGHTS` if the folder is no bundle, or a file of it is missing or not as it was written;
 *   `WSSS_ERR_IO`.
 */
export async function readBundle(folder: string): Promise<OpenedBundle | null> {
  const found = await stat(folder).catch(() => null);
  if (found?.isDirectory() !== true) return null;
  const manifest = await readManifest(folder);
  for (const name of Object.values(weightFiles)) {
    const expected = manifest.files[name];
    if (expected === undefined) throw broken(folder, `its ${manifestName} does not list ${name}`);
    const { sha256, bytes } = await measure(path.join(folder, name));
    if (sha256 !== expected.sha256) {
      throw broken(folder, `${name} is not as it was written (${bytes} of ${expected.bytes} bytes, SHA-256 ${sha256})`);
    }
  }
  return {
    classifier: path.join(folder, weightFiles.classifier),
    segmenter: path.join(folder, weightFiles.segmenter),
    gate: manifest.gate,
  };
}

async function readManifest(folder: string): Promise<BundleManifest> {
  const file = path.join(folder, manifestName);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") throw broken(folder, `it has no ${manifestName}`);
    throw ioFailure(error, "read", file);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw broken(folder, `its ${manifestName} is no JSON`, error);
  }
  const checked = manifestSchema.safeParse(json);
  if (checked.success) return checked.data;
  const where = checked.error.issues[0]?.path.map(String).join(".") ?? "";
  throw broken(folder, `its ${manifestName} is wrong or of another version (at ${where})`);
}

/** A folder that is there is replaced only if it is a bundle: nobody's other files are ever removed. */
async function assertReplaceable(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => null);
  if (found === null) return;
  if (found.isDirectory() && (await stat(path.join(folder, manifestName)).catch(() => null)) !== null) return;
  const message = `cannot write the bundle ${folder}: something else is there; choose a new folder, or remove it first`;
  throw new WsssError("WSSS_ERR_IO", message, { path: folder, reason: "EEXIST" });
}

async function measure(file: string): Promise<{ sha256: string; bytes: number }> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
    return { sha256: hash.digest("hex"), bytes: (await stat(file)).size };
  } catch (error) {
    throw ioFailure(error, "read", file);
  }
}

function broken(folder: string, why: string, cause?: unknown): WsssError {
  const message = `${folder} is not a whole bundle: ${why}; copy it again from its source`;
  return new WsssError("WSSS_ERR_WEIGHTS", message, { path: folder }, cause === undefined ? undefined : { cause });
}
