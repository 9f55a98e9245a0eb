/** Scores by patch, boundary F1, bootstrap intervals and paired comparison, each against a plain computation of its own. */
import { describe, expect, test } from "@jest/globals";
import { compareEvaluations, confidenceIntervals, type ScoreTable } from "../dist/index.js";
import { defined, evaluateMasks, type MaskPair, numbersFrom, rowsWithHits } from "./support/masks.js";

interface Size {
  readonly height: number;
  readonly width: number;
}

/** Blobs of K classes, background (K) and ignored pixels (255); predictions are the truth with some blobs moved. */
function blobs(seed: number, { height, width }: Size, classCount: number): MaskPair {
  const draw = numbersFrom(seed);
  const truth = new Uint8Array(height * width).fill(draw(classCount));
  const prediction = Uint8Array.from(truth);
  const paint = (mask: Uint8Array, y: number, x: number, radius: number, index: number): void => {
    for (let row = 0; row < height; row += 1) {
      for (let column = 0; column < width; column += 1) {
        if ((row - y) ** 2 + (column - x) ** 2 <= radius ** 2) mask[row * width + column] = index;
      }
    }
  };
  for (let blob = 0; blob < 6; blob += 1) {
    const [y, x, radius] = [draw(height), draw(width), 2 + draw(6)];
    const index = blob === 0 ? 255 : draw(classCount + 1);
    paint(truth, y, x, radius, index);
    paint(prediction, y + draw(3), x + draw(3), radius, index === 255 ? 0 : index);
  }
  return { truth, prediction };
}

/** Boundary F1 as it is defined, pixel against pixel. */
function boundaryF1(
  pairs: readonly MaskPair[],
  { height, width }: Size,
  classCount: number,
  tolerance: number,
): number[] {
  const boundary = (mask: Uint8Array, truth: Uint8Array, own: number): [number, number][] => {
    const found: [number, number][] = [];
    const label = (y: number, x: number): number => Math.min(mask[y * width + x]!, classCount);
    const scored = (y: number, x: number): boolean =>
      y >= 0 && y < height && x >= 0 && x < width && truth[y * width + x]! < classCount;
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        if (!scored(y, x) || label(y, x) !== own) continue;
        const beside = [
          [y - 1, x],
          [y + 1, x],
          [y, x - 1],
          [y, x + 1],
        ] as const;
        if (beside.some(([ny, nx]) => scored(ny, nx) && label(ny, nx) !== own)) found.push([y, x]);
      }
    }
    return found;
  };
  const near = (from: [number, number][], to: [number, number][]): number =>
    from.filter(([y, x]) => to.some(([v, u]) => Math.hypot(y - v, x - u) <= tolerance)).length;
  return Array.from({ length: classCount }, (_, own) => {
    let [predicted, predictedNear, real, realNear] = [0, 0, 0, 0];
    for (const { truth, prediction } of pairs) {
      const [a, b] = [boundary(prediction, truth, own), boundary(truth, truth, own)];
      predicted += a.length;
      real += b.length;
      predictedNear += near(a, b);
      realNear += near(b, a);
    }
    if (predicted + real === 0) return Number.NaN;
    if (predictedNear === 0 || realNear === 0) return 0;
    const [precision, recall] = [predictedNear / predicted, realNear / real];
    return (2 * precision * recall) / (precision + recall);
  });
}

