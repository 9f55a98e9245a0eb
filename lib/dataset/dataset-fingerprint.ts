/** The fingerprint of a dataset: classes, glass, and digests of the files of each split. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { mapConcurrently } from "../async/map-concurrently.js";
import { ioFailure } from "../files/file-access.js";
import type { Dataset } from "./open-dataset.js";
import type { SplitFingerprint } from "./split-fingerprint.js";
import type { Split } from "./split.js";
import type { MaskIndices, TissueClass } from "./tissue-class.js";

/** What tells one dataset from another, wherever it lies; part of `run.json` and of the keys of the stages. */
export interface DatasetFingerprint {
  readonly name: string;
  readonly classes: readonly Pick<TissueClass, "name" | "colour">[];
  readonly background: Pick<TissueClass, "name" | "colour">;
  readonly glass: Dataset["glass"];
  /** Absent where the true masks are numbered as usual, so that such datasets keep their fingerprints. */
  readonly maskIndices?: MaskIndices;
  readonly train: SplitFingerprint;
  readonly val: SplitFingerprint;
  readonly test: SplitFingerprint;
}

async function digestOfFiles(lines: readonly { readonly path: string; readonly note: string }[]): Promise<string> {
  // Many patches lie on one slide.
  const paths = [...new Set(lines.map(({ path }) => path))];
  const sizes = await mapConcurrently(
    paths,
    async (path) => {
      try {
        return (await stat(path)).size;
      } catch (error) {
        throw ioFailure(error, "read", path);
      }
    },
    { limit: 16, what: "listing the dataset" },
  );
  const sizeOf = new Map(paths.map((path, index) => [path, sizes[index]]));
  const hash = createHash("sha256");
  for (const { path, note } of lines) hash.update(`${basename(path)}\t${note}\t${String(sizeOf.get(path))}\n`);
  return hash.digest("hex");
}

/** What tells a split from another: names, labels, patients and sizes of its files. @throws WsssError `WSSS_ERR_IO` */
export async function fingerprintSplit(split: Split): Promise<SplitFingerprint> {
  const held = await split.heldFingerprint();
  if (held !== null) return held;
  const patches = split.files.map(({ imagePath, place, labels, patient }) => {
    const label = `${place === undefined ? "" : `${JSON.stringify(place)}\t`}${labels?.join("") ?? ""}`;
    // Where no patient is named nothing is added, so that datasets without patients keep their fingerprints.
    return { path: imagePath, note: patient === undefined ? label : `${label}\t${patient}` };
  });
  // The same files numbered otherwise are other masks. JavaScript keeps whole numbers as keys in their order.
  const note = split.maskIndices === null ? "" : JSON.stringify(split.maskIndices);
  const masks = split.files.flatMap(({ maskPath }) => (maskPath === undefined ? [] : [{ path: maskPath, note }]));
  return {
    count: split.count,
    patches: await digestOfFiles(patches),
    masks: masks.length > 0 ? await digestOfFiles(masks) : null,
  };
}

/** Looks at names and sizes of all files of a dataset; opens none. @throws WsssError `WSSS_ERR_IO` */
export async function fingerprintDataset(dataset: Dataset): Promise<DatasetFingerprint> {
  const { maskIndices } = dataset.description;
  const plain = ({ name, colour }: TissueClass): Pick<TissueClass, "name" | "colour"> => ({ name, colour });
  return {
    name: dataset.name,
    classes: dataset.classes.map(plain),
    background: plain(dataset.background),
    glass: dataset.glass,
    ...(maskIndices !== undefined && { maskIndices }),
    train: await fingerprintSplit(dataset.train),
    val: await fingerprintSplit(dataset.val),
    test: await fingerprintSplit(dataset.test),
  };
}

/** The part of a fingerprint that every stage depends on. */
export function classesOf({ classes, background }: DatasetFingerprint): object {
  return { classes, background };
}
