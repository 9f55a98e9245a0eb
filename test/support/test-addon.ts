import { createRequire } from "node:module";
import { join } from "node:path";
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

/** Loads build/test-addon/wsss_test.node, after LibTorch. */
export async function makeWorkspace(root: string): Promise<Workspace> {
  await loadAddon(); // puts LibTorch into the process
  const addon = createRequire(join(root, "package.json"))(join(root, "build/test-addon/wsss_test.node")) as {
    Workspace: new () => Workspace;
  };
  return new addon.Workspace();
}
