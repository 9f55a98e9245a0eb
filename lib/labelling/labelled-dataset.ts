/** The dataset that is labelled: which patches it has, and its manifest and description, made anew from the labels. */
import path from "node:path";
import { systemCode, writeBytesAtomic } from "../files/file-access.js";
import {
  checkDescription,
  type DatasetDescription,
  descriptionFileName,
  readDatasetDescription,
} from "../dataset/description.js";
import { checkFolder } from "../dataset/open-dataset.js";
import type { TissueClass } from "../dataset/tissue-class.js";
import { csvLine } from "../text/csv-line.js";
import {
  type DatasetParts,
  type ManifestReading,
  partsOfDataset,
  partsOfFolder,
  type PatchToLabel,
} from "./patches-to-label.js";

/** The classes of a dataset and the names of those that each patch shows; null for a patch that is not labelled. */
export interface LabelsToWrite {
  readonly classes: readonly TissueClass[];
  /** Classes that are called otherwise than when the dataset was opened: name then -> name now. */
  readonly renamed: ReadonlyMap<string, string>;
  /** In the order of the patches. */
  readonly shown: readonly (readonly string[] | null)[];
}

/** Where a copy of a description and its manifest is. */
export interface LabelsCopy {
  readonly description: string;
  readonly manifest: string;
}

/** A dataset that is labelled. */
export class LabelledDataset {
  readonly folder: string;
  readonly title: string;
  readonly patches: readonly PatchToLabel[];
  /** Pictures beside those of the manifest, which no row names. */
  readonly unlisted: readonly string[];
  /** Classes that it had. */
  readonly classes: readonly TissueClass[];
  /** What is none of the classes: its name, alone in a label, says that none of them is there. */
  readonly background: TissueClass;
  readonly manifest: string;
  readonly #columns: readonly string[];
  /** Cells of every row, by column. */
  readonly #rows: readonly ReadonlyMap<string, string>[];
  readonly #descriptionFile: string;
  /** As it was when the dataset was opened. */
  readonly #description: Readonly<Record<string, unknown>>;
  #lastDescription: string;

  private constructor(parts: DatasetParts) {
    this.folder = parts.folder;
    this.title = parts.title;
    this.patches = parts.patches;
    this.unlisted = parts.unlisted;
    this.classes = parts.classes;
    this.background = parts.background;
    this.manifest = parts.manifest;
    this.#columns = parts.columns;
    this.#rows = parts.rows;
    this.#descriptionFile = path.join(parts.folder, descriptionFileName);
    this.#description = parts.description;
    this.#lastDescription = textOf(parts.description);
  }

  /**
   * Opens a dataset with a manifest, or a folder of pictures, which becomes one.
   *
   * Of a manifest the rows of train are labelled, and those of val and test that have no true mask.
   * @param reading - tells a class by any name that it ever had, since after a crash one of the two files may have an older one.
   * @throws WsssError `WSSS_ERR_DATASET` for a dataset that can't be labelled so; `WSSS_ERR_IO`.
   */
  static async open(folder: string, reading: ManifestReading): Promise<LabelledDataset> {
    await checkFolder(folder);
    const file = path.join(folder, descriptionFileName);
    let description: DatasetDescription;
    try {
      description = await readDatasetDescription(file);
    } catch (error) {
      if (systemCode((error as Error).cause) !== "ENOENT") throw error;
      return new LabelledDataset(await partsOfFolder(folder));
    }
    return new LabelledDataset(await partsOfDataset(folder, description, file, reading));
  }

