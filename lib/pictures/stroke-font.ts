/**
 * A stroke font of our own, drawn as SVG paths.
 *
 * Captions must not depend on the fonts of the machine: a bare container has none, and text set with `<text>` is then
 * invisible. It also makes pictures the same everywhere. Glyphs lie on a grid of 14 units from the top of a capital to
 * the base line; small letters begin at 4.6, descenders end at 18.4.
 */

/** Units from the top of a capital letter to the base line. */
const capUnits = 14;
/** Units between two glyphs, and the width of a space. */
const gapUnits = 3.4;
const spaceUnits = 4.2;

const bowl = "M4.1 4.6A4.1 4.7 0 1 0 4.1 14A4.1 4.7 0 1 0 4.1 4.6Z";

/** Width in units and path of each glyph. */
const glyphs: Readonly<Record<string, readonly [width: number, path: string]>> = {
  A: [10, "M0 14 5 0 10 14M1.8 9.2H8.2"],
  B: [9, "M0 0V14H5.2A3.8 3.8 0 0 0 5.2 6.4H0M0 0H4.6A3.2 3.2 0 0 1 4.6 6.4"],
  C: [10, "M10 3.34A5.4 7 0 1 0 10 10.66"],
  D: [10, "M0 0V14H3.4A6.6 7 0 0 0 3.4 0Z"],
  E: [8, "M8 0H0V14H8M0 6.7H7"],
  F: [7.6, "M7.6 0H0V14M0 6.7H6.6"],
  G: [10.2, "M9.9 3.3A5.4 7 0 1 0 10.2 10.4V7.6H6"],
  H: [9.6, "M0 0V14M9.6 0V14M0 6.7H9.6"],
  I: [0, "M0 0V14"],
  J: [6.4, "M6.4 0V10.6A3.2 3.4 0 0 1 0 10.6"],
  K: [8.8, "M0 0V14M8.4 0 0 8.6M3.3 5.5 8.8 14"],
  L: [7.4, "M0 0V14H7.4"],
  M: [11.4, "M0 14V0L5.7 9.6 11.4 0V14"],
  N: [9.6, "M0 14V0L9.6 14V0"],
  O: [10.8, "M5.4 0A5.4 7 0 1 0 5.4 14A5.4 7 0 1 0 5.4 0Z"],
  P: [8.9, "M0 14V0H5A3.9 3.9 0 0 1 5 7.8H0"],
  Q: [10.8, "M5.4 0A5.4 7 0 1 0 5.4 14A5.4 7 0 1 0 5.4 0ZM6.8 10.2 10.8 15"],
  R: [8.8, "M0 14V0H5A3.7 3.7 0 0 1 5 7.4H0M4.6 7.4 8.8 14"],
  S: [
    8.6,
    "M8.2 2.9C7.6 1 6.2 0 4.3 0C2 0 .4 1.4 .4 3.5C.4 5.7 2.2 6.4 4.4 6.9C6.8 7.4 8.6 8.2 8.6 10.4C8.6 12.6 6.8 14 4.4 14C2.1 14 .5 12.9 0 10.9",
  ],
  T: [9.6, "M0 0H9.6M4.8 0V14"],
  U: [9.4, "M0 0V9.3A4.7 4.7 0 0 0 9.4 9.3V0"],
  V: [10, "M0 0 5 14 10 0"],
  W: [14.4, "M0 0 3.8 14 7.2 1.6 10.6 14 14.4 0"],
  X: [9.4, "M0 0 9.4 14M9.4 0 0 14"],
  Y: [9.6, "M0 0 4.8 7.2 9.6 0M4.8 7.2V14"],
  Z: [9, "M0 0H9L0 14H9"],
  a: [8.2, `${bowl}M8.2 4.6V14`],
  b: [8.2, `${bowl}M0 0V14`],
  c: [7.4, "M7.4 6.5A4.1 4.7 0 1 0 7.4 12.1"],
  d: [8.2, `${bowl}M8.2 0V14`],
  e: [8.2, "M0 9.3H8.2A4.1 4.7 0 1 0 7.2 12.3"],
  f: [4.6, "M5 .2C2.8-.4 1.9 .9 1.9 2.9V14M0 4.8H4.5"],
  g: [8.2, `${bowl}M8.2 4.6V14.4A3.9 4 0 0 1 .8 16.3`],
  h: [7.4, "M0 0V14M0 8.3A3.7 3.7 0 0 1 7.4 8.3V14"],
  i: [0, "M0 4.6V14M0 1.2v.02"],
  j: [1.6, "M1.6 4.6V15.6A2.4 2.6 0 0 1-.6 18.1M1.6 1.2v.02"],
  k: [7, "M0 0V14M6.6 4.6 0 10.7M2.6 8.4 7 14"],
  l: [1.8, "M0 0V12A1.9 2 0 0 0 1.9 14"],
  m: [13, "M0 4.6V14M0 7.9A3.25 3.3 0 0 1 6.5 7.9V14M6.5 7.9A3.25 3.3 0 0 1 13 7.9V14"],
  n: [7.4, "M0 4.6V14M0 8.3A3.7 3.7 0 0 1 7.4 8.3V14"],
  o: [8.2, bowl],
  p: [8.2, `${bowl}M0 4.6V18.4`],
  q: [8.2, `${bowl}M8.2 4.6V18.4`],
  r: [4.4, "M0 4.6V14M0 8.8C.3 6 1.9 4.5 4.6 4.7"],
  s: [
    6.8,
    "M6.5 6.7C6.1 5.3 5 4.6 3.5 4.6C1.7 4.6 .4 5.5 .4 7C.4 8.5 1.7 8.9 3.4 9.2C5.3 9.6 6.8 10 6.8 11.5C6.8 13.1 5.4 14 3.5 14C1.6 14 .4 13.2 0 11.8",
  ],
  t: [4.8, "M1.9 1.4V11.3C1.9 13.4 3 14.3 4.9 13.8M0 4.8H4.7"],
  u: [7.4, "M0 4.6V10.3A3.7 3.7 0 0 0 7.4 10.3M7.4 4.6V14"],
  v: [7.6, "M0 4.6 3.8 14 7.6 4.6"],
  w: [11.4, "M0 4.6 2.9 14 5.7 5.4 8.5 14 11.4 4.6"],
  x: [7.2, "M0 4.6 7.2 14M7.2 4.6 0 14"],
  y: [7.8, "M0 4.6 3.9 13.8M7.8 4.6 3.4 15.6C2.7 17.5 1.8 18.2 .2 18"],
  z: [7, "M0 4.6H7L0 14H7"],
  0: [8.4, "M4.2 0A4.2 7 0 1 0 4.2 14A4.2 7 0 1 0 4.2 0Z"],
  1: [4.2, "M0 3 4.2 0V14"],
  2: [8.4, "M.4 3.7A3.9 3.8 0 0 1 8.1 4C8.1 6.5 5.6 8.7 .2 14H8.4"],
  3: [8.4, "M.5 0H7.8L4 5.4A4.3 4.3 0 1 1 .1 11.5"],
  4: [8.6, "M6.3 14V0L0 10.2H8.6"],
  5: [8.4, "M7.7 0H1.4L.7 6.3C1.7 5.4 2.9 5 4.1 5C6.6 5 8.4 6.9 8.4 9.4C8.4 12.1 6.5 14 3.9 14C2 14 .7 13.2 0 11.7"],
  6: [8.4, "M4.2 5.2A4.2 4.4 0 1 0 4.2 14A4.2 4.4 0 1 0 4.2 5.2ZM6.5 0 .8 7.1"],
  7: [8.2, "M0 0H8.2L2.8 14"],
  8: [8.4, "M4.2 0A3.4 3.2 0 1 0 4.2 6.4A3.4 3.2 0 1 0 4.2 0ZM4.2 6.4A4.2 3.8 0 1 0 4.2 14A4.2 3.8 0 1 0 4.2 6.4Z"],
  9: [8.4, "M4.2 0A4.2 4.4 0 1 0 4.2 8.8A4.2 4.4 0 1 0 4.2 0ZM1.9 14 7.6 6.9"],
  ".": [0, "M0 13.9v.02"],
  ",": [1, "M.9 13.6 0 16.4"],
  ":": [0, "M0 6.6v.02M0 13.9v.02"],
  ";": [1, "M.9 6.6v.02M.9 13.6 0 16.4"],
  "!": [0, "M0 0V9.6M0 13.9v.02"],
  "?": [7.4, "M0 3.4A3.7 3.5 0 0 1 7.4 3.6C7.4 6.2 3.7 6.6 3.7 9.8M3.7 13.9v.02"],
  "-": [4.6, "M0 9.2H4.6"],
  "\u2013": [7, "M0 9.2H7"],
  "\u2014": [11, "M0 9.2H11"],
  _: [8, "M0 16.4H8"],
  "+": [8, "M0 8.6H8M4 4.6V12.6"],
  "=": [8, "M0 6.6H8M0 10.8H8"],
  "/": [6, "M0 16 6-1.4"],
  "\\": [6, "M0-1.4 6 16"],
  "|": [0, "M0-1.4V17"],
  "(": [3, "M3-1.4C-.7 3.2-.7 12.2 3 16.8"],
  ")": [3, "M0-1.4C3.7 3.2 3.7 12.2 0 16.8"],
  "[": [3.2, "M3.2-1.2H0V16.8H3.2"],
  "]": [3.2, "M0-1.2H3.2V16.8H0"],
  "{": [3.8, "M3.8-1.2C1.4-1.2 1.6 .6 1.6 3C1.6 5.6 1.6 7.4 0 7.8C1.6 8.2 1.6 10 1.6 12.6C1.6 15 1.4 16.8 3.8 16.8"],
  "}": [3.8, "M0-1.2C2.4-1.2 2.2 .6 2.2 3C2.2 5.6 2.2 7.4 3.8 7.8C2.2 8.2 2.2 10 2.2 12.6C2.2 15 2.4 16.8 0 16.8"],
  "<": [7.4, "M7.4 4.2 0 8.6 7.4 13"],
  ">": [7.4, "M0 4.2 7.4 8.6 0 13"],
  "'": [0, "M0 0V3.6"],
  '"': [3, "M0 0V3.6M3 0V3.6"],
  "`": [2, "M0 0 2 2.6"],
  "*": [6, "M3 0V6.4M0 1.4 6 5M6 1.4 0 5"],
  "#": [9.2, "M3.2 0 1.4 14M7.8 0 6 14M.6 4.4H9.2M0 9.6H8.6"],
  "%": [
    12,
    "M10.2 0 1.8 14M2.6 0A2.6 3.1 0 1 0 2.6 6.2A2.6 3.1 0 1 0 2.6 0ZM9.4 7.8A2.6 3.1 0 1 0 9.4 14A2.6 3.1 0 1 0 9.4 7.8Z",
  ],
  "&": [10.2, "M10 14 3 5.6C1.5 3.6 2 0 4.7 0C7.5 0 7.8 3.9 5.4 5.3L3 6.6C-.8 8.8-.3 14 4 14C7.4 14 9.2 11.4 9.6 8"],
  "@": [
    13,
    "M9.4 4.4V9.2C9.4 11.4 13 11.6 13 7.4C13 3.2 10.3 0 6.6 0A6.6 7.4 0 1 0 9.8 14M9.4 7.2A2.8 3.2 0 1 0 3.8 7.2A2.8 3.2 0 1 0 9.4 7.2Z",
  ],
  $: [
    8.6,
    "M8.2 3.6C7.6 2 6.2 1.2 4.3 1.2C2 1.2 .4 2.2 .4 4C.4 5.9 2.2 6.4 4.4 6.9C6.8 7.4 8.6 8.2 8.6 10C8.6 11.9 6.8 12.9 4.4 12.9C2.1 12.9 .5 12 0 10.4M4.4-1.2V15.2",
  ],
  "^": [6.4, "M0 5 3.2 0 6.4 5"],
  "~": [8.4, "M0 9.6C1.6 7 3 7.6 4.2 8.6C5.4 9.6 6.8 10.2 8.4 7.6"],
  "\u00b7": [0, "M0 8.6v.02"],
  "\u00d7": [6.4, "M0 5.4 6.4 11.8M6.4 5.4 0 11.8"],
  "\u2192": [10.4, "M0 8.6H10.2M6.6 5 10.4 8.6 6.6 12.2"],
  "\u2026": [8, "M0 13.9v.02M4 13.9v.02M8 13.9v.02"],
  "\u00b5": [7.4, "M0 4.6V18.4M0 10.3A3.7 3.7 0 0 0 7.4 10.3M7.4 4.6V14"],
  "\u00b0": [4.4, "M2.2 0A2.2 2.2 0 1 0 2.2 4.4A2.2 2.2 0 1 0 2.2 0Z"],
};

