/** Mean colours of patches by patient: how far stains and scanners differ. */
import type { ColourGroup, DatasetExamination, MeanColour } from "../doctor/examination.js";
import type { Charts } from "./chart.js";
import { html, type Markup } from "./markup.js";
import { type PageSection, tableRow, wideTable } from "./page-section.js";

/** Most patients of a chart and of a table; those that differ most. */
const most = 60;

/** Distance of two colours, 0 to 442. */
function distance(one: MeanColour, other: MeanColour): number {
  return Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]);
}

/** The mean colour of all patches of the groups. */
function meanOf(groups: readonly ColourGroup[]): MeanColour {
  const patches = groups.reduce((sum, group) => sum + group.patches, 0);
  const channel = (index: 0 | 1 | 2): number =>
    groups.reduce((sum, group) => sum + group.mean[index] * group.patches, 0) / patches;
  return [channel(0), channel(1), channel(2)];
}

const rounded = (colour: MeanColour): string => colour.map((value) => Math.round(value)).join(", ");

function swatch(colour: MeanColour): Markup {
  return html`<svg width="28" height="16" aria-hidden="true">
    <rect width="28" height="16" fill="rgb(${rounded(colour)})" />
  </svg>`;
}

/** Colours by patient or image, against the mean of train; null where they were not measured. */
export function colourSection({ colours }: DatasetExamination, charts: Charts): PageSection {
  const about = { id: "colours", title: "Colours by patient" };
  if (colours === null || colours.length === 0) {
    return { ...about, body: null, missing: ["No colours: no patch could be decoded."] };
  }
  const ofTrain = colours.filter(({ split }) => split === "train");
  const centre = meanOf(ofTrain.length > 0 ? ofTrain : colours);
  const apart = colours
    .map((group) => ({ ...group, apart: distance(group.mean, centre), name: group.origin ?? "not known" }))
    .sort((one, other) => other.apart - one.apart)
    .slice(0, most);
  const headings = ["Patient or image", "Split", "Patches", "Mean", "Red, green, blue", "Deviation", "From train"];
  const rows = apart.map(({ name, split, patches, mean, deviation, apart: far }) =>
    tableRow(name, [split, patches, swatch(mean), rounded(mean), rounded(deviation), far.toFixed(1)]),
  );
  const chart = charts.dots({
    title: "Distance of the mean colour from that of train, of 255 a channel",
    xLabel: "distance",
    rows: apart.map(({ name, split, apart: far, patches }) => ({
      label: `${name} (${split})`,
      value: far,
      title: `${name}, ${split}: ${far.toFixed(1)}, ${patches} patches`,
    })),
  });
  const body = html`<p>
      Mean over all pixels, glass included, so that patches with much glass are brighter. Patients of test that lie far
      from those of train were stained or scanned otherwise: <code>--stain-jitter</code>, <code>--brightness</code> and
      the like prepare a training for that.
      ${colours.length > most && `Shown are the ${most} of ${colours.length} that differ most.`}
    </p>
    ${chart}${wideTable("Colours by patient", headings, rows)}`;
  return { ...about, body, missing: [] };
}
