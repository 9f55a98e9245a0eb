// Loads the test-only addon and types its workspace of tensors.
import { createRequire } from "node:module";
import { join } from "node:path";
import { buildFolder } from "../../dist/native/binary.js";
import { loadAddon } from "../../dist/native/load.js";
import type { GoldenTensor } from "./safetensors.js";

/** The test-only addon's hold on named tensors (test/addon/workspace.h). */
export interface Workspace {
  set(name: string, tensor: GoldenTensor): void;
  get(name: string, strides?: readonly number[]): GoldenTensor;
  has(name: string): boolean;
  stats(
    name: string,
    indices: readonly number[],
  ): { mean: number; std: number; absmax: number; samples: readonly number[] };
  run(operation: string, fields: Readonly<Record<string, unknown>>): void;
  clear(): void;
}

/** Loads wsss_test.node of the build that the addon is of, after LibTorch. */
export async function makeWorkspace(root: string): Promise<Workspace> {
  await loadAddon(); // puts LibTorch into the process
  const file = join(buildFolder(root), "test-addon", "wsss_test.node");
  const addon = createRequire(join(root, "package.json"))(file) as { Workspace: new () => Workspace };
  return new addon.Workspace();
}
