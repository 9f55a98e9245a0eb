/** The stage `pictures`: chosen patches beside their masks and predictions, as PNG files. */
import { join } from "node:path";
import { Classifier } from "../../classifier/classifier.js";
import { trueMaskReading } from "../../dataset/mask-indices.js";
import { readPatchFile } from "../../dataset/read-patch-file.js";
import type { PatchFile, Split } from "../../dataset/split.js";
import { makeFolder } from "../../files/make-folder.js";
import { replaceWhole } from "../../files/replace-whole.js";
import { readIndexPng, type ReadMaskOptions } from "../../image/index-png.js";
import type { PatchPixels } from "../../model/patch-source.js";
import { type PanelCell, type PanelRow, writePanel } from "../../pictures/panel.js";
import { drawnLevels, maskFilesOf } from "../../pseudo-masks/pseudo-mask-files.js";
import { Segmenter } from "../../segmenter/segmenter.js";
import { printable } from "../../text/printable.js";
import { type RunContext, sectionOf } from "../context.js";
import { recordedEvaluation } from "../plan.js";
import { maskSource, pseudoMaskFolder, type StageSource, weightSource } from "../sources.js";
import { performStage, type StageOutcome } from "../stage.js";
import { readMarker } from "../stage-marker.js";
import { hasTestMasks } from "./evaluation-stage.js";
import { type PatchPainter, predictPatch, writeIfNameable } from "./patch-painter.js";
import { drawRanked, rankedPatchesOf, type RankedPicture } from "./ranked-pictures.js";

const stage = "pictures";
const folderName = "pictures";

/** What the stage leaves in its marker. */
export interface PictureRecord {
  /** The files, relative to the run folder. */
  readonly pictures: readonly string[];
  /** Pictures that could not be named, since the file system takes no name of that length; relative to the run folder too. */
  readonly unnamed: readonly string[];
  /** Test patches that stand out by their scores, and their pictures; these are among {@link pictures} too. */
  readonly ranked: readonly RankedPicture[];
}

interface Sources {
  readonly classifier: StageSource;
  readonly segmenter: StageSource;
  /** Null where the segmenter has learned from true masks. */
  readonly masks: StageSource | null;
  /** Which execution of the evaluation the ranks of patches are of; null where nothing was scored. */
  readonly evaluation: string | null;
}

/** One column of a picture: its caption, and how a patch's cell is made. */
interface Column {
  readonly caption: string;
  cell(file: PatchFile, patch: PatchPixels): Promise<PanelCell>;
}

/** So many files, evenly spaced over the split. */
function choose(split: Split, count: number): PatchFile[] {
  const taken = Math.min(count, split.count);
  return Array.from({ length: taken }, (_, i) => split.files[Math.floor((i * split.count) / taken)]).filter(
    (file) => file !== undefined,
  );
}

function maskColumn(
  caption: string,
  reading: ReadMaskOptions,
  pathOf: (file: PatchFile) => string | undefined,
): Column {
  return {
    caption,
    cell: async (file) => {
      const path = pathOf(file);
      if (path === undefined) return { kind: "empty", note: "no true mask" };
      return { kind: "mask", indices: (await readIndexPng(path, reading)).indices };
    },
  };
}

function predictionColumn(caption: string, painter: PatchPainter, gated: boolean): Column {
  return {
    caption,
    cell: async (_, patch) => ({ kind: "mask", indices: await predictPatch(painter, patch, gated) }),
  };
}

const patchColumn: Column = {
  caption: "patch",
  cell: async (_, { rgb }) => await Promise.resolve({ kind: "patch", rgb }),
};

async function columnsOf(painter: PatchPainter, split: Split): Promise<Column[]> {
  const { context } = painter;
  const { description, palette } = context.dataset;
  const columns = [patchColumn, maskColumn("ground truth", trueMaskReading(description), ({ maskPath }) => maskPath)];
  if (split.name !== "train") {
    columns.push(predictionColumn("prediction", painter, false));
    if (sectionOf(context, "evaluation").gate) columns.push(predictionColumn("prediction, gated", painter, true));
    return columns;
  }
  if (sectionOf(context, "segmenter").masks === "pseudo") {
    const folder = context.sources.masks ?? join(context.root, pseudoMaskFolder);
    const { levels } = sectionOf(context, "pseudoMasks");
    // A folder of another run may hold more levels than this one has learned from.
    const learned = (await drawnLevels(folder)).filter(
      (level) => levels === "all" || (levels as readonly string[]).includes(level),
    );
    for (const level of learned) {
      const stems = split.files.map(({ stem }) => stem);
      const [paths = []] = await maskFilesOf(folder, [level], stems);
      const pathOf = new Map(stems.map((stem, index) => [stem, paths[index]]));
      columns.push(maskColumn(`pseudo mask ${level}`, { palette }, ({ stem }) => pathOf.get(stem)));
    }
  }
  columns.push(predictionColumn("prediction", painter, false));
  return columns;
}

/** Names of pictures, in the folder of all of them. */
interface SplitPictures {
  readonly written: readonly string[];
  readonly unnamed: readonly string[];
}

