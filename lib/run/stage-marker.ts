/** Markers of finished stages, by which a later command knows whether a stage can be skipped. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../files/file-access.js";
import { readFolder } from "../files/read-folder.js";
import { readJsonIfPresent } from "./files.js";
import type { StageName } from "../text/stage-names.js";

/** A file or folder that a stage has written, and enough of it to notice that it was cut, removed or added to. */
export interface StageOutput {
  /** Relative to the run folder. */
  readonly path: string;
  readonly kind: "file" | "folder";
  /** Files in the folder, at any depth; 1 for a file. */
  readonly files: number;
  /** Sum of the sizes. */
  readonly bytes: number;
}

/** What a finished stage leaves in `stages/<name>.json`. */
export interface StageMarker {
  readonly format: 1;
  readonly stage: StageName;
  /** Differs for every execution; stages that build on this one carry it in their key. */
  readonly id: string;
  /** SHA-256 over everything the result depends on. */
  readonly key: string;
  readonly outputs: readonly StageOutput[];
  /** What the stage found out; its type belongs to the stage. */
  readonly result: unknown;
  /** ISO 8601, UTC. */
  readonly finishedAt: string;
  readonly elapsedMs: number;
}

async function measureFolder(path: string | Buffer): Promise<{ files: number; bytes: number }> {
  let files = 0;
  let bytes = 0;
  for (const { rawPath, isFolder, isLink } of await readFolder(path)) {
    if (isLink) continue;
    const part = isFolder ? await measureFolder(rawPath) : { files: 1, bytes: (await stat(rawPath)).size };
    files += part.files;
    bytes += part.bytes;
  }
  return { files, bytes };
}

/** Measures one output; undefined if it is not there. */
export async function measureOutput(root: string, path: string): Promise<StageOutput | undefined> {
  const whole = join(root, path);
  try {
    const found = await stat(whole);
    if (found.isDirectory()) return { path, kind: "folder", ...(await measureFolder(whole)) };
    return { path, kind: "file", files: 1, bytes: found.size };
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}

function isMarker(value: unknown, stage: StageName): value is StageMarker {
  if (typeof value !== "object" || value === null) return false;
  const marker = value as Partial<StageMarker>;
  return (
    marker.format === 1 &&
    marker.stage === stage &&
    typeof marker.id === "string" &&
    typeof marker.key === "string" &&
    Array.isArray(marker.outputs)
  );
}

/** The marker of a finished stage; undefined if there is none that can be understood. */
export async function readMarker(root: string, stage: StageName): Promise<StageMarker | undefined> {
  const found = await readJsonIfPresent(join(root, "stages", `${stage}.json`)).catch(() => undefined);
  return isMarker(found, stage) ? found : undefined;
}

/** A stage as it was found in a run folder. */
export type StageCheck =
  { readonly valid: true; readonly marker: StageMarker } | { readonly valid: false; readonly reason: string };

/** Whether a stage was finished from exactly what `key` stands for, and all that it wrote is still there, whole. */
export async function checkStage(root: string, stage: StageName, key: string): Promise<StageCheck> {
  const marker = await readMarker(root, stage);
  if (marker === undefined) return { valid: false, reason: "not done yet" };
  if (marker.key !== key) return { valid: false, reason: "its options or inputs have changed" };
  for (const output of marker.outputs) {
    const now = await measureOutput(root, output.path);
    if (now === undefined) return { valid: false, reason: `${output.path} is missing` };
    if (now.kind !== output.kind || now.files !== output.files || now.bytes !== output.bytes) {
      return { valid: false, reason: `${output.path} is not as it was written` };
    }
  }
  return { valid: true, marker };
}
