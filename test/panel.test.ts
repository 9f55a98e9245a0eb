// Pictures of panels and overlays: colours, sizes, legends, wrong input, and the stroke font.
import { readFile } from "node:fs/promises";
import path from "node:path";

import { describe, expect, test } from "@jest/globals";
import sharp from "sharp";

import { differenceKinds } from "../dist/pictures/difference.js";
import { layOut } from "../dist/pictures/panel-layout.js";
import { type PanelCell, type PanelPicture, renderOverlay, renderPanel, writePanel } from "../dist/pictures/panel.js";
import { canStroke, fitText, textElement, textWidth } from "../dist/pictures/stroke-font.js";
import { datasetFolder, indexPattern, mainThreadShare, pixels, twoClasses } from "./support/dataset-folder.js";

const background = { name: "background", colour: [255, 255, 255] } as const;
const palette = [...twoClasses.classes.map(({ colour }) => colour), background.colour];
const size = { height: 40, width: 40 };
const rgb = pixels(40, 40, 3);
const indices = indexPattern(40, 40, 3);

function picture(cells: readonly PanelCell[], rest: Partial<PanelPicture> = {}): PanelPicture {
  const captions = cells.map((_, index) => `column ${index}`);
  return {
    captions,
    rows: [{ title: "row", ...size, cells }],
    classes: twoClasses.classes,
    background,
    panelPx: 80,
    ...rest,
  };
}

/** Pixel reader of a PNG. */
async function read(png: Uint8Array) {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  const at = (x: number, y: number): number[] => [
    ...data.subarray((y * info.width + x) * info.channels).subarray(0, 3),
  ];
  return { at, info, data };
}

/** Left upper corner of each panel of a picture without title. */
function corners(columns: number): { left: number; top: number }[] {
  const frame = { title: "row", width: 80, height: 80, notes: [], vacant: [] };
  const captions = Array.from({ length: columns }, (_, index) => `column ${index}`);
  return [...layOut(undefined, captions, [frame], []).places[0]!];
}

