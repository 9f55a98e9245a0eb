/**
 * Segments a slide beside the same network on patches in memory, interleaved: what reading, blending and writing cost, and how memory
 * grows with the slide's height.
 *
 *   node bench/slide.mjs [--width 8000] [--heights 4000,16000] [--mpp 0.5] [--tissue 1] [--backbone mobilenet] [--head-width 1] [--tile-px 224]
 *                        [--batch-size 8] [--threads 0] [--rounds 3] [--peer PYTHON]
 *
 * --mpp     micrometres a pixel of the slide; it is segmented at 0.5
 * --tissue  part of the slide's width that is tissue
 * --peer    a Python that has TIAToolbox (pip install tiatoolbox==2.1.3): its semantic segmentor takes the same slide with the same network
 *           (bench/slide_peer.py), in turns with ours
 *
 * The slide is drawn here, as a tiled JPEG pyramid. Prints a line for each height: tiles a second of the slide, of
 * the network alone on tiles that are in memory, their ratio, and the peak memory of a process that segments (MiB); with --peer its
 * seconds and memory by ours. Needs OpenSlide.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { openSlide, Segmenter } from "../dist/index.js";

const { values } = parseArgs({
  options: {
    width: { type: "string", default: "8000" },
    heights: { type: "string", default: "4000,16000" },
    backbone: { type: "string", default: "mobilenet" },
    "head-width": { type: "string", default: "1" },
    "tile-px": { type: "string", default: "224" },
    "batch-size": { type: "string", default: "8" },
    threads: { type: "string", default: "0" },
    mpp: { type: "string", default: "0.5" },
    tissue: { type: "string", default: "1" },
    rounds: { type: "string", default: "3" },
    peer: { type: "string" },
    child: { type: "string" },
  },
});
const [tilePx, batchSize, threads] = [values["tile-px"], values["batch-size"], values.threads].map(Number);
const classes = ["a", "b", "c", "d"].map((name, i) => ({ name, colour: [60 * i, 200, 90] }));
const headWidth = Number(values["head-width"]);
const network = { classes, backbone: values.backbone, headWidth, device: "cpu", threads, seed: 1 };

if (values.child === undefined) await compare();
else await segmentOnce(values.child);

async function segmentAll(segmenter, file, output) {
  await predictOnly(segmenter, batchSize); // So that both begin warm.
  const slide = await openSlide(file, { micronsPerPixel: Number(values.mpp) });
  const options = { output, micronsPerPixel: 0.5, tilePx, overlapPx: 0, batchSize, geojsonMpp: 4 };
  let tiles = 0;
  const begin = performance.now();
  for await (const { done } of segmenter.segmentSlide(slide, options)) tiles = done;
  const seconds = (performance.now() - begin) / 1000;
  await slide.close();
  return { speed: tiles / seconds, seconds };
}

/** In a process of its own: prints the tiles a second and the peak memory. */
async function segmentOnce(job) {
  const { file, output } = JSON.parse(job);
  const segmenter = await Segmenter.create(network);
  const seen =
    file === null ? { speed: await predictOnly(segmenter, 8 * batchSize) } : await segmentAll(segmenter, file, output);
  await segmenter.dispose();
  process.stdout.write(`${JSON.stringify({ ...seen, peakMiB: process.resourceUsage().maxRSS / 1024 })}\n`);
}

/** Tiles a second of the network on tiles that are in memory. */
async function predictOnly(segmenter, count) {
  const tiles = Array.from({ length: count }, (_, i) => ({
    rgb: Uint8Array.from({ length: tilePx * tilePx * 3 }, (_unused, at) => (at * 31 + i * 17) % 251),
    width: tilePx,
    height: tilePx,
  }));
  await segmenter.predict(tiles.slice(0, batchSize), { batchSize });
  const begin = performance.now();
  for await (const map of segmenter.predictEach(tiles, { batchSize }))
    if (map.width !== tilePx) throw new Error("no map");
  return count / ((performance.now() - begin) / 1000);
}

