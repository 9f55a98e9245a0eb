/** The annotations of one slide, ready for its patches: polygons as the addon wants them, and what is odd about them. */
import { stat } from "node:fs/promises";
import path from "node:path";
import { WsssError } from "../errors.js";
import { ioFailure, systemCode } from "../files/file-access.js";
import type { NativeAddon, NativePolygons } from "../native/addon.js";
import { runJob } from "../native/job.js";
import type { Slide } from "../slide/slide.js";
import type { AnnotationFile } from "./annotation-file.js";

/** Endings of annotation files, in the order in which they are looked for. */
const endings = [".geojson", ".geojson.gz", ".json", ".json.gz"];

/**
 * The file with the annotations of a slide: the given one, or that of the slide's name in the given folder.
 * @throws WsssError `WSSS_ERR_IO` if nothing is there; `WSSS_ERR_DATASET` if the folder has none for the slide.
 */
export async function findAnnotationFile(given: string, slide: string): Promise<string> {
  if (!(await isFolder(given))) return given;
  const { base, name } = path.parse(slide);
  const candidates = [...new Set([name, base])].flatMap((stem) => endings.map((ending) => `${stem}${ending}`));
  for (const candidate of candidates) {
    const file = path.join(given, candidate);
    if (await isFile(file)) return file;
  }
  const message = `there are no annotations of slide ${slide} in ${given}; they must be called like it: ${name}.geojson`;
  throw new WsssError("WSSS_ERR_DATASET", message, { path: given, slide });
}

async function isFolder(place: string): Promise<boolean> {
  try {
    return (await stat(place)).isDirectory();
  } catch (error) {
    throw ioFailure(error, "read", place);
  }
}

async function isFile(file: string): Promise<boolean> {
  try {
    return (await stat(file)).isFile();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw ioFailure(error, "read", file);
  }
}

/**
 * Moves annotations to where OpenSlide counts from: QuPath shows, and counts from, a slide's bounds only.
 *
 * @param values - what the pixels of each polygon are in a mask.
 * @throws WsssError `WSSS_ERR_DATASET` if an annotation lies beyond the slide, as those of another slide do.
 */
export function placePolygons(file: AnnotationFile, values: readonly number[], slide: Slide): NativePolygons {
  const { x: left = 0, y: top = 0 } = slide.bounds ?? {};
  const points: number[] = [];
  const rings: number[] = [];
  for (const { rings: own, where } of file.polygons) {
    const shell = own[0] ?? [];
    if (!touches(shell, left, top, slide)) {
      const size = `${slide.width} x ${slide.height} px`;
      const message =
        `annotations ${file.path}: ${where} begins at (${shell[0]}, ${shell[1]}), beyond slide ${slide.path} of ${size}; ` +
        "are they of another slide, or of a picture at another scale?";
      throw new WsssError("WSSS_ERR_DATASET", message, { path: file.path, slide: slide.path, failure: "beyond" });
    }
    for (const ring of own) {
      rings.push(ring.length / 2);
      for (let i = 0; i < ring.length; i += 2) points.push((ring[i] ?? 0) + left, (ring[i + 1] ?? 0) + top);
    }
  }
  return {
    points: Float64Array.from(points),
    rings: Float64Array.from(rings),
    polygons: Float64Array.from(file.polygons, (polygon) => polygon.rings.length),
    values: Float64Array.from(values),
  };
}

/** Whether the box around a line meets the slide. */
function touches(ring: readonly number[], left: number, top: number, { width, height }: Slide): boolean {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity };
  for (let i = 0; i < ring.length; i += 2) {
    const [x, y] = [(ring[i] ?? 0) + left, (ring[i + 1] ?? 0) + top];
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box.right > 0 && box.bottom > 0 && box.left < width && box.top < height;
}

/** So many lines that cross themselves are told one by one. */
const mostTold = 5;

/** What is odd about the annotations of a slide and still has a meaning, a sentence each. */
export async function oddities(
  addon: NativeAddon,
  file: AnnotationFile,
  polygons: NativePolygons,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const { path: name, unclassified, leftOut } = file;
  const said: string[] = [];
  const found = await runJob<ArrayBuffer>((done) => addon.findCrossings({ polygons }, done), signal);
  const crossings = new Float64Array(found);
  const count = crossings.length / 3;
  for (let i = 0; i < Math.min(count, mostTold) * 3; i += 3) {
    const { where } = file.polygons[crossings[i] ?? 0] ?? { where: "an annotation" };
    const place = `(${Math.round(crossings[i + 1] ?? 0)}, ${Math.round(crossings[i + 2] ?? 0)})`;
    said.push(
      `annotations ${name}: the line of ${where} crosses itself at ${place}; all that it goes round is taken for inside`,
    );
  }
  if (count > mostTold) said.push(`annotations ${name}: the lines of ${count - mostTold} more cross themselves`);
  if (unclassified > 0) said.push(`annotations ${name}: left out, since they have no class: ${unclassified}`);
  if (leftOut > 0) said.push(`annotations ${name}: left out, since they are points, lines or cells: ${leftOut}`);
  return said;
}
