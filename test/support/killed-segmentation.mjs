// Segments a slide and kills itself after some batches of tiles: node killed-segmentation.mjs SEGMENTER SLIDE OUTPUT BATCHES
import { openSlide, Segmenter } from "../../dist/index.js";

const [weights, file, output, batches] = process.argv.slice(2);
const segmenter = await Segmenter.load(weights, { device: "cpu", threads: 1 });
const slide = await openSlide(file, { micronsPerPixel: 0.5 });
const options = { output, micronsPerPixel: 0.5, tilePx: 64, overlapPx: 16, batchSize: 3, threads: 2 };
let seen = 0;
for await (const { stage } of segmenter.segmentSlide(slide, options)) {
  seen += 1;
  if (seen === Number(batches) || (batches === "write" && stage === "write")) process.kill(process.pid, "SIGKILL");
}