describe("panels", () => {
  test("masks in exactly the classes' colours, enlarged by whole factors", async () => {
    const { at, info } = await read(
      await renderPanel(
        picture([
          { kind: "patch", rgb },
          { kind: "mask", indices },
        ]),
      ),
    );
    expect(info.channels).toBe(3);
    const { left, top } = corners(2)[1]!;
    for (const [x, y] of [
      [0, 0],
      [1, 1],
      [17, 23],
      [79, 79],
      [78, 3],
    ] as const) {
      const index = indices[Math.floor(y / 2) * 40 + Math.floor(x / 2)]!;
      expect(at(left + x, top + y)).toEqual([...palette[index]!]);
    }
  });

  test("differences: right, wrong, and what the truth does not score, with entries of the legend", async () => {
    const truth = Uint8Array.from(indices);
    truth[5] = 255;
    const prediction = Uint8Array.from(truth, (index, pixel) => (index > 1 ? 0 : pixel % 7 === 0 ? 1 - index : index));
    const cell = { kind: "difference", truth, indices: prediction } as const;
    const { at } = await read(await renderPanel(picture([cell])));
    const { left, top } = corners(1)[0]!;
    const [right, wrong, unscored] = differenceKinds.map(({ colour }) => [...colour]);
    const seen = new Set<string>();
    for (let pixel = 0; pixel < 1600; pixel += 1) {
      const expected = truth[pixel]! > 1 ? unscored! : truth[pixel] === prediction[pixel] ? right! : wrong!;
      expect(at(left + 2 * (pixel % 40), top + 2 * Math.floor(pixel / 40))).toEqual(expected);
      seen.add(expected.join());
    }
    expect(seen.size).toBe(3);
    const plain = await read(await renderPanel(picture([{ kind: "mask", indices }])));
    const { info } = await read(await renderPanel(picture([cell])));
    expect(info.height).toBeGreaterThan(plain.info.height);
  });

  test("patches are shown as they are where they fit, and reduced where they do not", async () => {
    const large = pixels(64, 64, 3);
    const shown = { title: "row", height: 64, width: 64, cells: [{ kind: "patch", rgb: large }] } as const;
    const frame = { title: "row", width: 64, height: 64, notes: [], vacant: [] };
    const { left, top } = layOut(undefined, ["c"], [frame], []).places[0]![0]!;
    const { at } = await read(await renderPanel(picture([], { captions: ["c"], rows: [shown], panelPx: 100 })));
    for (const [x, y] of [
      [0, 0],
      [63, 63],
      [10, 50],
    ] as const) {
      expect(at(left + x, top + y)).toEqual([...large.subarray((y * 64 + x) * 3).subarray(0, 3)]);
    }
    const wide = { height: 100, width: 3000, cells: [{ kind: "mask", indices: new Uint8Array(300_000) }] } as const;
    const { info } = await read(await renderPanel(picture([], { captions: ["c"], rows: [wide] })));
    expect(info.width).toBe(400 + 48);
    expect(info.height).toBeLessThan(200);
  });

  test("captions, titles, notes and the legend leave ink", async () => {
    const blank = picture([{ kind: "empty" }], { captions: [""], rows: [{ ...size, cells: [{ kind: "empty" }] }] });
    const ink = async (one: PanelPicture): Promise<number> => {
      const { data } = await read(await renderPanel(one));
      return data.reduce((sum, value) => sum + (value < 140 ? 1 : 0), 0);
    };
    const bare = await ink({ ...blank, classes: [] });
    expect(await ink({ ...blank, classes: [], captions: ["prediction"] })).toBeGreaterThan(bare + 100);
    expect(await ink({ ...blank, classes: [], title: "title" })).toBeGreaterThan(bare + 100);
    expect(await ink({ ...blank, classes: [{ name: "stroma", colour: [255, 255, 254] }] })).toBeGreaterThan(bare + 100);
    const noted = [{ ...size, title: "p01", cells: [{ kind: "empty", note: "mIoU 0.61" }] }] as const;
    expect(await ink({ ...blank, classes: [], rows: noted })).toBeGreaterThan(bare + 150);
  });

  test("the same picture is the same file", async () => {
    const cells = [
      { kind: "patch", rgb },
      { kind: "mask", indices },
      { kind: "overlay", rgb, indices },
    ] as const;
    const first = await renderPanel(picture(cells));
    expect(first.equals(await renderPanel(picture(cells)))).toBe(true);
  });

  test("ignored pixels are grey and named in the legend", async () => {
    const ignored = indices.slice().fill(255, 0, 40);
    const { at, info } = await read(await renderPanel(picture([{ kind: "mask", indices: ignored }])));
    const { left, top } = corners(1)[0]!;
    expect(at(left, top)).toEqual([128, 134, 139]);
    const without = await read(await renderPanel(picture([{ kind: "mask", indices }])));
    expect(info.height).toBeGreaterThan(without.info.height);
  });

  test("are written whole, and large ones beside the main thread", async () => {
    const folder = await datasetFolder();
    const patch = { height: 224, width: 224 };
    const cells = Array.from({ length: 6 }, (_, index): PanelCell =>
      index === 0
        ? { kind: "patch", rgb: pixels(224, 224, 1) }
        : { kind: "mask", indices: indexPattern(224, 224, 3, index) },
    );
    const rows = Array.from({ length: 8 }, (_, index) => ({ title: `patch ${index}`, ...patch, cells }));
    const file = path.join(folder, "panel.png");
    const share = await mainThreadShare(async () => await writePanel(file, picture(cells, { rows })));
    console.info(`computed by the main thread while 48 panels were drawn: ${share.toFixed(2)}`);
    expect(share).toBeLessThan(0.5);
    expect((await sharp(await readFile(file)).metadata()).format).toBe("png");
    await expect(writePanel(path.join(folder, "gone", "p.png"), picture(cells, { rows }))).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
    });
  });
});