  /**
   * Writes manifest and description, each whole or not at all. Nothing is written before there are two classes, which no dataset does
   * without.
   * @throws WsssError `WSSS_ERR_IO`.
   */
  async save(labels: LabelsToWrite): Promise<void> {
    if (labels.classes.length < 2) return;
    const { manifest, description } = this.#written(labels);
    const text = textOf(description);
    if (text !== this.#lastDescription) await writeBytesAtomic(this.#descriptionFile, text);
    this.#lastDescription = text;
    await writeBytesAtomic(this.manifest, manifest);
  }

  /**
   * Writes manifest and description beside those that follow the labels, for work that must not see them change.
   * @param name - of both files, without their endings.
   * @returns paths of both.
   * @throws WsssError `WSSS_ERR_IO`.
   */
  async writeCopy(labels: LabelsToWrite, name: string): Promise<LabelsCopy> {
    const { manifest, description } = this.#written(labels);
    const file = path.join(path.dirname(this.manifest), `${name}.csv`);
    await writeBytesAtomic(file, manifest);
    const relative = path.relative(this.folder, file).split(path.sep).join("/");
    const copy = { ...description, labels: { ...(description["labels"] as object), file: relative } };
    const place = path.join(this.folder, `${name}.json`);
    await writeBytesAtomic(place, textOf(copy));
    return { description: place, manifest: file };
  }

  /** Both files, as they are to be. */
  #written({ classes, renamed, shown }: LabelsToWrite): {
    readonly manifest: string;
    readonly description: Record<string, unknown>;
  } {
    const cellOf = new Map(
      this.patches.map(({ row }, index) => {
        const names = shown[index];
        return [
          row,
          names === null || names === undefined ? "" : names.length === 0 ? this.background.name : names.join(";"),
        ];
      }),
    );
    const renamedCell = (cell: string): string =>
      cell
        .split(";")
        .map((name) => renamed.get(name.trim()) ?? name)
        .join(";");
    const lines = this.#rows.map((cells, row) =>
      csvLine(
        this.#columns.map((column) => {
          const cell = cells.get(column) ?? "";
          return column === "labels" ? (cellOf.get(row) ?? renamedCell(cell)) : cell;
        }),
      ),
    );
    const description = this.#described(
      classes,
      renamed,
      shown.some((names) => names?.length === 0),
    );
    return { manifest: csvLine(this.#columns) + lines.join(""), description };
  }

  /**
   * How the true masks are numbered: as they were, whatever classes were added since, which get values that no mask has.
   * @returns undefined where there are no masks, or it is the numbering that nobody has to say.
   */
  #maskIndices(
    classes: readonly TissueClass[],
    renamed: ReadonlyMap<string, string>,
  ): Readonly<Record<string, string>> | undefined {
    const { maskIndices: given } = this.#description;
    const hasMasks = this.#rows.some((cells) => (cells.get("mask") ?? "") !== "");
    if (given === undefined && (!hasMasks || classes.length === this.classes.length)) return undefined;
    const named = (given ??
      Object.fromEntries([...this.classes, this.background].map(({ name }, index) => [index, name]))) as Record<
      string,
      string
    >;
    const indices = Object.fromEntries(
      Object.entries(named).map(([value, name]) => [value, renamed.get(name) ?? name]),
    );
    for (const { name } of classes) {
      if (Object.values(indices).includes(name)) continue;
      const free = maskValues.find((value) => indices[String(value)] === undefined);
      if (free !== undefined) indices[String(free)] = name;
    }
    return indices;
  }

  #described(
    classes: readonly TissueClass[],
    renamed: ReadonlyMap<string, string>,
    hasEmpty: boolean,
  ): Record<string, unknown> {
    const { labels, ...rest } = this.#description;
    const maskIndices = this.#maskIndices(classes, renamed);
    const next = {
      ...rest,
      classes,
      labels: { ...(labels as object), unlabelled: "skip", ...(hasEmpty && { allowEmpty: true }) },
      ...(maskIndices !== undefined && { maskIndices }),
    };
    checkDescription(next, this.#descriptionFile);
    return next;
  }
}

/** Values that a pixel of a mask can have, but for 255, which is ignored or nothing. */
const maskValues = Array.from({ length: 255 }, (_, value) => value);

function textOf(description: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(description, null, 2)}\n`;
}