describe("boundary F1", () => {
  const size = { height: 31, width: 44 };

  test.each([0, 1, 1.5, 3.2])("is what its definition says, tolerance %d px", async (tolerance) => {
    const pairs = [1, 2, 3, 4].map((seed) => blobs(seed, size, 3));
    const evaluation = await evaluateMasks(pairs, size, 3, { boundaryTolerance: tolerance });
    const expected = boundaryF1(pairs, size, 3, tolerance);
    for (const [index, value] of expected.entries()) expect(evaluation.boundaryF1[index]).toBeCloseTo(value, 12);
    expect(evaluation.meanBoundaryF1).toBeCloseTo(expected.reduce((sum, value) => sum + value, 0) / 3, 12);
    for (const [index, patch] of evaluation.patches.entries()) {
      const own = boundaryF1([pairs[index]!], size, 3, tolerance);
      for (const [k, value] of own.entries()) {
        if (Number.isNaN(value)) expect(patch.boundaryF1[k]).toBeNull();
        else expect(patch.boundaryF1[k]).toBeCloseTo(value, 12);
      }
    }
  });

  test("takes 0.75 per cent of the diagonal by default", async () => {
    const large = { height: 200, width: 150 };
    const pairs = [blobs(7, large, 2)];
    const automatic = await evaluateMasks(pairs, large, 2);
    const said = await evaluateMasks(pairs, large, 2, { boundaryTolerance: 0.0075 * 250 });
    const other = await evaluateMasks(pairs, large, 2, { boundaryTolerance: 0 });
    expect(automatic.boundaryF1).toEqual(said.boundaryF1);
    expect(automatic.boundaryF1).not.toEqual(other.boundaryF1);
  });

  test("is 1 for equal masks, 0 for a boundary in one of them, undefined without any", async () => {
    const truth = Uint8Array.from({ length: 36 }, (_, pixel) => (pixel % 6 < 3 ? 0 : 1));
    const flat = new Uint8Array(36);
    const both = await evaluateMasks([{ truth, prediction: truth }], { height: 6, width: 6 }, 3);
    expect(both.boundaryF1).toEqual([1, 1, null]);
    const one = await evaluateMasks([{ truth, prediction: flat }], { height: 6, width: 6 }, 3);
    expect(one.boundaryF1).toEqual([0, 0, null]);
  });

  test("does not take the border of ignored pixels or of background for a boundary", async () => {
    const truth = Uint8Array.from({ length: 36 }, (_, pixel) => [0, 255, 2][Math.floor((pixel % 6) / 2)]!);
    const prediction = Uint8Array.from({ length: 36 }, (_, pixel) => (pixel % 6 < 2 ? 0 : 1));
    const { boundaryF1: scores } = await evaluateMasks([{ truth, prediction }], { height: 6, width: 6 }, 2);
    expect(scores).toEqual([null, null]);
  });
});

describe("scores by patch", () => {
  const size = { height: 20, width: 24 };

  test("are those of each patch alone, and their counts sum to the whole", async () => {
    const pairs = [11, 12, 13].map((seed) => blobs(seed, size, 4));
    const evaluation = await evaluateMasks(pairs, size, 4, { patients: ["a", "a", "b"] });
    expect(evaluation.patches.map(({ stem, patient }) => [stem, patient])).toEqual([
      ["p0", "a"],
      ["p1", "a"],
      ["p2", "b"],
    ]);
    const scored = (pair: MaskPair): number => pair.truth.filter((index) => index < 4).length;
    const right = (pair: MaskPair): number =>
      pair.truth.filter((index, pixel) => index < 4 && pair.prediction[pixel] === index).length;
    for (const [index, pair] of pairs.entries()) {
      expect(evaluation.patches[index]!.pixelAccuracy).toBeCloseTo(right(pair) / scored(pair), 12);
      const alone = await evaluateMasks([pair], size, 4);
      expect(evaluation.patches[index]!.iou).toEqual(alone.iou);
      expect(evaluation.patches[index]!.mIoU).toEqual(alone.mIoU);
    }
    const sum = (of: (pair: MaskPair) => number): number => pairs.reduce((total, pair) => total + of(pair), 0);
    expect(evaluation.pixelAccuracy).toBeCloseTo(sum(right) / sum(scored), 12);
    expect(evaluation.confusion.flat().reduce((total, count) => total + count, 0)).toBe(sum(scored));
  });

  /** Every score but those by class, and those of each class together. */
  const valuesOf = (table: ScoreTable<unknown>): unknown[] => {
    const { pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1, iou, dice, boundaryF1 } = table;
    return [pixelAccuracy, meanClassAccuracy, mIoU, fwIoU, meanBoundaryF1, ...iou, ...dice, ...boundaryF1];
  };
  const nothing = (length: number): MaskPair => ({
    truth: new Uint8Array(length).fill(255),
    prediction: new Uint8Array(length),
  });

  test("of a set without any pixel to score are null, all of them, and so are their intervals and differences", async () => {
    const evaluation = await evaluateMasks([nothing(480), nothing(480)], size, 2);
    expect(valuesOf(evaluation)).toEqual(Array.from({ length: 11 }, () => null));
    for (const patch of evaluation.patches) expect(valuesOf(patch)).toEqual(Array.from({ length: 11 }, () => null));
    const { scores } = await confidenceIntervals(evaluation);
    expect(valuesOf(scores)).toEqual(Array.from({ length: 11 }, () => ({ low: null, high: null })));
    const { difference, intervals, pValues, patches } = await compareEvaluations(evaluation, evaluation);
    for (const table of [difference, pValues]) expect(valuesOf(table)).toEqual(Array.from({ length: 11 }, () => null));
    expect(valuesOf(intervals)).toEqual(Array.from({ length: 11 }, () => ({ low: null, high: null })));
    expect(patches).toEqual({ better: 0, worse: 0, equal: 2 });
  });

  test("of one patch without any pixel to score are null, and do not pull the others' interval down", async () => {
    const right = { truth: new Uint8Array(480), prediction: new Uint8Array(480) };
    const evaluation = await evaluateMasks([right, ...Array.from({ length: 5 }, () => nothing(480))], size, 2);
    expect([evaluation.fwIoU, evaluation.patches[0]?.fwIoU, evaluation.patches[1]?.fwIoU]).toEqual([1, 1, null]);
    // Two of three resamples hold the patch; those without it have no score.
    expect((await confidenceIntervals(evaluation)).scores.fwIoU).toEqual({ low: 1, high: 1 });
  });

  test("are equal after a way through JSON", async () => {
    const evaluation = await evaluateMasks([nothing(480), blobs(3, size, 2)], size, 2);
    expect(JSON.parse(JSON.stringify(evaluation))).toEqual(evaluation);
  });
});

