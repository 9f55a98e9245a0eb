/** A register that leads from a classifier of the API to its native handle. */
import type { ModelHandle } from "../model/model-handle.js";
import type { NativeClassifier } from "../native/addon.js";

/**
 * The handles of classifiers: kept beside them instead of in them, so that no public member leaks them, and so that the schemas of
 * options can tell a classifier from other objects without importing its class.
 */
const handles = new WeakMap<object, ModelHandle<NativeClassifier>>();

/** Makes a classifier known. */
export function registerClassifier(classifier: object, handle: ModelHandle<NativeClassifier>): void {
  handles.set(classifier, handle);
}

/** The handle of a classifier; `undefined` for anything else. */
export function classifierHandle(value: unknown): ModelHandle<NativeClassifier> | undefined {
  return typeof value === "object" && value !== null ? handles.get(value) : undefined;
}
