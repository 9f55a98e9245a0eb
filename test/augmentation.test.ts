// Augmentation of patches and masks: held against a slow reference in float64, bit for bit between the ways to compute it, and drawn as asked.
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, test } from "@jest/globals";
import { makeWorkspace, type Workspace } from "./support/test-addon.js";

let workspace: Workspace;
beforeAll(async () => {
  workspace = await makeWorkspace(fileURLToPath(new URL("..", import.meta.url)));
});

/** What happens to one patch. */
interface Draw {
  readonly flipHorizontally: boolean;
  readonly flipVertically: boolean;
  readonly quarterTurns: number;
  readonly scale: number;
  readonly rowShift: number;
  readonly columnShift: number;
  readonly brightness: number;
  readonly contrast: number;
  readonly saturation: number;
  readonly hue: number;
  readonly haematoxylin: number;
  readonly haematoxylinShift: number;
  readonly eosin: number;
  readonly eosinShift: number;
}

const nothing: Draw = {
  flipHorizontally: false,
  flipVertically: false,
  quarterTurns: 0,
  scale: 1,
  rowShift: 0,
  columnShift: 0,
  brightness: 1,
  contrast: 1,
  saturation: 1,
  hue: 0,
  haematoxylin: 1,
  haematoxylinShift: 0,
  eosin: 1,
  eosinShift: 0,
};

/** Tissue-like values that change smoothly, with some noise; and a mask of blocks. */
function material(height: number, width: number): { image: Uint8Array; mask: Uint8Array } {
  const image = new Uint8Array(height * width * 3);
  const mask = new Uint8Array(height * width);
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const at = row * width + column;
      mask[at] = (Math.floor(row / 5) + 2 * Math.floor(column / 7)) % 4;
      for (let c = 0; c < 3; c += 1) {
        const smooth = 150 + 70 * Math.sin(row / 6 + c) * Math.cos(column / 9 - c);
        image[at * 3 + c] = smooth + ((at * 7919 + c * 104_729) % 31);
      }
    }
  }
  return { image, mask };
}

function augmented(height: number, width: number, draw: Draw): { image: Uint8Array; mask: Uint8Array } {
  const { image, mask } = material(height, width);
  workspace.set("image", { dtype: "uint8", shape: [height, width, 3], data: image.buffer as ArrayBuffer });
  workspace.set("mask", { dtype: "uint8", shape: [height, width], data: mask.buffer as ArrayBuffer });
  workspace.run("augment_drawn", { ...draw });
  expect(new Uint8Array(workspace.get("same").data)).toEqual(new Uint8Array([1]));
  return {
    image: new Uint8Array(workspace.get("image_out").data),
    mask: new Uint8Array(workspace.get("mask_out").data),
  };
}

/** Where in the whole patch a pixel of the augmented one comes from, in pixels. */
function sourceOf(row: number, column: number, height: number, width: number, draw: Draw): [number, number] {
  let [y, x] = [draw.flipVertically ? height - 1 - row : row, draw.flipHorizontally ? width - 1 - column : column];
  const turns = height === width ? draw.quarterTurns : draw.quarterTurns & 2;
  // A turn counter-clockwise brings the right edge to the top.
  for (let turn = 0; turn < turns; turn += 1) [y, x] = [x, (turn % 2 === 0 ? height : width) - 1 - y];
  const place = (at: number, length: number, shift: number): number =>
    shift * (length - length / draw.scale) + (at + 0.5) / draw.scale - 0.5;
  return [place(y, height, draw.rowShift), place(x, width, draw.columnShift)];
}

function mirrored(index: number, length: number): number {
  const inside = index < 0 ? -1 - index : index >= length ? 2 * length - 1 - index : index;
  return Math.min(length - 1, Math.max(0, inside));
}

/** Colours of dyes in optical density, and the inverse by Cramer's rule. */
const stains = [
  [0.65, 0.7, 0.29],
  [0.07, 0.99, 0.11],
  [0.27, 0.57, 0.78],
] as const;

function amountsOf(density: readonly number[]): number[] {
  const determinant = (m: readonly (readonly number[])[]): number =>
    m[0]![0]! * (m[1]![1]! * m[2]![2]! - m[1]![2]! * m[2]![1]!) -
    m[0]![1]! * (m[1]![0]! * m[2]![2]! - m[1]![2]! * m[2]![0]!) +
    m[0]![2]! * (m[1]![0]! * m[2]![1]! - m[1]![1]! * m[2]![0]!);
  return stains.map((_, k) => determinant(stains.map((row, i) => (i === k ? density : row))) / determinant(stains));
}

