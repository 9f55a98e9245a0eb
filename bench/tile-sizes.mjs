/**
 * How far a slide's classes depend on the tiles that it is segmented in: the same slide with several tile sizes, compared pixel by pixel with the
 * first.
 *
 *   node bench/tile-sizes.mjs --run RUN --slide SLIDE [--tiles 224,448] [--overlap 64] [--edge-um 100] [-- FLAGS OF segment]
 *
 * --run      a run folder: its segmenter, and its classifier, which closes classes
 * --overlap  px that neighbouring tiles share
 * --edge-um  pixels nearer than this to what is not tissue count apart
 *
 * Prints the share of the pixels of tissue whose class is the same, away from the edge of tissue and in all. Needs OpenSlide.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    run: { type: "string" },
    slide: { type: "string" },
    tiles: { type: "string", default: "224,448" },
    overlap: { type: "string", default: "64" },
    "edge-um": { type: "string", default: "100" },
  },
});
if (values.run === undefined || values.slide === undefined) {
  console.error("tile-sizes: --run and --slide are needed");
  process.exit(2);
}

const cli = path.join(path.dirname(fileURLToPath(import.meta.url)), "..", "dist", "cli", "main.js");
const folder = mkdtempSync(path.join(tmpdir(), "wsss-tiles-"));
try {
  const maps = [];
  for (const tile of values.tiles.split(",")) maps.push(await segmented(tile));
  const [first, ...others] = maps;
  const inner = awayFromEdges(first);
  for (const [i, other] of others.entries()) {
    const [a, b] = values.tiles.split(",").filter((_, at) => at === 0 || at === i + 1);
    console.log(
      `tiles of ${a} and ${b} px: ${shareOf(first, other, inner)} of the pixels at least ${values["edge-um"]} um`,
    );
    console.log(`  inside tissue have the same class, ${shareOf(first, other)} of all pixels of tissue`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** The slide's class map: the class of each pixel, as the bytes of its colour, and where tissue is. */
async function segmented(tile) {
  const out = path.join(folder, tile);
  const flags = [
    "--run",
    values.run,
    "--tile-px",
    tile,
    "--overlap-px",
    values.overlap,
    "--out",
    out,
    "--quiet",
    ...positionals,
  ];
  execFileSync(process.execPath, [cli, "segment", values.slide, ...flags], { stdio: ["ignore", "ignore", "inherit"] });
  const name = readdirSync(out, { withFileTypes: true }).find((entry) => entry.isDirectory()).name;
  const result = JSON.parse(readFileSync(path.join(out, name, "result.json"), "utf8"));
  const picture = sharp(path.join(out, name, "classes.ome.tif"), { limitInputPixels: false })
    .removeAlpha()
    .toColourspace("srgb");
  const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
  const pixels = new Uint32Array(info.width * info.height);
  for (let i = 0; i < pixels.length; i++) pixels[i] = (data[3 * i] << 16) | (data[3 * i + 1] << 8) | data[3 * i + 2];
  const colours = new Set(result.classes.map(({ colour: [r, g, b] }) => (r << 16) | (g << 8) | b));
  const tissue = Uint8Array.from(pixels, (pixel) => (colours.has(pixel) ? 1 : 0));
  return { pixels, tissue, width: info.width, height: info.height, mpp: result.mpp.x };
}

/** Pixels that are far from what is not tissue, and from the border of the slide: city-block distance. */
function awayFromEdges({ tissue, width, height, mpp }) {
  const far = Number(values["edge-um"]) / mpp;
  const distance = new Float32Array(width * height);
  const at = (x, y) => (x < 0 || y < 0 || x >= width || y >= height ? 0 : distance[y * width + x]);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      distance[y * width + x] = tissue[y * width + x] === 0 ? 0 : Math.min(at(x - 1, y), at(x, y - 1)) + 1;
    }
  }
  for (let y = height - 1; y >= 0; y--) {
    for (let x = width - 1; x >= 0; x--) {
      const i = y * width + x;
      distance[i] = Math.min(distance[i], at(x + 1, y) + 1, at(x, y + 1) + 1);
    }
  }
  return Uint8Array.from(distance, (one) => (one >= far ? 1 : 0));
}

function shareOf(one, other, where = one.tissue) {
  let [same, all] = [0, 0];
  for (let i = 0; i < where.length; i++) {
    if (where[i] === 0) continue;
    all += 1;
    if (one.pixels[i] === other.pixels[i]) same += 1;
  }
  return `${((100 * same) / all).toFixed(2)} %`;
}
