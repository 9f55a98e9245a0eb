import type { ModelHandle } from "./model-handle.js";
import type { NativeClassifier } from "../native/addon.js";
import type { PseudoMasks } from "../pseudo-masks.js";

/**
 * What belongs to the public objects but is nobody's business outside: kept beside them instead of in them, so that no
 * public member leaks it, and so that option schemas can tell our objects from others without importing their classes.
 */
const classifiers = new WeakMap<object, ModelHandle<NativeClassifier>>();
const pseudoMaskSets = new WeakSet<object>();

/** Makes a classifier known. */
export function registerClassifier(classifier: object, handle: ModelHandle<NativeClassifier>): void {
  classifiers.set(classifier, handle);
}

/** The handle of a classifier; `undefined` for anything else. */
export function classifierHandle(value: unknown): ModelHandle<NativeClassifier> | undefined {
  return typeof value === "object" && value !== null ? classifiers.get(value) : undefined;
}

/** Makes a set of pseudo masks known. */
export function registerPseudoMasks(masks: object): void {
  pseudoMaskSets.add(masks);
}

/** Whether a value is a set of pseudo masks of this copy of the library. */
export function isPseudoMasks(value: unknown): value is PseudoMasks {
  return typeof value === "object" && value !== null && pseudoMaskSets.has(value);
}