async function drawSplit(
  painter: PatchPainter,
  split: Split,
  folder: string,
  progress: () => void,
): Promise<SplitPictures> {
  const { context } = painter;
  const { classes, background } = context.dataset;
  const columns = await columnsOf(painter, split);
  const captions = columns.map(({ caption }) => caption);
  const rows: PanelRow[] = [];
  const written: string[] = [];
  const unnamed: string[] = [];
  for (const file of choose(split, sectionOf(context, "pictures").count)) {
    const { data, height, width } = await readPatchFile(file, context.signal);
    const cells: PanelCell[] = [];
    for (const column of columns) cells.push(await column.cell(file, { rgb: data, height, width }));
    const row = { title: file.stem, height, width, cells };
    const name = `${split.name}-${file.stem}.png`;
    const named = await writeIfNameable(join(folder, name), { captions, rows: [row], classes, background });
    rows.push(row);
    (named ? written : unnamed).push(name);
    progress();
  }
  if (rows.length > 0) {
    const title = `${context.dataset.name}, ${split.name}`;
    await writePanel(join(folder, `${split.name}.png`), { title, captions, rows, classes, background, panelPx: 192 });
    written.push(`${split.name}.png`);
  }
  sayUnnamed(painter, split, unnamed);
  return { written, unnamed };
}

/** Says which pictures are missing and where they can be seen all the same. */
function sayUnnamed({ context }: PatchPainter, { name }: Split, unnamed: readonly string[]): void {
  const [first] = unnamed;
  if (first === undefined) return;
  const several = unnamed.length > 1 ? ` and ${unnamed.length - 1} more` : "";
  context.reporter.warn(
    `no picture ${printable(first)}${several}: the name is too long for the file system (${Buffer.byteLength(first)} bytes in UTF-8); ` +
      `${folderName}/${name}.png shows the patch all the same. Shorter names of patches avoid it`,
  );
}

async function draw(context: RunContext, sources: Sources): Promise<PictureRecord> {
  const { root, dataset, device, signal, reporter } = context;
  const { count } = sectionOf(context, "pictures");
  const ranked = sources.evaluation === null ? [] : await rankedPatchesOf(context);
  const total = Math.min(count, dataset.train.count) + Math.min(count, dataset.test.count) + ranked.length;
  const classifier = await Classifier.load(sources.classifier.path, { ...device, signal });
  try {
    const segmenter = await Segmenter.load(sources.segmenter.path, { ...device, signal });
    try {
      const painter = { context, classifier, segmenter };
      let done = 0;
      const progress = (): void => reporter.progress({ stage, label: "pictures", done: ++done, total });
      const drawn = await replaceWhole(join(root, folderName), async (folder) => {
        await makeFolder(folder);
        const ofTrain = await drawSplit(painter, dataset.train, folder, progress);
        const ofTest = await drawSplit(painter, dataset.test, folder, progress);
        return { splits: [ofTrain, ofTest], ranked: await drawRanked(painter, ranked, folder, progress) };
      });
      const inRun = (names: readonly string[]): string[] => names.map((name) => join(folderName, name));
      const ofRanks = drawn.ranked.map((one) => ({ ...one, picture: join(folderName, one.picture) }));
      return {
        pictures: [...inRun(drawn.splits.flatMap(({ written }) => written)), ...ofRanks.map(({ picture }) => picture)],
        unnamed: inRun(drawn.splits.flatMap(({ unnamed }) => unnamed)),
        ranked: ofRanks,
      };
    } finally {
      await segmenter.dispose();
    }
  } finally {
    await classifier.dispose();
  }
}

/**
 * Draws some patches of train (patch, ground truth, pseudo masks, prediction) and test (patch, ground truth, predictions)
 * side by side into `pictures/`: one file a patch, and `train.png` and `test.png` with all of them; and the best, median and worst test
 * patches of the evaluation, with where they are wrong.
 */
export async function drawPictures(context: RunContext): Promise<StageOutcome<PictureRecord>> {
  const { root, dataset, fingerprint, sources: named } = context;
  const supervised = sectionOf(context, "segmenter").masks === "ground-truth";
  const sources = {
    classifier: await weightSource(root, "classifier", named.classifier),
    segmenter: await weightSource(root, "segmenter", named.segmenter),
    masks: supervised ? null : await maskSource(root, named.masks),
    evaluation: hasTestMasks(dataset) ? ((await readMarker(root, "evaluate"))?.id ?? null) : null,
  };
  return await performStage(context, {
    name: stage,
    key: {
      section: sectionOf(context, "pictures"),
      evaluation: recordedEvaluation(sectionOf(context, "evaluation")),
      levels: sectionOf(context, "pseudoMasks").levels,
      classifier: sources.classifier.identity,
      segmenter: sources.segmenter.identity,
      masks: sources.masks?.identity ?? null,
      dataset: fingerprint,
      // Without scores the key is what it was before there were ranks.
      ...(sources.evaluation !== null && { scores: sources.evaluation }),
    },
    outputs: [folderName],
    work: async () => await draw(context, sources),
  });
}
