/** Annotations of a slide as QuPath exports them: a GeoJSON file becomes polygons with the names of their classes. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Colour } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { readBytes } from "../files/file-access.js";
import { hasUnprintable, printable } from "../text/printable.js";

/** A closed line: x, y of each point, in pixels of the slide's finest level; the last point is not the first once more. */
export type Ring = readonly number[];

/** One polygon of an annotation. */
export interface Polygon {
  /** Its shell, then its holes. */
  readonly rings: readonly Ring[];
  /** Name of its class. */
  readonly className: string;
  /** How the file calls the annotation, for messages. */
  readonly where: string;
}

/** What a file of annotations holds. */
export interface AnnotationFile {
  readonly path: string;
  readonly polygons: readonly Polygon[];
  /** Colours of the classes, where the file has them; the first of each counts. */
  readonly colours: ReadonlyMap<string, Colour>;
  /** Annotations without a class, which say nothing. */
  readonly unclassified: number;
  /** Points and lines, which have no area, and objects that are no annotations, such as cells. */
  readonly leftOut: number;
}

/** QuPath's own objects that are no annotations of a person. */
const otherObjects = ["detection", "cell", "tile", "tma_core", "tmacore", "root"];
/** Collections within one another that are looked into. */
const deepest = 16;
/** Most bytes of a packed file once unpacked: more is no text that JavaScript can hold. */
const mostBytes = 2 ** 29;

/**
 * Reads a GeoJSON file: a FeatureCollection, one Feature, or a list of them, plain or packed by gzip.
 * @throws WsssError `WSSS_ERR_IO` if it can't be read; `WSSS_ERR_DATASET` if it is no GeoJSON, or a polygon is none, naming it.
 */
export async function readAnnotationFile(path: string): Promise<AnnotationFile> {
  const features = featuresOf(path, await readJson(path));
  const polygons: Polygon[] = [];
  const colours = new Map<string, Colour>();
  let unclassified = 0;
  let leftOut = 0;
  for (const [index, feature] of features.entries()) {
    const where = nameOf(feature, index);
    if (!isObject(feature) || feature["type"] !== "Feature") throw refused(path, `${where} is no GeoJSON Feature`);
    const properties = isObject(feature["properties"]) ? feature["properties"] : {};
    if (otherObjects.includes(String(properties["objectType"]).toLowerCase())) {
      leftOut += 1;
      continue;
    }
    const shapes = polygonsOf(path, where, feature["geometry"]);
    if (shapes.length === 0) {
      leftOut += 1;
      continue;
    }
    const named = classOf(properties["classification"]);
    if (named === null) {
      unclassified += 1;
      continue;
    }
    if (hasUnprintable(named.name)) {
      throw refused(path, `${where} has a class name with control characters (${printable(named.name)})`);
    }
    if (named.colour !== null && !colours.has(named.name)) colours.set(named.name, named.colour);
    for (const rings of shapes) polygons.push({ rings, className: named.name, where });
  }
  return { path, polygons, colours, unclassified, leftOut };
}

async function readJson(path: string): Promise<unknown> {
  let bytes = await readBytes(path);
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    try {
      bytes = await promisify(gunzip)(bytes, { maxOutputLength: mostBytes });
    } catch (error) {
      throw refused(path, `can't be unpacked: ${(error as Error).message}`, error);
    }
  }
  const text = bytes.toString("utf8").replace(/^\ufeff/, "");
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const mended = withoutNaN(text);
    if (mended !== null) return mended;
    throw refused(path, `is not valid JSON: ${(error as Error).message}`, error);
  }
}

/** QuPath writes measurements that have no value as `NaN`, which JSON does not know; null if that is not what is wrong. */
function withoutNaN(text: string): unknown {
  const mended = text.replaceAll(/([:[,]\s*)(?:NaN|-?Infinity)(?=\s*[,\]}])/g, "$1null");
  try {
    return mended === text ? null : (JSON.parse(mended) as unknown);
  } catch {
    return null;
  }
}

function featuresOf(path: string, json: unknown): readonly unknown[] {
  if (Array.isArray(json)) return json;
  if (isObject(json) && json["type"] === "FeatureCollection" && Array.isArray(json["features"]))
    return json["features"];
  if (isObject(json) && json["type"] === "Feature") return [json];
  throw refused(
    path,
    "is no GeoJSON: a FeatureCollection, a Feature or a list of them is expected, as QuPath exports it",
  );
}