async function compare() {
  const folder = mkdtempSync(path.join(tmpdir(), "wsss-bench-"));
  try {
    for (const height of values.heights.split(",").map(Number)) {
      const file = path.join(folder, `${height}.tif`);
      await draw(file, Number(values.width), height);
      const rows = [];
      for (let round = 0; round < Number(values.rounds); round++) {
        const alone = inProcess({ file: null, output: null });
        const slide = inProcess({ file, output: path.join(folder, `${height}-${round}`) });
        const peer = values.peer === undefined ? undefined : byPeer(file, path.join(folder, `${height}-${round}-peer`));
        rows.push({ alone, slide, peer });
      }
      const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
      const slide = median(rows.map((row) => row.slide.speed));
      const alone = median(rows.map((row) => row.alone.speed));
      const [peak, own] = [median(rows.map((row) => row.slide.peakMiB)), median(rows.map((row) => row.alone.peakMiB))];
      const size = `${values.width} x ${height} px`;
      process.stdout.write(
        `${size}: ${slide.toFixed(1)} tiles/s, network alone ${alone.toFixed(1)}, ratio ${(slide / alone).toFixed(3)}; ` +
          `peak ${peak.toFixed(0)} MiB, network alone ${own.toFixed(0)}\n`,
      );
      if (values.peer === undefined) continue;
      const [time, memory] = [
        rows.map((row) => row.peer.seconds / row.slide.seconds),
        rows.map((row) => row.peer.peakMiB / row.slide.peakMiB),
      ];
      const range = (list) => `${median(list).toFixed(2)} (${list[0].toFixed(2)} to ${list.at(-1).toFixed(2)})`;
      process.stdout.write(`${size}: TIAToolbox by ours: seconds ${range(time)}, peak memory ${range(memory)}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function inProcess(job) {
  const flags = Object.entries(values).flatMap(([name, value]) => (name === "child" ? [] : [`--${name}`, value]));
  const self = fileURLToPath(import.meta.url);
  const { stdout, status, stderr } = spawnSync(process.execPath, [self, ...flags, "--child", JSON.stringify(job)]);
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString().trim().split("\n").at(-1));
}

/** TIAToolbox on the same slide, in a process of its own. */
function byPeer(file, output) {
  const settings = {
    file,
    output,
    slideMpp: Number(values.mpp),
    tilePx,
    batchSize,
    threads,
    backbone: values.backbone,
    headWidth,
  };
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), "slide_peer.py");
  const { stdout, status, stderr } = spawnSync(values.peer, [script, JSON.stringify(settings)], { maxBuffer: 1e8 });
  if (status !== 0) throw new Error(stderr.toString());
  return JSON.parse(stdout.toString().trim().split("\n").at(-1));
}

/** A tiled JPEG pyramid in the colours of tissue: one tile of texture, repeated; glass to the right of it. */
async function draw(file, width, height) {
  const side = 500;
  const rgb = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const wave = Math.sin(x / 9) * Math.cos(y / 13) + Math.sin((x * y) / 700);
      rgb.set([190 + 25 * wave, 110 + 35 * wave, 165 + 20 * wave], (y * side + x) * 3);
    }
  }
  const tile = await sharp(rgb, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
  const left = Math.round(width * Number(values.tissue));
  // A strip of the slide's width: tissue, then glass.
  const strip = await sharp({ create: { width: left, height: side, channels: 3, background: "#fff" } })
    .composite([{ input: tile, tile: true }])
    .png()
    .toBuffer();
  const whole = await sharp(strip, { limitInputPixels: false })
    .extend({ right: width - left, background: "#f6f5f7" })
    .png()
    .toBuffer();
  await sharp({ create: { width, height, channels: 3, background: "#fff" }, limitInputPixels: false })
    .composite([{ input: whole, tile: true, limitInputPixels: false }])
    .tiff({
      compression: "jpeg",
      quality: 80,
      tile: true,
      tileWidth: 256,
      tileHeight: 256,
      pyramid: true,
      bigtiff: true,
    })
    .toFile(file);
}
