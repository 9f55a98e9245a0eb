// Mosaics of patches of one tissue: held pixel by pixel against a slow composition, drawn evenly, within patients, and in a training.
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { drain } from "../dist/async/drain.js";
import { Classifier, openDataset, Segmenter } from "../dist/index.js";
import { fewestPieces, type LabelledSplit, mosaicShare, mosaicPieces } from "../dist/segmenter/mosaic-share.js";
import { patientNumbers } from "../dist/segmenter/patient-numbers.js";
import { indexPattern, maskPng, patchPng } from "./support/dataset-folder.js";
import { manifestFolder } from "./support/manifest-folder.js";
import { tinyDataset, tinyWidth } from "./support/tiny-models.js";
import { makeWorkspace, type Workspace } from "./support/test-addon.js";

let workspace: Workspace;
beforeAll(async () => {
  workspace = await makeWorkspace(fileURLToPath(new URL("..", import.meta.url)));
});

interface Drawn {
  readonly shown: Uint8Array;
  readonly masks: Uint8Array;
  /** Of each patch: patch, row, column, weight, flips, turns of its pieces; none where the patch is shown. */
  readonly pieces: readonly (readonly (readonly number[])[])[];
}

interface Material {
  readonly height: number;
  readonly width: number;
  /** Present classes of each patch. */
  readonly labels: readonly (readonly number[])[];
  readonly patients?: readonly number[];
}

const levels = 2;
const imageAt = (patch: number, row: number, column: number, c: number): number =>
  (patch * 37 + row * 5 + column * 3 + c * 11) % 256;
const maskAt = (level: number, patch: number, row: number, column: number): number =>
  (patch * 7 + level * 3 + row * 2 + column) % 5;

/** Every value of [size, ...], the last index fastest. */
function filled(shape: readonly number[], valueAt: (...at: number[]) => number): Uint8Array {
  const values = new Uint8Array(shape.reduce((product, one) => product * one, 1));
  for (let index = 0; index < values.length; index += 1) {
    const at: number[] = [];
    for (let axis = shape.length - 1, rest = index; axis >= 0; axis -= 1) {
      at.unshift(rest % shape[axis]!);
      rest = Math.floor(rest / shape[axis]!);
    }
    values[index] = valueAt(...at);
  }
  return values;
}

function draw({ height, width, labels, patients = [] }: Material, share: number, seed = 5, contrast = false): Drawn {
  const count = labels.length;
  const classes = labels[0]!.length;
  const set = (name: string, shape: number[], values: Uint8Array): void =>
    workspace.set(name, { dtype: "uint8", shape, data: values.buffer as ArrayBuffer });
  set("images", [count, height, width, 3], filled([count, height, width, 3], imageAt));
  set("masks", [levels, count, height, width], filled([levels, count, height, width], maskAt));
  set("labels", [count, classes], Uint8Array.from(labels.flat()));
  workspace.run("draw_mosaics", { seed, epoch: 3, share, patients: [...patients], contrast });
  expect(new Uint8Array(workspace.get("same").data)).toEqual(new Uint8Array([1]));
  const table = Array.from(new BigInt64Array(workspace.get("pieces").data), Number);
  const pieces = labels.map((_, patch) =>
    [0, 1, 2, 3, 4, 5]
      .map((i) => table.slice((patch * 6 + i) * 7, (patch * 6 + i + 1) * 7))
      .filter(([source]) => source! >= 0),
  );
  return {
    shown: new Uint8Array(workspace.get("shown").data),
    masks: new Uint8Array(workspace.get("shown_masks").data),
    pieces,
  };
}

/** Where in its own patch a pixel of a piece lies. */
function sourceOf(piece: readonly number[], row: number, column: number, height: number, width: number): number[] {
  const [, , , , flopped, flipped, turns] = piece;
  let [y, x] = [flipped === 1 ? height - 1 - row : row, flopped === 1 ? width - 1 - column : column];
  const taken = height === width ? turns! : turns! & 2;
  for (let turn = 0; turn < taken; turn += 1) [y, x] = [x, (turn % 2 === 0 ? height : width) - 1 - y];
  return [y, x];
}

/** Two classes, of which patches hold one, the other, or both. */
const usual: Material = {
  height: 8,
  width: 8,
  labels: Array.from(
    { length: 60 },
    (_, i) =>
      [
        [1, 0],
        [0, 1],
        [1, 1],
      ][i % 3]!,
  ),
};