/** Look and place of one line of text. */
export interface TextStyle {
  /** Height of a capital letter, in px. */
  readonly capPx: number;
  /** CSS colour. */
  readonly colour: string;
  /**
   * Thickness of the strokes as a fraction of the height of a capital.
   * @defaultValue `0.105`, a regular weight; 0.15 is bold
   */
  readonly weight?: number;
}

/** Letters with marks become plain letters, which the font has: `"é"` is drawn as `"e"`. */
function plain(text: string): string[] {
  const folded = text
    .normalize("NFD")
    .replace(/\p{M}+/gu, "")
    .replaceAll("\u03bc", "\u00b5")
    .replaceAll("ß", "ss");
  return Array.from(folded.normalize("NFC"));
}

/** Whether each character has a glyph. Other scripts are left to the fonts of the machine. */
export function canStroke(text: string): boolean {
  return plain(text).every((character) => character === " " || character in glyphs);
}

/** Width of a line, in px; estimated where a character has no glyph. */
export function textWidth(text: string, { capPx }: Pick<TextStyle, "capPx">): number {
  const units = plain(text).reduce((sum, character) => sum + advance(character), 0);
  return Math.max(0, (units - gapUnits) * (capPx / capUnits));
}

/** The text, shortened in its middle so that it is at most `widthPx` wide: both ends of a patch's name matter. */
export function fitText(text: string, widthPx: number, style: Pick<TextStyle, "capPx">): string {
  if (textWidth(text, style) <= widthPx) return text;
  const characters = plain(text);
  for (let kept = characters.length - 1; kept > 1; kept--) {
    const head = Math.ceil(kept / 2);
    const short = `${characters.slice(0, head).join("")}\u2026${characters.slice(characters.length - kept + head).join("")}`;
    if (textWidth(short, style) <= widthPx) return short;
  }
  return "\u2026";
}

