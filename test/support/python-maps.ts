/** A Python with Shapely and tifffile, for tests that their readers must agree with. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { cacheFolder } from "../../dist/libtorch/libtorch.js";

const run = promisify(execFile);
const requirements = ["numpy==2.2.6", "shapely==2.1.2", "tifffile==2025.5.10", "imagecodecs==2025.3.30"];

const script = `
import json, sys
import numpy, shapely, tifffile
from shapely.geometry import shape
features = json.load(open(sys.argv[1]))["features"]
polygons = [shape(one["geometry"]) for one in features]
reasons = [shapely.is_valid_reason(one) for one in polygons if not one.is_valid]
with tifffile.TiffFile(sys.argv[2]) as tiff:
    series = tiff.series[0]
    page = tiff.pages[0]
    print(json.dumps({
        "invalid": reasons,
        "areas": [one.area for one in polygons],
        "overlap": float(sum(one.area for one in polygons) - shapely.union_all(polygons).area),
        "levels": [list(one.shape) for one in series.levels],
        "ome": tiff.is_ome, "big": tiff.is_bigtiff,
        "umPerPixel": [1e4 / value for value in page.resolution],
        "values": series.levels[0].asarray().ravel().tolist(),
        "halved": series.levels[1].asarray().ravel().tolist() if len(series.levels) > 1 else [],
    }))
`;

/** What Shapely and tifffile read. */
export interface ReadMap {
  /** Why polygons are invalid. */
  readonly invalid: readonly string[];
  readonly areas: readonly number[];
  /** Area that polygons share. */
  readonly overlap: number;
  readonly levels: readonly (readonly [height: number, width: number])[];
  readonly ome: boolean;
  readonly big: boolean;
  readonly umPerPixel: readonly number[];
  readonly values: readonly number[];
  readonly halved: readonly number[];
}

/** Python with both in the cache, installed there by pip where WSSS_TEST_FETCH is 1; null if there is none, or no index has them. */
export async function findMapReaders(): Promise<string | null> {
  const environment = path.join(cacheFolder(), "test-maps-1");
  const python = path.join(environment, "bin", "python");
  if (existsSync(path.join(environment, "whole"))) return python;
  if (process.env["WSSS_TEST_FETCH"] !== "1") return null;
  await mkdir(path.dirname(environment), { recursive: true });
  await run("python3", ["-m", "venv", "--clear", environment]);
  try {
    await run(python, ["-m", "pip", "install", "--quiet", ...requirements], { maxBuffer: 1e8 });
  } catch (error) {
    console.warn(`pip could not install Shapely and tifffile: ${(error as Error).message}`);
    return null;
  }
  await mkdir(path.join(environment, "whole"));
  return python;
}

/** Reads a GeoJSON file by Shapely and an OME-TIFF by tifffile. */
export async function readMap(python: string, geojson: string, tiff: string): Promise<ReadMap> {
  const { stdout } = await run(python, ["-c", script, geojson, tiff], { maxBuffer: 1e9 });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as ReadMap;
}