test.each([
  { ...usual, height: 24, width: 24 },
  { ...usual, height: 18, width: 30 },
])("each pixel is that of the nearest piece (%#)", (material) => {
  const { height, width, labels } = material;
  const { shown, masks, pieces } = draw(material, 1);
  const [wanted, wantedMasks] = [new Uint8Array(shown.length), new Uint8Array(masks.length)];
  for (const [patch, own] of pieces.entries()) {
    for (let at = 0; at < height * width; at += 1) {
      const [row, column] = [Math.floor(at / width), at % width];
      const distances = own.map(([, y, x, weight]) => ((row - y!) ** 2 + (column - x!) ** 2) * weight!);
      const piece = own[distances.indexOf(Math.min(...distances))]!;
      const [y, x] = sourceOf(piece, row, column, height, width);
      for (let c = 0; c < 3; c += 1) {
        wanted[(patch * height * width + at) * 3 + c] = imageAt(piece[0]!, y!, x!, c);
      }
      for (let level = 0; level < levels; level += 1) {
        wantedMasks[(level * labels.length + patch) * height * width + at] = maskAt(level, piece[0]!, y!, x!);
      }
    }
  }
  expect(Buffer.from(shown).equals(Buffer.from(wanted))).toBe(true);
  expect(Buffer.from(masks).equals(Buffer.from(wantedMasks))).toBe(true);
});

describe("draws", () => {
  const single = (material: Material, patch: number): number =>
    material.labels[patch]!.filter((one) => one === 1).length === 1 ? material.labels[patch]!.indexOf(1) : -1;

  test("are of patches of one class, two to six of two classes at least, all of them evenly", () => {
    const counts = new Map<number, number>();
    const classes = [0, 0];
    for (let seed = 0; seed < 20; seed += 1) {
      for (const own of draw(usual, 1, seed).pieces) {
        const of = own.map(([patch]) => single(usual, patch!));
        expect(of).not.toContain(-1);
        expect(new Set(of).size).toBe(2);
        counts.set(own.length, (counts.get(own.length) ?? 0) + 1);
        for (const k of of) classes[k]! += 1;
      }
    }
    expect([...counts.keys()].sort()).toEqual([2, 3, 4, 5, 6]);
    for (const count of counts.values()) expect(count / 1200).toBeCloseTo(1 / 5, 1);
    expect(classes[0]! / (classes[0]! + classes[1]!)).toBeCloseTo(0.5, 1);
  });

  test("come evenly from classes, however many patches of one there are", () => {
    const labels = Array.from({ length: 40 }, (_, i) => (i === 0 ? [1, 0, 0] : i === 1 ? [0, 1, 0] : [0, 0, 1]));
    const material = { ...usual, labels };
    const first = [0, 0, 0];
    for (let seed = 0; seed < 30; seed += 1) {
      for (const [piece] of draw(material, 1, seed).pieces) first[single(material, piece![0]!)]! += 1;
    }
    for (const count of first) expect(count / 1200).toBeCloseTo(1 / 3, 1);
  });

  test("take the place of the asked share of patches, and others stay as they are", () => {
    let mosaics = 0;
    for (let seed = 0; seed < 10; seed += 1) {
      const { shown, pieces } = draw(usual, 0.3, seed);
      mosaics += pieces.filter((own) => own.length > 0).length;
      const still = pieces.findIndex((own) => own.length === 0);
      expect(shown[(still * 64 + 4 * 8 + 4) * 3]).toBe(imageAt(still, 4, 4, 0));
    }
    expect(mosaics / 600).toBeCloseTo(0.3, 1);
    expect(draw(usual, 0).pieces.flat()).toEqual([]);
    expect(draw(usual, 0.5, 7).pieces).toEqual(draw(usual, 0.5, 7).pieces);
    expect(draw(usual, 0.5, 7).pieces).not.toEqual(draw(usual, 0.5, 8).pieces);
  });

  test("are of one patient, where one has patches of two classes; patients of one class are left out", () => {
    // Patients 4 and 9 have both classes, 1 has the first alone.
    const patients = usual.labels.map((_, i) => (i < 30 ? 4 : i < 58 ? 9 : 1));
    const seen = new Set<number>();
    for (const own of draw({ ...usual, patients }, 1).pieces) {
      const of = new Set(own.map(([patch]) => patients[patch!]!));
      expect(of.size).toBe(1);
      seen.add([...of][0]!);
    }
    expect([...seen].sort()).toEqual([4, 9]);
    // Nobody has two: pieces of different patients then.
    const apart = usual.labels.map((_, i) => i);
    expect(draw({ ...usual, patients: apart }, 1).pieces[0]!.length).toBeGreaterThan(1);
  });

  test("of a contrast change about the mean of all pieces, the same wherever it is computed", () => {
    expect(draw(usual, 0.5, 5, true).shown).not.toEqual(draw(usual, 0.5).shown);
  });

  test("are refused where fewer than two classes have patches of their own", () => {
    const labels = usual.labels.map(([gland]) => [1, gland === 1 ? 0 : 1]);
    expect(() => draw({ ...usual, labels }, 1)).toThrow(/mosaics are made of patches that hold one class alone/);
  });
});

