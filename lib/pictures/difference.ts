/** Where a prediction differs from the ground truth: right, wrong and unscored pixels, each kind in a colour of its own. */
import { type Colour, encodeIndexPng } from "../image/index-png.js";
import sharp from "../image/sharp.js";

/** Names and colours of the kinds of pixels; they differ in lightness too, for whoever does not see the colours. */
export const differenceKinds = [
  { name: "right", colour: [229, 238, 244] },
  { name: "wrong", colour: [196, 60, 0] },
  { name: "not scored", colour: [128, 134, 139] },
] as const satisfies readonly { readonly name: string; readonly colour: Colour }[];

/** Two masks of one size: uint8 [height, width], indices as in an index mask. */
export interface DifferenceCell {
  readonly kind: "difference";
  /** Its background and ignored pixels are not scored. */
  readonly truth: Uint8Array;
  /** The prediction. */
  readonly indices: Uint8Array;
  readonly note?: string;
}

interface Size {
  readonly height: number;
  readonly width: number;
}

/** A mask with each index replaced, by palettes: uint8 [height, width]. */
async function replaced(
  indices: Uint8Array,
  { height, width }: Size,
  values: readonly number[],
  ofIgnored: number,
): Promise<Buffer> {
  const grey = (value: number): Colour => [value, value, value];
  const png = await encodeIndexPng({ indices, height, width }, values.map(grey), grey(ofIgnored));
  return await sharp(png).extractChannel(0).raw().toBuffer();
}

/**
 * The differences as a PNG file in memory.
 * @param classCount - tissue classes; the index of that number is background.
 * @throws WsssError `WSSS_ERR_DATASET` if a mask has an index above that of background other than 255.
 */
export async function renderDifference(
  { truth, indices }: Pick<DifferenceCell, "truth" | "indices">,
  size: Size,
  classCount: number,
): Promise<Uint8Array> {
  const raw = { ...size, channels: 1 } as const;
  const classes = Array.from({ length: classCount }, (_, index) => index);
  // Equal pixels become 0, all others 255.
  const joined = await sharp(truth, { raw })
    .boolean(Buffer.from(indices.buffer, indices.byteOffset, indices.length), "eor", { raw })
    .extractChannel(0)
    .raw()
    .toBuffer();
  const differing = await sharp(joined, { raw }).threshold(1).extractChannel(0).raw().toBuffer();
  const wrong = await replaced(differing, size, [0], 1);
  const unscored = await replaced(truth, size, [...classes.map(() => 0), 2], 2);
  const kinds = await sharp(wrong, { raw }).boolean(unscored, "or", { raw }).extractChannel(0).raw().toBuffer();
  const [right, bad, none] = differenceKinds.map(({ colour }) => colour);
  const palette = [right, bad, none, none].filter((colour) => colour !== undefined);
  return await encodeIndexPng({ indices: kinds, ...size }, palette);
}