describe("overlays", () => {
  test("blend tissue half and half, and leave background and ignored pixels alone", async () => {
    const mask = indices.slice().fill(255, 0, 40);
    const { at, info } = await read(
      await renderOverlay({ kind: "overlay", rgb, indices: mask }, size, { classes: twoClasses.classes, background }),
    );
    expect([info.width, info.height, info.channels]).toEqual([40, 40, 3]);
    for (let pixel = 0; pixel < 1600; pixel += 7) {
      const under = [...rgb.subarray(pixel * 3, pixel * 3 + 3)];
      const index = mask[pixel]!;
      const over = index < 2 ? under.map((value, channel) => (value + palette[index]![channel]!) / 2) : under;
      const shown = at(pixel % 40, Math.floor(pixel / 40));
      for (const [channel, value] of shown.entries()) expect(Math.abs(value - over[channel]!)).toBeLessThanOrEqual(1.5);
    }
  });

  test("alpha 1 is the mask itself where there is tissue", async () => {
    const png = await renderOverlay({ kind: "overlay", rgb, indices, alpha: 1 }, size, {
      classes: twoClasses.classes,
      background,
    });
    const { at } = await read(png);
    expect(at(0, 0)).toEqual([...palette[indices[0]!]!]);
  });
});

describe("wrong pictures", () => {
  test("a truth of another size than its prediction", async () => {
    const cell = { kind: "difference", truth: indices.subarray(1), indices } as const;
    await expect(renderPanel(picture([cell]))).rejects.toMatchObject({ code: "WSSS_ERR_SHAPE" });
  });

  test.each([
    [
      picture([{ kind: "patch", rgb: new Uint8Array(5) }]),
      "WSSS_ERR_SHAPE",
      /row 0, column 0: a patch of 40x40 px has 4800 bytes, received 5/,
    ],
    [
      picture([{ kind: "mask", indices: new Uint8Array(5) }]),
      "WSSS_ERR_SHAPE",
      /a mask of 40x40 px has 1600 indices, received 5/,
    ],
    [
      picture([{ kind: "mask", indices: new Uint8Array(1600).fill(3) }]),
      "WSSS_ERR_DATASET",
      /index 3 at pixel x 0, y 0/,
    ],
    [picture([{ kind: "empty" }], { captions: ["a", "b"] }), "WSSS_ERR_SHAPE", /row 0 has 1 cells for 2 captions/],
    [picture([{ kind: "empty" }], { rows: [] }), "WSSS_ERR_SHAPE", /at least one row/],
    [
      picture([{ kind: "empty" }], { panelPx: 5000 }),
      "WSSS_ERR_OPTION",
      /panelPx must be a whole number from 64 to 1024, received 5000/,
    ],
  ])("%#", async (wrong, code, pattern) => {
    await expect(renderPanel(wrong)).rejects.toMatchObject({ code, message: expect.stringMatching(pattern) });
  });
});

describe("the stroke font", () => {
  const style = { capPx: 10, colour: "#000000" };

  test("has every printable ASCII character, and needs no font of the machine", () => {
    const ascii = Array.from({ length: 95 }, (_, index) => String.fromCharCode(32 + index)).join("");
    expect(canStroke(ascii)).toBe(true);
    expect(textElement(ascii, 0, 0, style)).not.toContain("<text");
    expect(canStroke("Épithélium · großer µ – ×")).toBe(true);
  });

  test("each character leaves ink of its own", async () => {
    const drawn = new Set<string>();
    for (let code = 33; code < 127; code++) {
      const element = textElement(String.fromCharCode(code), 4, 4, { ...style, capPx: 16 });
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="30" height="30">${element}</svg>`;
      const alpha = await sharp(Buffer.from(svg)).ensureAlpha().extractChannel(3).raw().toBuffer();
      expect(alpha.some((value) => value > 128)).toBe(true);
      drawn.add(alpha.toString("base64"));
    }
    expect(drawn.size).toBe(94);
  });

  test("other scripts fall back to the machine's fonts, escaped", () => {
    const element = textElement("肿瘤 <&>", 0, 0, style);
    expect(element).toContain("<text");
    expect(element).toContain("肿瘤 &lt;&amp;&gt;");
  });

  test("long names are shortened in their middle", () => {
    const name = "TCGA-A1-A0SK-DX1_xmin45749_ymin25055_MPP-0.2500+0[1011]";
    const short = fitText(name, 150, style);
    expect(textWidth(short, style)).toBeLessThanOrEqual(150);
    expect(short).toMatch(/^TCGA.*….*1\]$/);
    expect(fitText("short", 150, style)).toBe("short");
    expect(fitText(name, 1, style)).toBe("…");
  });
});
