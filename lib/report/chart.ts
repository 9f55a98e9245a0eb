/** Plots as SVG inside a page: lines over epochs, and dots with intervals; values are shown on hover, without any script. */
import { html, Markup } from "./markup.js";

/** A point of a line; those that are not finite are left out. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  /** Shown on hover. */
  readonly title: string;
}

/** A line of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly ChartPoint[];
  /** Whether each point has a mark; many points of one line have none. */
  readonly marked: boolean;
}

/** Lines under one heading. */
export interface LineChart {
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** From where to where the x axis goes. */
  readonly xDomain: readonly [number, number];
  /** The same of the y axis. @defaultValue what the values need */
  readonly yDomain?: readonly [number, number];
  readonly series: readonly Series[];
}

/** A row of dots. */
export interface DotRow {
  readonly label: string;
  /** In the unit of the axis; null where there is none. */
  readonly value: number | null;
  /** An interval around it. */
  readonly low?: number | null;
  readonly high?: number | null;
  /** Smaller dots beside it. */
  readonly others?: readonly { readonly value: number; readonly title: string }[];
  readonly title: string;
}

/** Dots with intervals under one heading, a row for each label. */
export interface DotChart {
  readonly title: string;
  readonly xLabel: string;
  readonly xDomain?: readonly [number, number];
  readonly rows: readonly DotRow[];
}

/** Draws charts; what it needs is loaded by {@link openCharts}. */
export interface Charts {
  lines(chart: LineChart): Markup;
  dots(chart: DotChart): Markup;
}

/** How lines differ: by colour, dashes and marks, so that none of them has to be seen. */
const looks = [
  { colour: "var(--first)", dash: "none", symbol: "circle" },
  { colour: "var(--second)", dash: "7 3", symbol: "square" },
  { colour: "var(--third)", dash: "2 3", symbol: "triangle" },
  { colour: "var(--fourth)", dash: "9 3 2 3", symbol: "diamond" },
] as const;
const lookOf = (index: number): (typeof looks)[number] => looks[index % looks.length] ?? looks[0];

/** Drawn at this width, and shown as wide as the page has room for. */
const widthPx = 400;
const rowPx = 24;

const isFinitePoint = ({ x, y }: ChartPoint): boolean => Number.isFinite(x) && Number.isFinite(y);

/** A name that fits beside an axis. */
export function shortened(name: string, most = 22): string {
  const characters = Array.from(name);
  return characters.length > most ? `${characters.slice(0, most - 1).join("")}\u2026` : name;
}

function legendOf(series: readonly Series[]): Markup {
  return html`<ul class="legend">
    ${series.map(({ name }, index) => {
      const { colour, dash } = lookOf(index);
      return html`<li>
        <svg width="30" height="10" aria-hidden="true">
          <line x1="0" y1="5" x2="30" y2="5" stroke="${colour}" stroke-width="2.5" stroke-dasharray="${dash}" /></svg
        >${name}
      </li> `;
    })}
  </ul>`;
}

/** What we do with a drawn plot; without the types of browsers, which nothing else here needs. */
interface DrawnPlot {
  readonly outerHTML: string;
  querySelector(selector: string): { remove(): void } | null;
  querySelectorAll(selector: string): Iterable<{ removeAttribute(name: string): void }>;
  setAttribute(name: string, value: string): void;
}

/** Most plots that are kept: those of one page are far fewer. */
const mostKept = 64;

/** Draws what was drawn before no second time: of the page of a run that goes on, little changes from one epoch to the next. */
function remembering<Chart>(draw: (chart: Chart) => Markup): (chart: Chart) => Markup {
  const drawn = new Map<string, Markup>();
  return (chart) => {
    const key = JSON.stringify(chart);
    const markup = drawn.get(key) ?? draw(chart);
    if (drawn.size >= mostKept) drawn.clear();
    drawn.set(key, markup);
    return markup;
  };
}

let opened: Promise<Charts> | undefined;

/** Loads what draws, once: Observable Plot, and a document for it to draw into. */
export async function openCharts(): Promise<Charts> {
  return await (opened ??= loadCharts());
}

async function loadCharts(): Promise<Charts> {
  const Plot = await import("@observablehq/plot");
  const { parseHTML } = await import("linkedom");
  const { document } = parseHTML("<!doctype html><html><body></body></html>") as unknown as { document: never };
  const common = {
    document,
    width: widthPx,
    style: { fontSize: "12px" },
    marginLeft: 56,
    marginTop: 32,
    marginBottom: 44,
  } as const;

  const figure = (title: string, svg: DrawnPlot, legend: Markup | null): Markup => {
    // The page's own style sheet says what this one says.
    svg.querySelector("style")?.remove();
    // The plot is one picture with one name.
    for (const part of svg.querySelectorAll("[aria-label]")) part.removeAttribute("aria-label");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", title);
    return html`<figure>
      <figcaption>${title}</figcaption>
      ${new Markup(svg.outerHTML)}${legend}
    </figure>`;
  };

  return {
    lines: remembering(({ title, xLabel, yLabel, xDomain, yDomain, series }: LineChart) => {
      const marks = series.flatMap(({ points, marked }, index) => {
        const { colour, dash, symbol } = lookOf(index);
        const drawn = points.filter(isFinitePoint);
        const place = { x: "x", y: "y" } as const;
        // A mark that is not seen has room for the pointer.
        const shown = marked ? { r: 3.2, fill: colour } : { r: 5, fill: colour, fillOpacity: 0 };
        return [
          Plot.lineY(drawn, { ...place, stroke: colour, strokeDasharray: dash, strokeWidth: marked ? 2 : 1.5 }),
          Plot.dot(drawn, { ...place, ...shown, symbol, title: "title" }),
        ];
      });
      const svg = Plot.plot({
        ...common,
        height: 270,
        x: { label: xLabel, labelOffset: 40, domain: [...xDomain], ticks: 6 },
        y: { label: yLabel, grid: true, ticks: 5, ...(yDomain !== undefined && { domain: [...yDomain] }) },
        marks,
      }) as unknown as DrawnPlot;
      return figure(title, svg, series.length > 1 ? legendOf(series) : null);
    }),
    dots: remembering(({ title, xLabel, xDomain, rows }: DotChart) => {
      const named = rows.map((row, index) => ({ ...row, key: String(index) }));
      const known = named.flatMap((row) => (row.value === null ? [] : [{ ...row, value: row.value }]));
      const spans = known.filter(({ low = null, high = null }) => low !== null && high !== null);
      const others = named.flatMap(({ key, others: all = [] }) => all.map((one) => ({ ...one, key })));
      const svg = Plot.plot({
        ...common,
        marginLeft: 150,
        marginTop: 8,
        height: rows.length * rowPx + 52,
        x: {
          label: xLabel,
          labelOffset: 40,
          grid: true,
          ticks: 5,
          inset: 8,
          ...(xDomain !== undefined && { domain: [...xDomain] }),
        },
        y: {
          label: null,
          domain: named.map(({ key }) => key),
          tickFormat: (key: string) => shortened(rows[Number(key)]?.label ?? ""),
        },
        marks: [
          Plot.ruleY(spans, { y: "key", x1: "low", x2: "high", stroke: "var(--first)", strokeWidth: 2 }),
          Plot.dot(others, { x: "value", y: "key", r: 3.5, stroke: "var(--second)", symbol: "square", title: "title" }),
          Plot.dot(known, { x: "value", y: "key", r: 5, fill: "var(--first)", title: "title" }),
        ],
      }) as unknown as DrawnPlot;
      return figure(title, svg, null);
    }),
  };
}