/** The colours of one pixel, step after step, as the definitions say. */
function recoloured(rgb: readonly number[], draw: Draw, mean: number): number[] {
  let values = [...rgb];
  if (draw.haematoxylin !== 1 || draw.haematoxylinShift !== 0 || draw.eosin !== 1 || draw.eosinShift !== 0) {
    const amounts = amountsOf(values.map((value) => -Math.log((value + 1) / 256)));
    amounts[0] = amounts[0]! * draw.haematoxylin + draw.haematoxylinShift;
    amounts[1] = amounts[1]! * draw.eosin + draw.eosinShift;
    const density = [0, 1, 2].map((c) =>
      Math.max(
        0,
        amounts.reduce((sum, one, k) => sum + one * stains[k]![c]!, 0),
      ),
    );
    values = density.map((one) => Math.min(255, Math.max(0, 256 * Math.exp(-one) - 1)));
  }
  const grey = (of: readonly number[]): number => 0.299 * of[0]! + 0.587 * of[1]! + 0.114 * of[2]!;
  values = values.map((value) => value * draw.brightness);
  values = values.map((value) => draw.contrast * value + (1 - draw.contrast) * draw.brightness * mean);
  const own = grey(values);
  values = values.map((value) => draw.saturation * value + (1 - draw.saturation) * own);
  if (draw.hue !== 0) {
    const [r, g, b] = values as [number, number, number];
    const [y, i, q] = [grey(values), 0.5959 * r - 0.2746 * g - 0.3213 * b, 0.2115 * r - 0.5227 * g + 0.3112 * b];
    const angle = 2 * Math.PI * draw.hue;
    const [u, v] = [i * Math.cos(angle) - q * Math.sin(angle), i * Math.sin(angle) + q * Math.cos(angle)];
    values = [y + 0.956 * u + 0.619 * v, y - 0.272 * u - 0.647 * v, y - 1.106 * u + 1.703 * v];
  }
  return values.map((value) => Math.min(255, Math.max(0, value)));
}

/** The whole augmentation in float64. */
function reference(height: number, width: number, draw: Draw): { image: number[]; mask: number[] } {
  const { image, mask } = material(height, width);
  const greys = Array.from(
    { length: height * width },
    (_, at) => 0.299 * image[at * 3]! + 0.587 * image[at * 3 + 1]! + 0.114 * image[at * 3 + 2]!,
  );
  const mean = greys.reduce((sum, one) => sum + one, 0) / greys.length;
  const result: { image: number[]; mask: number[] } = { image: [], mask: [] };
  for (let row = 0; row < height; row += 1) {
    for (let column = 0; column < width; column += 1) {
      const [y, x] = sourceOf(row, column, height, width, draw);
      const [nearRow, nearColumn] = [mirrored(Math.floor(y + 0.5), height), mirrored(Math.floor(x + 0.5), width)];
      result.mask.push(mask[nearRow * width + nearColumn]!);
      const [top, left] = [Math.floor(y), Math.floor(x)];
      const rgb = [0, 1, 2].map((c) => {
        const at = (r: number, s: number): number => image[(mirrored(r, height) * width + mirrored(s, width)) * 3 + c]!;
        const upper = at(top, left) * (1 - (x - left)) + at(top, left + 1) * (x - left);
        const lower = at(top + 1, left) * (1 - (x - left)) + at(top + 1, left + 1) * (x - left);
        return Math.round(upper * (1 - (y - top)) + lower * (y - top));
      });
      result.image.push(...recoloured(rgb, draw, mean));
    }
  }
  return result;
}

/** Largest distance of values of 0 to 255. */
function distance(some: ArrayLike<number>, others: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < some.length; i += 1) largest = Math.max(largest, Math.abs(some[i]! - others[i]!));
  return largest;
}

const shapes = [
  [24, 24],
  [17, 30],
] as const;