describe("a training", () => {
  test("with mosaics learns, otherwise than without, and the same again", async () => {
    const data = await tinyDataset();
    const losses = async (mosaic: number): Promise<number[]> => {
      await using segmenter = await Segmenter.create({
        classes: data.classes,
        width: tinyWidth,
        seed: 2,
        device: "cpu",
      });
      const options = { masks: "ground-truth", epochs: 2, batchSize: 4, mosaic } as const;
      const seen: number[] = [];
      for await (const event of segmenter.train(data.train, options)) if (event.kind === "step") seen.push(event.loss);
      return seen;
    };
    const [none, half] = [await losses(0), await losses(0.5)];
    expect(none).toHaveLength(4);
    expect(half).not.toEqual(none);
    expect(await losses(0.5)).toEqual(half);
    for (const loss of half) expect(Number.isFinite(loss)).toBe(true);
  });

  test("is refused at once where mosaics can't be made, or would leave out a class", async () => {
    const files: Record<string, Uint8Array> = {};
    const rows = ["image,mask,split,labels"];
    for (const seed of [0, 1, 2, 3]) {
      files[`p${seed}.png`] = await patchPng(32, 32, seed);
      files[`m${seed}.png`] = maskPng(indexPattern(32, 32, 2, seed), 32, 32);
      rows.push(`p${seed}.png,m${seed}.png,train,${seed === 0 ? "gland" : "gland;stroma"}`);
    }
    const data = await openDataset(await manifestFolder(rows.join("\n"), { files }), { require: ["train"] });
    await using segmenter = await Segmenter.create({ classes: data.classes, width: tinyWidth, device: "cpu" });
    const options = { masks: "ground-truth", epochs: 1, batchSize: 2, mosaic: 0.5 } as const;
    const refused = (mosaic: number): unknown => {
      try {
        return segmenter.train(data.train, { ...options, mosaic });
      } catch (error) {
        return error;
      }
    };
    for (const mosaic of [0.5, 1]) {
      expect(refused(mosaic)).toMatchObject({ code: "WSSS_ERR_DATASET", details: { option: "mosaic" } });
    }
    const three = splitOf([
      ["gland", 1],
      ["stroma", 1],
      ["fat", 0],
    ]);
    const shareOf = (mosaic: number) => (): unknown => mosaicShare("train", three, mosaic, "pseudo");
    expect(shareOf(0.9)()).toMatchObject({ share: 0.9 });
    expect(shareOf(1)).toThrow(/has 1 of gland, 1 of stroma, 0 of fat; every class has such patches/);
  });
});

/** A split whose classes have so many patches of their own, of the patients, in turns; and two patches of all classes. */
function splitOf(counts: readonly (readonly [string, number])[], patientsOf: readonly string[][] = []): LabelledSplit {
  const classes = counts.map(([name], index) => ({ name, colour: [index, 0, 0] as const }));
  const patch = { stem: "patch", imagePath: "patch.png" };
  const single = counts.flatMap(([, count], own) =>
    Array.from({ length: count }, (_, index) => {
      const labels = classes.map((__, k) => (k === own ? 1 : 0));
      const patients = patientsOf[own];
      return { ...patch, labels, ...(patients && { patient: patients[index % patients.length]! }) };
    }),
  );
  const mixed = { ...patch, labels: classes.map(() => 1), patient: "P0" };
  return { classes, dataset: "made", files: [...single, mixed, mixed] };
}

