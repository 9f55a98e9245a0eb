/** A patch given as arrays: its pixels, label, mask and name, each checked. */
import { WsssError } from "../../errors.js";
import { countIndices, ignoredIndex } from "../../image/index-png-codec.js";
import { describeValue } from "../../options/describe-value.js";
import { minPatchSidePx } from "../loaded-split.js";

/** A patch that a program holds. Its arrays are copied. */
export interface MemoryPatch {
  /** RGB uint8 [height, width, 3], interleaved, height * width * 3 bytes. */
  readonly rgb: Uint8Array;
  /** In pixels, at least 32. Train patches are all of one size. */
  readonly height: number;
  /** In pixels, at least 32. */
  readonly width: number;
  /**
   * Which classes it shows: 0 or 1 for each class. Train patches need one; without one a val or test patch has the label that its mask
   * implies.
   */
  readonly label?: readonly number[] | undefined;
  /** True mask, uint8 [height, width]: 0..K-1 the classes, K the background, 255 ignored. All patches of a split have one, or none. */
  readonly mask?: Uint8Array | undefined;
  /**
   * What it is called in messages, and its pseudo masks as files; without a slash, no two alike.
   * @defaultValue the split and its number: `train-00001`
   */
  readonly name?: string | undefined;
  /** Whom it is of, for intervals by patient, and for mosaics, whose pieces are of one. */
  readonly patient?: string | undefined;
}

/** A patch whose parts were checked, with its name. */
export interface NamedMemoryPatch extends MemoryPatch {
  readonly name: string;
  /** How many pixels of each index its mask has. */
  readonly counts?: Uint32Array | undefined;
}

/** What its split asks of a patch. */
export interface MemoryPatchRules {
  readonly call: string;
  readonly split: string;
  readonly classCount: number;
  readonly allowEmptyLabels: boolean;
}

/**
 * Checks one patch.
 * @throws WsssError `WSSS_ERR_OPTION` for what is of another type, `WSSS_ERR_SHAPE` for arrays that do not fit, `WSSS_ERR_DATASET` for a
 *   label or mask that says what it cannot; each names the patch.
 */
export function checkMemoryPatch(given: unknown, index: number, rules: MemoryPatchRules): NamedMemoryPatch {
  const { call, split } = rules;
  const where = `${split}[${index}]`;
  if (typeof given !== "object" || given === null)
    throw option(call, where, "an object with rgb, height and width", given);
  const patch = given as Record<keyof MemoryPatch, unknown>;
  const [height, width] = [side(call, `${where}.height`, patch.height), side(call, `${where}.width`, patch.width)];
  const rgb = bytes(call, `${where}.rgb`, patch.rgb, height * width * 3, "height * width * 3");
  const mask =
    patch.mask === undefined ? undefined : bytes(call, `${where}.mask`, patch.mask, height * width, "height * width");
  const counts = mask && countIndices(mask);
  if (counts !== undefined) checkIndices(where, counts, rules);
  const label = patch.label === undefined ? undefined : checkLabel(where, patch.label, rules);
  if (label === undefined && split === "train") {
    throw dataset(where, "has no label, and a classifier learns from labels: give 0 or 1 for each class", rules);
  }
  if (label === undefined && mask === undefined) throw dataset(where, "has neither a label nor a mask", rules);
  return {
    rgb,
    height,
    width,
    mask,
    counts,
    label,
    name: checkName(call, where, patch.name) ?? `${split}-${String(index + 1).padStart(5, "0")}`,
    patient: text(call, `${where}.patient`, patch.patient),
  };
}

function side(call: string, what: string, value: unknown): number {
  if (typeof value !== "number" || !Number.isInteger(value))
    throw option(call, what, "a whole number of pixels", value);
  if (value >= minPatchSidePx) return value;
  const message = `${what} must be at least ${minPatchSidePx} px, received ${value} (${call})`;
  throw new WsssError("WSSS_ERR_SHAPE", message, { call, smallest: minPatchSidePx });
}

function bytes(call: string, what: string, value: unknown, length: number, formula: string): Uint8Array {
  if (!(value instanceof Uint8Array)) throw option(call, what, "a Uint8Array", value);
  if (value.length === length) return value;
  const message = `${what} must have ${formula} = ${length} bytes, received ${value.length} (${call})`;
  throw new WsssError("WSSS_ERR_SHAPE", message, { call, expected: length, received: value.length });
}

function checkIndices(where: string, counts: Uint32Array, rules: MemoryPatchRules): void {
  const { classCount } = rules;
  const wrong = counts.findIndex((count, value) => count > 0 && value > classCount && value !== ignoredIndex);
  if (wrong < 0) return;
  const bound = `0 to ${classCount - 1} for the classes, ${classCount} for background, ${ignoredIndex} for ignored pixels`;
  throw dataset(where, `has the index ${wrong} in its mask, which has no meaning: ${bound}`, rules);
}

function checkLabel(where: string, value: unknown, rules: MemoryPatchRules): readonly number[] {
  const { call, classCount, allowEmptyLabels } = rules;
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  const isLabel = list.length === classCount && list.every((each) => each === 0 || each === 1);
  if (!isLabel) throw option(call, `${where}.label`, `an array of ${classCount} numbers, each 0 or 1`, value);
  if (!allowEmptyLabels && !list.includes(1)) {
    throw dataset(where, "has a label that names no class; set allowEmptyLabels if that is meant", rules);
  }
  return list;
}

function checkName(call: string, where: string, value: unknown): string | undefined {
  const name = text(call, `${where}.name`, value);
  if (name === undefined || !/[/\0]/.test(name)) return name;
  throw option(call, `${where}.name`, "a name without a slash", value);
}

function text(call: string, what: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value !== "") return value;
  throw option(call, what, "a text that is not empty", value);
}

function option(call: string, what: string, bound: string, received: unknown): WsssError {
  const message = `${what} must be ${bound}, received ${describeValue(received)} (${call})`;
  return new WsssError("WSSS_ERR_OPTION", message, { call, option: what });
}

function dataset(where: string, problem: string, { call, split }: MemoryPatchRules): WsssError {
  return new WsssError("WSSS_ERR_DATASET", `${where} ${problem} (${call})`, { call, split, patch: where });
}