describe.each(shapes)("a patch of %i x %i px", (height, width) => {
  test("without a draw stays as it is", () => {
    expect(augmented(height, width, nothing)).toEqual(material(height, width));
  });

  test.each([
    { quarterTurns: 1 },
    { quarterTurns: 2 },
    { quarterTurns: 3, flipHorizontally: true },
    { quarterTurns: 1, flipVertically: true },
    { flipHorizontally: true, flipVertically: true },
  ])("is turned and flipped exactly: %j", (change) => {
    const draw = { ...nothing, ...change };
    const { image, mask } = reference(height, width, draw);
    expect(augmented(height, width, draw)).toEqual({ image: Uint8Array.from(image), mask: Uint8Array.from(mask) });
  });

  test.each([
    { scale: 1.6, rowShift: 0.3, columnShift: 0.9 },
    { scale: 2, rowShift: 0.999, columnShift: 0 },
    { scale: 0.6, rowShift: 0.5, columnShift: 0.2, flipHorizontally: true },
    { scale: 1.25, rowShift: 0.1, columnShift: 0.6, quarterTurns: 3, flipVertically: true },
  ])("is scaled and cut: %j", (change) => {
    const draw = { ...nothing, ...change };
    const made = augmented(height, width, draw);
    const wanted = reference(height, width, draw);
    // Weights between pixels are in 1/256, so that steep edges may be two levels off.
    expect(distance(made.image, wanted.image)).toBeLessThanOrEqual(2);
    const same = made.mask.reduce((sum, one, i) => sum + (one === wanted.mask[i] ? 1 : 0), 0);
    // A place halfway between two pixels may go to either.
    expect(same / made.mask.length).toBeGreaterThan(0.97);
  });

  test.each([
    { brightness: 1.3 },
    { brightness: 0.6, contrast: 1.4 },
    { contrast: 0.7, saturation: 1.8 },
    { hue: 0.1 },
    { hue: -0.3, saturation: 0.5 },
    { haematoxylin: 1.2, eosin: 0.8 },
    { haematoxylinShift: 0.1, eosinShift: -0.08 },
    { haematoxylin: 0.7, haematoxylinShift: -0.05, eosin: 1.3, eosinShift: 0.05, brightness: 1.1, hue: 0.05 },
  ])("changes its colours, and its mask stays: %j", (change) => {
    const draw = { ...nothing, ...change };
    const made = augmented(height, width, draw);
    expect(distance(made.image, reference(height, width, draw).image)).toBeLessThanOrEqual(1.5);
    expect(made.mask).toEqual(material(height, width).mask);
    expect(distance(made.image, material(height, width).image)).toBeGreaterThan(5);
  });
});

describe("draws", () => {
  const off = {
    horizontalFlip: 0,
    verticalFlip: 0,
    quarterTurns: 0,
    scaleMin: 1,
    scaleMax: 1,
    brightness: 0,
    contrast: 0,
    saturation: 0,
    hue: 0,
    stainJitter: 0,
  };
  const count = 4000;

  /** Columns of draws: turns, scale, two shifts, four of light, four of stain, two flips. */
  function columns(options: Partial<typeof off>, seed = 3, epoch = 1): number[][] {
    workspace.run("draw_augmentations", { ...off, ...options, seed, epoch, count });
    const { data, shape } = workspace.get("draws");
    const all = new Float64Array(data);
    return Array.from({ length: shape[1]! }, (_, column) =>
      Array.from({ length: count }, (_unused, row) => all[row * shape[1]! + column]!),
    );
  }

  test("of options that are off change nothing", () => {
    const unchanged = [0, 1, 0, 0, 1, 1, 1, 0, 1, 0, 1, 0, 0, 0];
    expect(columns({}).map((column) => [Math.min(...column), Math.max(...column)])).toEqual(
      unchanged.map((value) => [value, value]),
    );
  });

  test("fill the ranges that are asked for, evenly", () => {
    const asked = { quarterTurns: 0.6, scaleMin: 0.75, scaleMax: 2, brightness: 0.4, hue: 0.1, stainJitter: 0.2 };
    const [turns, scale, rows, , brightness, contrast, , hue, haematoxylin, shift] = columns(asked);
    const within = (values: number[], low: number, high: number): void => {
      const [least, most] = [Math.min(...values), Math.max(...values)];
      expect(least).toBeGreaterThanOrEqual(low);
      expect(most).toBeLessThanOrEqual(high);
      expect(least).toBeLessThan(low + 0.02 * (high - low));
      expect(most).toBeGreaterThan(high - 0.02 * (high - low));
    };
    within(scale!, 0.75, 2);
    within(rows!, 0, 1);
    within(brightness!, 0.6, 1.4);
    within(hue!, -0.1, 0.1);
    within(haematoxylin!, 0.8, 1.2);
    within(shift!, -0.2, 0.2);
    expect(new Set(contrast)).toEqual(new Set([1]));
    for (const turn of [1, 2, 3]) {
      const share = turns!.filter((one) => one === turn).length / count;
      expect(share).toBeGreaterThan(0.17);
      expect(share).toBeLessThan(0.23);
    }
    // As many enlarge by more than the geometric mean as by less.
    const above = scale!.filter((one) => one > Math.sqrt(0.75 * 2)).length / count;
    expect(Math.abs(above - 0.5)).toBeLessThan(0.03);
  });

  test("depend on seed, epoch and patch alone: what else is on changes no flip", () => {
    const flips = { horizontalFlip: 0.5, verticalFlip: 0.5 };
    const [alone, beside] = [columns(flips), columns({ ...flips, brightness: 0.5, scaleMax: 2, stainJitter: 0.1 })];
    expect(beside.slice(12)).toEqual(alone.slice(12));
    expect(columns(flips, 3, 2)[12]).not.toEqual(alone[12]);
    expect(columns(flips, 4)[12]).not.toEqual(alone[12]);
  });
});