describe("confidence intervals", () => {
  const size = { height: 1, width: 100 };

  test("of many patches are those of the normal distribution", async () => {
    const draw = numbersFrom(5);
    const hits = Array.from({ length: 200 }, () => 60 + draw(31));
    const evaluation = await evaluateMasks(rowsWithHits(hits, 100), size, 2);
    const { scores, by, units } = await confidenceIntervals(evaluation, { resamples: 4000 });
    const mean = hits.reduce((sum, each) => sum + each, 0) / 200;
    const deviation = Math.sqrt(hits.reduce((sum, each) => sum + (each - mean) ** 2, 0) / 200);
    const half = (1.96 * deviation) / Math.sqrt(200) / 100;
    expect({ by, units }).toEqual({ by: "patch", units: 200 });
    const [low, high] = [defined(scores.pixelAccuracy.low), defined(scores.pixelAccuracy.high)];
    const accuracy = defined(evaluation.pixelAccuracy);
    expect(low).toBeLessThan(accuracy);
    expect((accuracy - low) / half).toBeCloseTo(1, 1);
    expect((high - accuracy) / half).toBeCloseTo(1, 1);
  });

  test("draw patients with all their patches, and are wider then", async () => {
    // Two patients who differ, each with ten equal patches: one resample in four is of one of them alone.
    const hits = Array.from({ length: 20 }, (_, index) => (index < 10 ? 50 : 90));
    const patients = hits.map((each) => `patient ${each}`);
    const evaluation = await evaluateMasks(rowsWithHits(hits, 100), size, 2, { patients });
    const byPatient = await confidenceIntervals(evaluation);
    expect(byPatient).toMatchObject({ by: "patient", units: 2, level: 0.95, resamples: 2000 });
    expect(byPatient.scores.pixelAccuracy).toEqual({ low: 0.5, high: 0.9 });
    const byPatch = await confidenceIntervals(evaluation, { by: "patch" });
    expect(byPatch.scores.pixelAccuracy.low).toBeGreaterThan(0.55);
    expect(byPatch.scores.pixelAccuracy.high).toBeLessThan(0.85);
  });

  test("are the same for the same seed, others for another, and narrower at a lower level", async () => {
    const hits = [50, 60, 70, 80, 90, 95];
    const evaluation = await evaluateMasks(rowsWithHits(hits, 100), size, 2);
    const first = await confidenceIntervals(evaluation, { seed: 3 });
    expect(await confidenceIntervals(evaluation, { seed: 3 })).toEqual(first);
    expect(await confidenceIntervals(evaluation, { seed: 4 })).not.toEqual(first);
    const half = await confidenceIntervals(evaluation, { seed: 3, level: 0.5 });
    expect(half.scores.mIoU.low).toBeGreaterThan(defined(first.scores.mIoU.low));
    expect(half.scores.mIoU.high).toBeLessThan(defined(first.scores.mIoU.high));
  });

  test("leave out resamples without the class, and are undefined where none has it", async () => {
    const first = { truth: new Uint8Array(100), prediction: new Uint8Array(100) };
    const second = { truth: new Uint8Array(100).fill(1), prediction: new Uint8Array(100).fill(1) };
    const { scores } = await confidenceIntervals(await evaluateMasks([first, second], size, 3));
    expect(scores.iou).toEqual([
      { low: 1, high: 1 },
      { low: 1, high: 1 },
      { low: null, high: null },
    ]);
  });

  test("refuse what can't be drawn from", async () => {
    const one = await evaluateMasks(rowsWithHits([50], 100), size, 2);
    await expect(confidenceIntervals(one)).rejects.toMatchObject({
      code: "WSSS_ERR_OPTION",
      message: expect.stringContaining("at least 2 patches"),
    });
    const two = await evaluateMasks(rowsWithHits([50, 60], 100), size, 2);
    await expect(confidenceIntervals(two, { by: "patient" })).rejects.toThrow(/by must be "patch", since/);
    await expect(confidenceIntervals(two, { level: 1 })).rejects.toThrow("level must be below 1, received 1");
    await expect(confidenceIntervals(two, { resamples: 3 })).rejects.toThrow("resamples must be at least 100");
    const same = await evaluateMasks(rowsWithHits([50, 60], 100), size, 2, { patients: ["a", "a"] });
    await expect(confidenceIntervals(same)).rejects.toThrow('at least 2 patients, or by "patch"');
    const broken = { ...two, counts: { ...two.counts, cells: two.counts.cells.map(() => 1e6) } };
    await expect(confidenceIntervals(broken)).rejects.toMatchObject({ code: "WSSS_ERR_SHAPE" });
  });

  test("stop when they are told to", async () => {
    const evaluation = await evaluateMasks(rowsWithHits([50, 60, 70], 100), size, 2);
    const options = { resamples: 100_000, signal: AbortSignal.timeout(5) };
    await expect(confidenceIntervals(evaluation, options)).rejects.toMatchObject({ code: "WSSS_ERR_CANCELLED" });
  });
});

