/** A Python with Shapely and tifffile, for tests that their readers must agree with. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findPythonWith } from "./python-environment.js";

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
  return await findPythonWith("test-maps-1", requirements);
}

/** Reads a GeoJSON file by Shapely and an OME-TIFF by tifffile. */
export async function readMap(python: string, geojson: string, tiff: string): Promise<ReadMap> {
  const { stdout } = await run(python, ["-c", script, geojson, tiff], { maxBuffer: 1e9 });
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as ReadMap;
}