/** `annotation 3 ("Tumour, left")`, counted from 1. */
function nameOf(feature: unknown, index: number): string {
  const properties = isObject(feature) && isObject(feature["properties"]) ? feature["properties"] : {};
  const { name } = properties;
  return `annotation ${index + 1}${typeof name === "string" && name !== "" ? ` (${JSON.stringify(name)})` : ""}`;
}

function classOf(classification: unknown): { readonly name: string; readonly colour: Colour | null } | null {
  if (typeof classification === "string") return classification.trim() === "" ? null : plainClass(classification);
  if (!isObject(classification)) return null;
  const { names, color, colorRGB } = classification;
  // Since 0.4 QuPath writes a derived class such as "Tumor: Positive" in parts.
  const parts = Array.isArray(names) && names.every((part) => typeof part === "string") ? names.join(": ") : null;
  const name = parts ?? classification["name"];
  if (typeof name !== "string" || name.trim() === "") return null;
  return { ...plainClass(name), colour: colourOf(color) ?? packedColour(colorRGB) };
}

function plainClass(name: string): { readonly name: string; readonly colour: null } {
  return { name: name.trim().normalize("NFC"), colour: null };
}

function colourOf(value: unknown): Colour | null {
  const isByte = (part: unknown): part is number => Number.isInteger(part) && Number(part) >= 0 && Number(part) <= 255;
  if (!Array.isArray(value) || value.length < 3) return null;
  const [red, green, blue] = value as unknown[];
  return isByte(red) && isByte(green) && isByte(blue) ? [red, green, blue] : null;
}

/** QuPath before 0.4 wrote one number. */
function packedColour(value: unknown): Colour | null {
  if (!Number.isInteger(value)) return null;
  const packed = Number(value) >>> 0;
  return [(packed >> 16) & 255, (packed >> 8) & 255, packed & 255];
}

/** The polygons of a geometry; none for points and lines. */
function polygonsOf(path: string, where: string, geometry: unknown, depth = 0): Ring[][] {
  if (depth > deepest)
    throw refused(path, `${where} has collections of geometries within one another, more than ${deepest}`);
  if (!isObject(geometry)) throw refused(path, `${where} has no geometry`);
  const { type, coordinates, geometries } = geometry;
  if (type === "Polygon") return [ringsOf(path, where, coordinates)];
  if (type === "MultiPolygon" && Array.isArray(coordinates)) {
    return coordinates.map((polygon) => ringsOf(path, where, polygon));
  }
  if (type === "GeometryCollection" && Array.isArray(geometries)) {
    return geometries.flatMap((one) => polygonsOf(path, where, one, depth + 1));
  }
  const known = ["Point", "MultiPoint", "LineString", "MultiLineString"];
  if (known.includes(String(type))) return [];
  throw refused(path, `${where} has a geometry that can't be read (${JSON.stringify(type)})`);
}

function ringsOf(path: string, where: string, coordinates: unknown): Ring[] {
  if (!Array.isArray(coordinates) || coordinates.length === 0)
    throw refused(path, `${where} is a polygon without a line`);
  return coordinates.map((line) => ringOf(path, where, line));
}

function ringOf(path: string, where: string, line: unknown): Ring {
  if (!Array.isArray(line)) throw refused(path, `${where} has a line that is no list of points`);
  const points: number[] = [];
  for (const point of line as unknown[]) {
    const [x, y] = Array.isArray(point) ? (point as unknown[]) : [];
    if (!Number.isFinite(x) || !Number.isFinite(y)) {
      throw refused(path, `${where} has a point that is no pair of numbers (${JSON.stringify(point).slice(0, 60)})`);
    }
    const repeats = points.length > 0 && points.at(-2) === x && points.at(-1) === y;
    if (!repeats) points.push(Number(x), Number(y));
  }
  const isClosed = points.length > 2 && points[0] === points.at(-2) && points[1] === points.at(-1);
  const ring = isClosed ? points.slice(0, -2) : points;
  if (ring.length >= 6) return ring;
  throw refused(path, `${where} is no polygon: its line has ${ring.length / 2} different points, and needs 3`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function refused(path: string, problem: string, cause?: unknown): WsssError {
  const details = { path, problem };
  return new WsssError("WSSS_ERR_DATASET", `annotations ${path}: ${problem}`, details, { cause });
}
