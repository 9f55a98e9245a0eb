/** The table of all segmented slides of a folder: areas and shares of their classes. */
import { readdir } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { WsssError } from "../errors.js";
import { ioFailure, readText, systemCode, writeBytesAtomic } from "../files/file-access.js";
import { csvLine } from "../text/csv-line.js";
import { slideMapFiles } from "../segmenter/slide-map.js";

/** File name of the table. */
export const areasTableName = "areas.csv";

const resultSchema = z.object({
  slide: z.string(),
  tissueMm2: z.number(),
  classes: z.array(z.object({ name: z.string(), areaMm2: z.number(), share: z.number() })),
});

/** What the table says. */
export interface AreasTable {
  /** Its file. */
  readonly path: string;
  /** Slides in it. */
  readonly slides: number;
}

/**
 * Joins the results of all slides in a folder into `areas.csv`, sorted by the names of their folders.
 * @throws WsssError `WSSS_ERR_DATASET` if there is no result, one can't be read, or two have other classes; `WSSS_ERR_IO`
 */
export async function writeAreasTable(folder: string): Promise<AreasTable> {
  const results = await readResults(folder);
  const [first] = results;
  if (first === undefined) {
    const message = `${folder} holds no segmented slide (no folder with ${slideMapFiles.result})`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: folder });
  }
  const names = first.result.classes.map(({ name }) => name);
  for (const { place, result } of results) {
    if (result.classes.map(({ name }) => name).join("\n") === names.join("\n")) continue;
    const message = `${place} has other classes than ${first.place}: they were segmented by other networks; put them into two folders`;
    throw new WsssError("WSSS_ERR_DATASET", message, { path: place });
  }
  const head = [
    "name",
    "slide",
    "tissue_mm2",
    ...names.map((name) => `${name} mm2`),
    ...names.map((name) => `${name} share`),
  ];
  const rows = results.map(({ place, result: { slide, tissueMm2, classes } }) => [
    path.basename(path.dirname(place)),
    slide,
    tissueMm2.toFixed(6),
    ...classes.map(({ areaMm2 }) => areaMm2.toFixed(6)),
    ...classes.map(({ share }) => share.toFixed(6)),
  ]);
  const table = path.join(folder, areasTableName);
  await writeBytesAtomic(table, [head, ...rows].map(csvLine).join(""));
  return { path: table, slides: rows.length };
}

interface PlacedResult {
  readonly place: string;
  readonly result: z.output<typeof resultSchema>;
}

async function readResults(folder: string): Promise<PlacedResult[]> {
  const found: PlacedResult[] = [];
  for (const name of (await namesIn(folder)).sort()) {
    const place = path.join(folder, name, slideMapFiles.result);
    try {
      const read = await readText(place);
      if ("problem" in read) throw new Error(read.problem);
      found.push({ place, result: resultSchema.parse(JSON.parse(read.text)) });
    } catch (error) {
      // No folder, or a slide that is not done yet.
      if (["ENOENT", "ENOTDIR"].includes(reasonOf(error) ?? "")) continue;
      if (systemCode(error) === "WSSS_ERR_IO") throw error;
      const message = `${place} is not what wsss-tissue segment writes: remove its folder and segment that slide again`;
      throw new WsssError("WSSS_ERR_DATASET", message, { path: place }, { cause: error });
    }
  }
  return found;
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    throw ioFailure(error, "list", folder);
  }
}

function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof WsssError)) return undefined;
  const reason = error.details["reason"];
  return typeof reason === "string" ? reason : undefined;
}
