/** The layout of a picture of panels: where titles, captions, frames and the legend go. */
import { fitText, textElement, type TextStyle, textWidth } from "./stroke-font.js";

/** Measures of a picture, in px. */
export const measures = {
  margin: 24,
  /** Narrower pictures get white space, as titles and legends need room for their words. */
  minInner: 400,
  panelGap: 10,
  rowGap: 18,
  /** Captions of the columns. */
  caption: { capPx: 11, colour: "#1f2933", weight: 0.14 },
  title: { capPx: 15, colour: "#111827", weight: 0.14 },
  /** Name of a row and notes below panels. */
  small: { capPx: 9, colour: "#52606d", weight: 0.12 },
  legend: { capPx: 10, colour: "#323f4b", weight: 0.115 },
  swatch: 16,
} as const satisfies Readonly<Record<string, number | TextStyle>>;

/** An entry of the legend. */
export interface LegendEntry {
  readonly name: string;
  readonly colour: readonly number[];
}

/** A row of panels, as the layout sees it. */
export interface RowFrame {
  readonly title: string | undefined;
  /** Size of each panel as shown, in px. */
  readonly width: number;
  readonly height: number;
  /** One for each column; undefined where there is none. */
  readonly notes: readonly (string | undefined)[];
  /** Columns without a picture. */
  readonly vacant: readonly boolean[];
}

/** Where everything lies. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Everything but the panels: captions, frames and legend, as one SVG picture. */
  readonly svg: string;
  /** Left upper corners of the panels, by row and column. */
  readonly places: readonly (readonly { left: number; top: number }[])[];
}

/** Computes the layout of a picture of rows of panels under common captions, with a legend below. */
export function layOut(
  title: string | undefined,
  captions: readonly string[],
  rows: readonly RowFrame[],
  legend: readonly LegendEntry[],
): Layout {
  const { margin, panelGap, rowGap } = measures;
  const columns = captions.length;
  const panelWidth = Math.max(...rows.map((row) => row.width));
  // Small panels move apart so that captions keep their words; only much longer ones are shortened.
  const captionWidth = Math.max(...captions.map((caption) => textWidth(caption, measures.caption)));
  const columnWidth = Math.max(panelWidth, Math.min(Math.ceil(captionWidth), 2 * panelWidth));
  const inner = Math.max(columns * columnWidth + (columns - 1) * panelGap, measures.minInner);
  const width = inner + 2 * margin;
  const leftOf = (column: number): number => margin + column * (columnWidth + panelGap);
  const parts: string[] = [];
  let top = margin;
  if (title !== undefined) {
    parts.push(textElement(fitText(title, inner, measures.title), margin, top, measures.title));
    top += measures.title.capPx + 22;
  }
  for (const [column, caption] of captions.entries()) {
    const text = fitText(caption, columnWidth, measures.caption);
    parts.push(textElement(text, leftOf(column) + columnWidth / 2, top, measures.caption, "middle"));
  }
  top += measures.caption.capPx + 17;
  const places = rows.map((row, index) => {
    if (index > 0) {
      parts.push(line(margin, top + rowGap / 2 - 4, width - margin));
      top += rowGap;
    }
    if (row.title !== undefined) {
      parts.push(textElement(fitText(row.title, inner, measures.small), margin, top, measures.small));
      top += measures.small.capPx + 9;
    }
    const corners = captions.map((_, column) => ({
      left: leftOf(column) + Math.floor((columnWidth - row.width) / 2),
      top,
    }));
    parts.push(...corners.map((corner, column) => frame(corner, row, row.vacant[column] === true)));
    top += row.height;
    if (row.notes.some((note) => note !== undefined)) {
      const below = top + 8;
      for (const [column, note] of row.notes.entries()) {
        if (note === undefined) continue;
        const text = fitText(note, columnWidth, measures.small);
        parts.push(textElement(text, leftOf(column) + columnWidth / 2, below, measures.small, "middle"));
      }
      top += 8 + measures.small.capPx + 4;
    }
    return corners;
  });
  const key = legendElements(legend, margin, top + 22, inner);
  parts.push(...key.parts);
  const height = Math.ceil(key.bottom + margin - 2);
  const open = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">`;
  const svg = `${open}<rect width="100%" height="100%" fill="#ffffff"/>${parts.join("")}</svg>`;
  return { width, height, svg, places };
}

/** Swatches with names, from left to right, on as many lines as they need. */
function legendElements(
  legend: readonly LegendEntry[],
  left: number,
  top: number,
  widthPx: number,
): { parts: string[]; bottom: number } {
  const { swatch, legend: style } = measures;
  const parts: string[] = [];
  let x = left;
  let y = top;
  for (const { name, colour } of legend) {
    const text = fitText(name, widthPx - swatch - 8, style);
    const entryWidth = swatch + 8 + textWidth(text, style);
    if (x > left && x + entryWidth > left + widthPx) {
      x = left;
      y += swatch + 10;
    }
    const square = `x="${x + 0.5}" y="${y + 0.5}" width="${swatch - 1}" height="${swatch - 1}" rx="3"`;
    parts.push(`<rect ${square} fill="rgb(${colour.join(",")})" stroke="#000000" stroke-opacity="0.25"/>`);
    parts.push(textElement(text, x + swatch + 8, y + (swatch - style.capPx) / 2, style));
    x += Math.ceil(entryWidth) + 26;
  }
  return { parts, bottom: y + swatch };
}

/** A hairline around a panel; a vacant panel is a grey field with a cross. */
function frame(corner: { left: number; top: number }, { width, height }: RowFrame, vacant: boolean): string {
  const { left, top } = corner;
  const border = `<rect x="${left - 0.5}" y="${top - 0.5}" width="${width + 1}" height="${height + 1}"`;
  if (!vacant) return `${border} fill="none" stroke="#9aa5b1"/>`;
  const [right, bottom] = [left + width, top + height];
  const cross = `M${left} ${top}L${right} ${bottom}M${right} ${top}L${left} ${bottom}`;
  return `${border} fill="#f5f7fa" stroke="#cbd2d9"/><path d="${cross}" stroke="#e4e7eb" fill="none"/>`;
}

function line(left: number, y: number, right: number): string {
  return `<path d="M${left} ${y}H${right}" stroke="#e4e7eb" fill="none"/>`;
}
