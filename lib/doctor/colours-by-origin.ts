/** Mean colours of patches by split and patient: where stains or scanners differ, they show it. */
import { splitNames } from "../dataset/split.js";
import type { ColourGroup, MeanColour } from "./examination.js";
import type { ExaminedPatch } from "./examine-patches.js";
import { originOf } from "./origin-of-patch.js";
import type { PatchOrigin } from "./patch-table.js";

/** The patches whose colours are known, by split and, where the table or the names tell it, patient or image. */
export function coloursByOrigin(
  patches: readonly ExaminedPatch[],
  table: ReadonlyMap<string, PatchOrigin>,
): ColourGroup[] {
  return splitNames.flatMap((split) => {
    const groups = new Map<string | null, MeanColour[]>();
    for (const one of patches) {
      if (one.split !== split || one.colour === null) continue;
      const origin = one.patient ?? originOf(one, table)?.id ?? null;
      groups.set(origin, [...(groups.get(origin) ?? []), one.colour]);
    }
    return [...groups].map(([origin, colours]) => ({ split, origin, ...summaryOf(colours) }));
  });
}

function summaryOf(colours: readonly MeanColour[]): Pick<ColourGroup, "patches" | "mean" | "deviation"> {
  const channel = (index: 0 | 1 | 2): { mean: number; deviation: number } => {
    const values = colours.map((colour) => colour[index]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, deviation: Math.sqrt(squares / Math.max(1, values.length - 1)) };
  };
  const [red, green, blue] = [channel(0), channel(1), channel(2)];
  return {
    patches: colours.length,
    mean: [red.mean, green.mean, blue.mean],
    deviation: [red.deviation, green.deviation, blue.deviation],
  };
}
