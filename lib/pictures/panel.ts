/** Pictures of patches, masks and overlays in rows of panels, rendered as PNG. */
import type { OverlayOptions, Sharp } from "sharp";
import type { TissueClass } from "../dataset/tissue-class.js";
import { WsssError } from "../errors.js";
import { writeBytesAtomic } from "../files/file-access.js";
import { encodeIndexPng, ignoredIndex } from "../image/index-png.js";
import sharp from "../image/sharp.js";
import { type DifferenceCell, differenceKinds, renderDifference } from "./difference.js";
import { layOut, type LegendEntry } from "./panel-layout.js";

/** One field of a picture. */
export type PanelCell =
  /** The patch itself: RGB uint8 [height, width, 3]. */
  | { readonly kind: "patch"; readonly rgb: Uint8Array; readonly note?: string }
  /** A mask in the colours of the classes: uint8 [height, width]. */
  | { readonly kind: "mask"; readonly indices: Uint8Array; readonly note?: string }
  /** A mask laid over its patch; background and ignored pixels show the patch alone. */
  | {
      readonly kind: "overlay";
      readonly rgb: Uint8Array;
      readonly indices: Uint8Array;
      /**
       * Weight of the mask's colours, above 0 and up to 1.
       * @defaultValue `0.5`
       */
      readonly alpha?: number;
      readonly note?: string;
    }
  /** Where a prediction differs from the ground truth. */
  | DifferenceCell
  /** Nothing to show. */
  | { readonly kind: "empty"; readonly note?: string };

/** One patch and what was made of it, side by side. */
export interface PanelRow {
  /** What the row shows, above it. */
  readonly title?: string;
  /** Size of the patch, in px. */
  readonly height: number;
  readonly width: number;
  /** One for each caption. */
  readonly cells: readonly PanelCell[];
}

/** A picture of patches and masks side by side. */
export interface PanelPicture {
  /** Above everything. */
  readonly title?: string;
  /** Above each column, for example `["patch", "ground truth", "prediction"]`. */
  readonly captions: readonly string[];
  /** At least one. */
  readonly rows: readonly PanelRow[];
  readonly classes: readonly TissueClass[];
  readonly background: TissueClass;
  /**
   * Longest side of a panel as it is shown, in px, 64 to 1024. Patches are enlarged by whole factors only, so that mask
   * edges stay sharp, and reduced where they are larger.
   * @defaultValue `256`
   */
  readonly panelPx?: number;
}

/** How ignored pixels (index 255) look. */
const ignoredColour = [128, 134, 139] as const;

/**
 * Draws rows of equal panels under captions, with the colours and names of the classes below; a PNG file in memory.
 * @throws WsssError `WSSS_ERR_SHAPE` if a cell has another size than its row, or a row another number of cells than there
 *   are captions; `WSSS_ERR_DATASET` if a mask has an index above K other than 255.
 */
export async function renderPanel(picture: PanelPicture): Promise<Buffer> {
  checkPicture(picture);
  const { title, captions, rows, panelPx = 256 } = picture;
  const sizes = rows.map((row) => shownSize(row, panelPx));
  const frames = rows.map(({ title: name, cells }, index) => ({
    title: name,
    width: sizes[index]?.width ?? 0,
    height: sizes[index]?.height ?? 0,
    notes: cells.map((cell) => cell.note),
    vacant: cells.map((cell) => cell.kind === "empty"),
  }));
  const layout = layOut(title, captions, frames, legendOf(picture));
  const overlays: OverlayOptions[] = [];
  for (const [index, row] of rows.entries()) {
    for (const [column, cell] of row.cells.entries()) {
      const place = layout.places[index]?.[column];
      const size = sizes[index];
      if (cell.kind === "empty" || place === undefined || size === undefined) continue;
      const drawn = await drawCell(cell, row, picture);
      const kernel = cell.kind === "patch" ? "lanczos3" : "nearest";
      const same = size.width === row.width && size.height === row.height;
      const shown = same ? drawn : drawn.resize({ ...size, fit: "fill", kernel });
      const { data, info } = await shown.raw().toBuffer({ resolveWithObject: true });
      overlays.push({
        input: data,
        raw: { width: info.width, height: info.height, channels: info.channels },
        ...place,
      });
    }
  }
  return await sharp(Buffer.from(layout.svg)).composite(overlays).removeAlpha().png({ compressionLevel: 9 }).toBuffer();
}

/**
 * {@link renderPanel} into a file; a reader never sees half a picture.
 * @throws WsssError `WSSS_ERR_IO` if it can't be written, and as {@link renderPanel}.
 */
export async function writePanel(path: string, picture: PanelPicture): Promise<void> {
  await writeBytesAtomic(path, await renderPanel(picture));
}

/**
 * A single overlay in the size of the patch, without captions: a PNG file in memory.
 * @throws WsssError as {@link renderPanel}.
 */