/**
 * One line of text as an SVG element.
 * @param x - left end of the line, or its middle with `anchor` `"middle"`, in px.
 * @param top - top of the capital letters, in px.
 */
export function textElement(
  text: string,
  x: number,
  top: number,
  style: TextStyle,
  anchor: "start" | "middle" = "start",
): string {
  const { capPx, colour, weight = 0.105 } = style;
  const width = textWidth(text, style);
  const left = anchor === "middle" ? x - width / 2 : x;
  if (!canStroke(text)) return systemTextElement(text, left, top, width, style);
  const scale = capPx / capUnits;
  let units = 0;
  let paths = "";
  for (const character of plain(text)) {
    const glyph = glyphs[character];
    if (glyph !== undefined) paths += `<path transform="translate(${units.toFixed(2)} 0)" d="${glyph[1]}"/>`;
    units += advance(character);
  }
  const place = `translate(${left.toFixed(2)} ${top.toFixed(2)}) scale(${scale.toFixed(4)})`;
  const stroke = `stroke="${colour}" stroke-width="${(weight * capUnits).toFixed(2)}"`;
  return `<g transform="${place}" fill="none" ${stroke} stroke-linecap="round" stroke-linejoin="round">${paths}</g>`;
}

function advance(character: string): number {
  if (character === " ") return spaceUnits + gapUnits;
  const glyph = glyphs[character];
  // Characters of other scripts are as wide as they are high, or nearly so.
  return (glyph === undefined ? 16 : glyph[0]) + gapUnits;
}

function systemTextElement(text: string, left: number, top: number, width: number, style: TextStyle): string {
  const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  // eslint-disable-next-line no-control-regex -- control characters are not allowed in XML
  const clean = text.replace(/[\u0000-\u001f]/g, " ").replace(/[&<>]/g, (character) => escapes[character] ?? "");
  const place = `x="${left.toFixed(2)}" y="${(top + style.capPx).toFixed(2)}" textLength="${width.toFixed(2)}"`;
  return `<text ${place} font-family="sans-serif" font-size="${(style.capPx * 1.4).toFixed(2)}" fill="${style.colour}">${clean}</text>`;
}