describe("comparison", () => {
  const size = { height: 1, width: 100 };

  test("of few patches is exact: every change of sides is looked at", async () => {
    const [a, b] = [
      [50, 62, 71, 80],
      [58, 60, 83, 91],
    ];
    const first = await evaluateMasks(rowsWithHits(a, 100), size, 2);
    const second = await evaluateMasks(rowsWithHits(b, 100), size, 2);
    const comparison = await compareEvaluations(first, second);
    const seen = b.reduce((sum, each, index) => sum + each - a[index]!, 0);
    let large = 0;
    for (let bits = 0; bits < 16; bits += 1) {
      const difference = b.reduce((sum, each, index) => sum + (each - a[index]!) * ((bits >> index) & 1 ? -1 : 1), 0);
      if (Math.abs(difference) >= seen) large += 1;
    }
    expect(comparison).toMatchObject({ exact: true, permutations: 16, by: "patch", units: 4 });
    expect(comparison.difference.pixelAccuracy).toBeCloseTo(seen / 400, 12);
    expect(comparison.pValues.pixelAccuracy).toBeCloseTo(large / 16, 12);
    expect(comparison.patches).toEqual({ better: 3, worse: 1, equal: 0 });
    expect(comparison.intervals.pixelAccuracy.low).toBeLessThan(seen / 400);
    expect(comparison.intervals.pixelAccuracy.high).toBeGreaterThan(seen / 400);
  });

  test("of equal masks finds nothing", async () => {
    const evaluation = await evaluateMasks(rowsWithHits([50, 62, 71], 100), size, 2);
    const comparison = await compareEvaluations(evaluation, evaluation);
    expect(comparison.difference.mIoU).toBe(0);
    expect(comparison.pValues.mIoU).toBe(1);
    expect(comparison.intervals.mIoU).toEqual({ low: 0, high: 0 });
    expect(comparison.patches).toEqual({ better: 0, worse: 0, equal: 3 });
  });

  test("of many patches tells a small steady difference from noise", async () => {
    const draw = numbersFrom(9);
    const base = Array.from({ length: 60 }, () => 40 + draw(50));
    const better = base.map((each) => each + 2);
    const shuffled = base.map((each, index) => each + (index % 2 === 0 ? 1 : -1) * (3 + (index % 5)));
    const first = await evaluateMasks(rowsWithHits(base, 100), size, 2);
    const options = { permutations: 1000, resamples: 500 };
    const steady = await compareEvaluations(first, await evaluateMasks(rowsWithHits(better, 100), size, 2), options);
    expect(steady).toMatchObject({ exact: false, permutations: 1000 });
    // None of 1000 permutations is as large; the one seen counts too.
    expect(steady.pValues.pixelAccuracy).toBeCloseTo(1 / 1001, 12);
    expect(steady.intervals.pixelAccuracy.low).toBeCloseTo(0.02, 12);
    const noise = await compareEvaluations(first, await evaluateMasks(rowsWithHits(shuffled, 100), size, 2), options);
    expect(noise.pValues.pixelAccuracy).toBeGreaterThan(0.05);
    expect(noise.intervals.pixelAccuracy.low).toBeLessThan(0);
    expect(noise.intervals.pixelAccuracy.high).toBeGreaterThan(0);
  });

  test("pairs patches by name, and survives JSON", async () => {
    const first = await evaluateMasks(rowsWithHits([50, 62, 71], 100), size, 2);
    const moved = await evaluateMasks(rowsWithHits([73, 52, 64], 100), size, 2);
    const names = ["p2", "p0", "p1"];
    const second = { ...moved, patches: moved.patches.map((patch, index) => ({ ...patch, stem: names[index]! })) };
    const comparison = await compareEvaluations(first, second);
    expect(comparison.difference.pixelAccuracy).toBeCloseTo(0.02, 12);
    expect(comparison.patches).toEqual({ better: 3, worse: 0, equal: 0 });
    expect(comparison.pValues.pixelAccuracy).toBe(0.25);
    const again = JSON.parse(JSON.stringify([first, second])) as [typeof first, typeof second];
    expect(await compareEvaluations(...again)).toEqual(comparison);
  });

  test("refuses other patches and other classes", async () => {
    const first = await evaluateMasks(rowsWithHits([50, 62], 100), size, 2);
    const more = await evaluateMasks(rowsWithHits([50, 62, 70], 100), size, 2);
    await expect(compareEvaluations(first, more)).rejects.toMatchObject({
      code: "WSSS_ERR_SHAPE",
      message: expect.stringContaining("2 patches in the first, 3 in the second"),
    });
    const classes = await evaluateMasks(rowsWithHits([50, 62], 100), size, 3);
    await expect(compareEvaluations(first, classes)).rejects.toThrow("2 classes in the first, 3 in the second");
    const named = { ...first, patches: first.patches.map((patch) => ({ ...patch, stem: `x${patch.stem}` })) };
    await expect(compareEvaluations(first, named)).rejects.toThrow("p0 is in the first only");
    const strict = await evaluateMasks(rowsWithHits([50, 62], 100), size, 2, { boundaryTolerance: 1 });
    await expect(compareEvaluations(first, strict)).rejects.toThrow("tolerance of auto in the first, 1 in the second");
    const larger = await evaluateMasks(rowsWithHits([50, 62], 200), { height: 1, width: 200 }, 2);
    await expect(compareEvaluations(first, larger)).rejects.toMatchObject({
      code: "WSSS_ERR_SHAPE",
      message: expect.stringContaining("scored against other true masks"),
    });
  });

  test("refuses what is no evaluation", async () => {
    const evaluation = await evaluateMasks(rowsWithHits([50, 62], 100), size, 2);
    for (const wrong of [undefined, null, {}, { ...evaluation, counts: { offsets: [] } }, "text"]) {
      const attempt = compareEvaluations(evaluation, wrong as typeof evaluation);
      await expect(attempt).rejects.toThrow(/second .*what Segmenter\.evaluate or PseudoMasks\.score returned/);
      await expect(confidenceIntervals(wrong as typeof evaluation)).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
    }
    const counts = { ...evaluation.counts, values: evaluation.counts.values.map(() => 0.5) };
    await expect(confidenceIntervals({ ...evaluation, counts })).rejects.toThrow("whole numbers of pixels");
  });
});