export async function renderOverlay(
  cell: Extract<PanelCell, { kind: "overlay" }>,
  size: Pick<PanelRow, "height" | "width">,
  colours: Pick<PanelPicture, "classes" | "background">,
): Promise<Buffer> {
  checkCell(cell, size, "the overlay");
  return await (await drawCell(cell, size, colours)).png().toBuffer();
}

async function drawCell(
  cell: Exclude<PanelCell, { kind: "empty" }>,
  { height, width }: Pick<PanelRow, "height" | "width">,
  { classes, background }: Pick<PanelPicture, "classes" | "background">,
): Promise<Sharp> {
  const raw = { width, height, channels: 3 } as const;
  if (cell.kind === "patch") return sharp(cell.rgb, { raw });
  if (cell.kind === "difference") {
    return sharp(await renderDifference(cell, { height, width }, classes.length)).removeAlpha();
  }
  const mask = { indices: cell.indices, height, width };
  const colours = [...classes, background].map(({ colour }) => colour);
  const coloured = sharp(await encodeIndexPng(mask, colours, ignoredColour)).removeAlpha();
  if (cell.kind === "mask") return coloured;
  // The same mask in a palette of opacities: its first channel is the alpha channel of the layer.
  const level = Math.round((cell.alpha ?? 0.5) * 255);
  const opacities = classes.map(() => [level, level, level] as const);
  const opacity = sharp(await encodeIndexPng(mask, [...opacities, [0, 0, 0]], [0, 0, 0])).extractChannel(0);
  // In steps, since sharp orders the operations of one pipeline as it likes: it would remove the joined channel.
  const colour = sharp(await coloured.raw().toBuffer(), { raw });
  const layer = colour.joinChannel(await opacity.raw().toBuffer(), { raw: { width, height, channels: 1 } });
  const blended = sharp(cell.rgb, { raw }).composite([{ input: await layer.png().toBuffer() }]);
  return sharp(await blended.removeAlpha().raw().toBuffer(), { raw });
}

/** Size at which a patch is shown, in px: enlarged by a whole factor, or reduced so that it fits. */
function shownSize(
  { height, width }: Pick<PanelRow, "height" | "width">,
  panelPx: number,
): { height: number; width: number } {
  const longest = Math.max(height, width);
  const factor = longest > panelPx ? panelPx / longest : Math.floor(panelPx / longest);
  return { height: Math.max(1, Math.round(height * factor)), width: Math.max(1, Math.round(width * factor)) };
}

/** Classes, background, and, where there are any, ignored pixels and differences. */
function legendOf({ classes, background, rows }: PanelPicture): LegendEntry[] {
  const masks = rows.flatMap(({ cells }) => cells.flatMap((cell) => ("indices" in cell ? [cell.indices] : [])));
  const ignored = masks.some((indices) => indices.includes(ignoredIndex));
  const rest = [{ name: `${background.name} (not scored)`, colour: background.colour }];
  const ignoredOnes = ignored ? [{ name: "ignored", colour: ignoredColour }] : [];
  const compared = rows.some(({ cells }) => cells.some(({ kind }) => kind === "difference"));
  return [...classes, ...rest, ...ignoredOnes, ...(compared ? differenceKinds : [])];
}

function checkPicture({ captions, rows, panelPx = 256 }: PanelPicture): void {
  if (rows.length === 0 || captions.length === 0) {
    throw new WsssError("WSSS_ERR_SHAPE", "a picture needs at least one row and one caption", {});
  }
  if (!Number.isInteger(panelPx) || panelPx < 64 || panelPx > 1024) {
    const message = `panelPx must be a whole number from 64 to 1024, received ${panelPx}`;
    throw new WsssError("WSSS_ERR_OPTION", message, { option: "panelPx", minimum: 64, maximum: 1024, value: panelPx });
  }
  for (const [index, row] of rows.entries()) {
    if (row.cells.length !== captions.length) {
      const message = `row ${index} has ${row.cells.length} cells for ${captions.length} captions`;
      throw new WsssError("WSSS_ERR_SHAPE", message, {
        row: index,
        cells: row.cells.length,
        captions: captions.length,
      });
    }
    for (const [column, cell] of row.cells.entries()) checkCell(cell, row, `row ${index}, column ${column}`);
  }
}

function checkCell(cell: PanelCell, { height, width }: Pick<PanelRow, "height" | "width">, where: string): void {
  const pixels = height * width;
  if ("rgb" in cell && cell.rgb.length !== 3 * pixels) {
    const message = `${where}: a patch of ${height}x${width} px has ${3 * pixels} bytes, received ${cell.rgb.length}`;
    throw new WsssError("WSSS_ERR_SHAPE", message, { height, width, bytes: cell.rgb.length });
  }
  for (const mask of ["indices" in cell ? cell.indices : undefined, "truth" in cell ? cell.truth : undefined]) {
    if (mask === undefined || mask.length === pixels) continue;
    const message = `${where}: a mask of ${height}x${width} px has ${pixels} indices, received ${mask.length}`;
    throw new WsssError("WSSS_ERR_SHAPE", message, { height, width, indices: mask.length });
  }
}