describe("auto", () => {
  const enough = [
    ["gland", fewestPieces],
    ["stroma", fewestPieces],
  ] as const;
  const auto = (split: LabelledSplit, masks: "pseudo" | "ground-truth" = "pseudo") =>
    mosaicShare("train", split, "auto", masks);

  test("is half where each class has patches enough of its own, and says how many", () => {
    const { share, reason } = auto(splitOf(enough));
    expect(share).toBe(0.5);
    expect(reason).toMatch(/^patches labelled with one class alone: \d+ of gland, \d+ of stroma$/);
  });

  test("is none with true masks, with labels that are not known yet, and where a class has too few", () => {
    expect(auto(splitOf(enough), "ground-truth").share).toBe(0);
    const { files, ...split } = splitOf(enough);
    const unknown = files.map(({ labels: _, ...file }) => file);
    expect(auto({ ...split, files: unknown })).toEqual({
      share: 0,
      reason: "labels are read from masks",
    });
    const few = auto(splitOf([...enough, ["fat", fewestPieces - 1]]));
    expect(few.share).toBe(0);
    expect(few.reason).toMatch(/: \d+ of fat; \d+ of each class are needed$/);
  });

  test("counts only patches of patients who have some of two classes, where there is such a patient", () => {
    // All of P1: he has both. P2 has stroma alone.
    expect(auto(splitOf(enough, [["P1"], ["P1"]])).share).toBe(0.5);
    const apart = splitOf(enough, [["P1"], ["P1", "P2"]]);
    expect(auto(apart).share).toBe(0);
    expect(auto(apart).reason).toMatch(
      /alone, of patients who have such patches of two classes: 8 of stroma; 16 of each/,
    );
    // Nobody has both, so that pieces come from anybody.
    expect(auto(splitOf(enough, [["P1"], ["P2"]])).share).toBe(0.5);
    // Of whom fat is, has nothing else: it would be on no mosaic.
    const fat = splitOf([...enough, ["fat", 40]], [["P1"], ["P1"], ["P2"]]);
    const all = (): unknown => mosaicShare("train", fat, 1, "pseudo");
    expect(all).toThrow(
      /of patients who have such patches of two classes, and made has 16 of gland, 16 of stroma, 0 of fat/,
    );
  });

  test("counts the patches that mosaics are really made of", () => {
    const labels = Array.from(
      { length: 60 },
      (_, i) =>
        [
          [1, 0, 0],
          [0, 1, 0],
          [0, 0, 1],
          [1, 1, 0],
        ][i % 4]!,
    );
    const patientsOf: readonly ((patch: number) => string | undefined)[] = [
      () => undefined,
      (patch) => `P${patch % 8}`,
      (patch) => `P${Math.floor(patch / 5)}`,
      (patch) => (patch < 30 ? undefined : `P${patch % 3}`),
      (patch) => (patch % 4 === 2 ? undefined : `P${patch % 5}`),
    ];
    for (const patientOf of patientsOf) {
      const files = labels.map((label, patch) => {
        const patient = patientOf(patch);
        return { labels: label, ...(patient !== undefined && { patient }) };
      });
      const seen = new Set<number>();
      for (let seed = 0; seed < 30; seed += 1) {
        const drawn = draw({ ...usual, labels, patients: patientNumbers(files) }, 1, seed);
        for (const [patch] of drawn.pieces.flat()) seen.add(patch!);
      }
      const counts = [0, 0, 0];
      for (const patch of seen) counts[labels[patch]!.indexOf(1)]! += 1;
      const classes = ["gland", "stroma", "fat"].map((name, index) => ({ name, colour: [index, 0, 0] as const }));
      expect(mosaicPieces({ files, classes })!.counts.map(({ count }) => count)).toEqual(counts);
    }
  });

  test("trains as the share that it stands for, which the weights record", async () => {
    const files: Record<string, Uint8Array> = {};
    const rows = ["image,split,labels"];
    for (let seed = 0; seed < 2 * fewestPieces; seed += 1) {
      files[`p${seed}.png`] = await patchPng(32, 32, seed);
      rows.push(`p${seed}.png,train,${seed % 2 === 0 ? "gland" : "stroma"}`);
    }
    const { train, classes } = await openDataset(await manifestFolder(rows.join("\n"), { files }), {
      require: ["train"],
    });
    const network = { classes, width: tinyWidth, device: "cpu" } as const;
    await using classifier = await Classifier.create(network);
    const masks = await classifier.generatePseudoMasks(train);
    const trained = async (options: object): Promise<Segmenter> => {
      const segmenter = await Segmenter.create(network);
      await drain(segmenter.train(train, { masks, epochs: 1, batchSize: 8, ...options }));
      return segmenter;
    };
    await using automatic = await trained({});
    await using half = await trained({ mosaic: 0.5 });
    await using none = await trained({ mosaic: 0 });
    expect(automatic.trainings).toEqual(half.trainings);
    expect(automatic.trainings[0]!.settings).toMatchObject({ mosaic: 0.5 });
    expect(automatic.trainings[0]!.epochs).not.toEqual(none.trainings[0]!.epochs);
  });
});
