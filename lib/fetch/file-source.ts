/** Wheels taken from files and folders that the user names. */
import { stat } from "node:fs/promises";
import path from "node:path";
import type { Errand } from "./errand.js";
import { checkWheel, fileNames, refusal, type WheelSource } from "./wheel-source.js";

/**
 * Wheels that the user brought, for machines without a network: files, or folders that hold them. They stay where they
 * are.
 */
export function fileSource(places: readonly string[], errand: Errand): WheelSource {
  return {
    name: places.join(", "),
    errand,
    async fetch(candidates, _folder, signal) {
      for (const { fileName } of candidates) {
        for (const place of places) {
          const file = path.basename(place) === fileName ? place : path.join(place, fileName);
          if (await isFile(file)) return await checkWheel(path.resolve(file), candidates, errand, signal);
        }
      }
      const [only] = places;
      // One file of another name: say what that is, rather than that nothing is there.
      if (places.length === 1 && only !== undefined && (await isFile(only)))
        return await checkWheel(only, candidates, errand, signal);
      const what = `none of ${places.join(", ")} is ${fileNames(candidates)}, or a folder that holds it`;
      throw refusal(what, { places }, errand, "Bring that file (its name must be as the index serves it)");
    },
  };
}

async function isFile(file: string): Promise<boolean> {
  return await stat(file).then(
    (found) => found.isFile(),
    () => false,
  );
}
