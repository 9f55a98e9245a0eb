/** Decodes a split into native stores, one group of patches and masks for each size. */
import { basename } from "node:path";
import { mapConcurrently } from "../async/map-concurrently.js";
import { readPatchSize } from "../image/decode-patch.js";
import type { DecodedMask } from "../image/index-png.js";
import type { NativePatchStore } from "../native/addon.js";
import { nativeCall } from "../native/job.js";
import type { DatasetDescription } from "./description.js";
import { countOf, type FileProblem, fileProblemsError } from "./file-problems.js";
import { labelContradiction } from "./label-contradiction.js";
import {
  labelsOfMask,
  type LoadedGroup,
  type LoadingOptions,
  loadMaskStore,
  loadPatchStore,
  type StoreFactories,
} from "./loaded-split.js";
import { trueMaskReading } from "./mask-indices.js";
import type { PatchFile } from "./patch-file.js";

/** What of a split is loaded. */
export interface GroupSource {
  /** What it is called in messages. */
  readonly what: string;
  readonly files: readonly PatchFile[];
  readonly description: DatasetDescription;
  /** Whether patches may differ in size. */
  readonly mixed: boolean;
  /** Whether true masks are loaded too. */
  readonly withTruth: boolean;
}

/**
 * Decodes the patches of a split, and its true masks if they are asked for, into native stores: one group for each size, in
 * the order in which the sizes first occur.
 *
 * @throws WsssError as `Split.load`.
 */
export async function loadGroups(
  stores: StoreFactories,
  source: GroupSource,
  { signal, onProgress, isShared = false }: LoadingOptions,
): Promise<LoadedGroup[]> {
  const { files, mixed, withTruth, what } = source;
  const all = files.map((_, index) => index);
  const sizes = mixed ? await positionsBySize(files, what, signal) : [all];
  const total = withTruth ? 2 * files.length : files.length;
  let before = 0;
  const report = ({ done }: { readonly done: number }): void => onProgress?.({ done: before + done, total });
  const contradictions = new Contradictions(source);
  const groups: LoadedGroup[] = [];
  for (const positions of sizes) {
    const group = await loadPatches(stores, source, positions, { what, signal, onProgress: report, isShared });
    before += positions.length;
    groups.push(group);
  }
  if (!withTruth) return groups;
  for (const [index, group] of groups.entries()) {
    const truth = await loadTruth(stores, source, group, contradictions, {
      what,
      signal,
      onProgress: report,
      isShared,
    });
    before += group.count;
    groups[index] = { ...group, truth };
  }
  contradictions.throwIfAny();
  return groups;
}

/** Positions of the files of each size. A file whose header can't be read goes with the first; decoding it says why. */
async function positionsBySize(
  files: readonly PatchFile[],
  what: string,
  signal: AbortSignal | undefined,
): Promise<number[][]> {
  const sizes = await mapConcurrently(
    files,
    async ({ imagePath, place }) => {
      if (place !== undefined) return { height: place.patchPx, width: place.patchPx };
      return await readPatchSize(imagePath);
    },
    {
      signal,
      what: `loading ${what}`,
    },
  );
  const leader = sizes.find((size) => size !== null) ?? { height: 0, width: 0 };
  const bySize = new Map<string, number[]>();
  for (const [index, size] of sizes.entries()) {
    const { height, width } = size ?? leader;
    const key = `${height}x${width}`;
    const positions = bySize.get(key) ?? [];
    positions.push(index);
    bySize.set(key, positions);
  }
  return [...bySize.values()];
}

function chosen(files: readonly PatchFile[], positions: readonly number[]): PatchFile[] {
  return positions.flatMap((index) => files[index] ?? []);
}

async function loadPatches(
  stores: StoreFactories,
  { files, description }: GroupSource,
  positions: readonly number[],
  options: LoadingOptions,
): Promise<LoadedGroup> {
  const patches = await loadPatchStore(stores, chosen(files, positions), description.classes.length, options);
  return { patches, truth: null, count: patches.count, height: patches.height, width: patches.width, positions };
}

async function loadTruth(
  stores: StoreFactories,
  { files, description }: GroupSource,
  { patches, height, width, positions }: LoadedGroup,
  contradictions: Contradictions,
  options: LoadingOptions,
): Promise<NonNullable<LoadedGroup["truth"]>> {
  const { classes, labels } = description;
  const ofGroup = chosen(files, positions);
  const paths = ofGroup.flatMap(({ maskPath }) => maskPath ?? []);
  const sources = { levels: [paths], height, width, ...trueMaskReading(description) };
  return await loadMaskStore(stores, sources, options, (mask, _level, index) => {
    const file = ofGroup[index];
    if (file?.labels === undefined) setLabelOfMask(patches, index, mask, classes.length, labels.minClassShare);
    else contradictions.check(file, file.labels, mask, positions[index] ?? 0);
  });
}

function setLabelOfMask(
  patches: NativePatchStore,
  index: number,
  mask: DecodedMask,
  classCount: number,
  minClassShare: number,
): void {
  nativeCall(() => patches.setLabels(index, labelsOfMask(mask, classCount, minClassShare)));
}

/** Labels of a manifest that contradict the masks. Labels in names are not compared: the published ones were never checked against masks. */
class Contradictions {
  readonly #source: GroupSource;
  readonly #found: (FileProblem & { readonly position: number })[] = [];

  constructor(source: GroupSource) {
    this.#source = source;
  }

  check(
    { imagePath, place, stem }: PatchFile,
    patchLabels: readonly number[],
    mask: DecodedMask,
    position: number,
  ): void {
    const { classes, labels } = this.#source.description;
    if (labels.rule !== "manifest") return;
    const problem = labelContradiction(patchLabels, mask, classes, labels.minClassShare);
    if (problem !== null)
      this.#found.push({ file: place === undefined ? basename(imagePath) : stem, problem, position });
  }

  throwIfAny(): void {
    if (this.#found.length === 0) return;
    const { files, what, description } = this.#source;
    const { minClassShare } = description.labels;
    // Masks are read side by side: the order of the split makes the message the same each time.
    const findings = this.#found.sort((one, other) => one.position - other.position);
    const heading = `${countOf(findings.length, files.length)} a label in ${what} that contradicts the true mask`;
    const advice =
      "Correct the manifest or the masks; labels.minClassShare in the description " +
      `(now ${minClassShare}) is the share of a patch from which a class must be named`;
    throw fileProblemsError(heading, findings, advice, { minClassShare });
  }
}
