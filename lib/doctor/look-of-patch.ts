/** Tells patches without stained tissue: white, of one colour, or grey. */
import type { ChannelStats } from "sharp";
import type { DecodedPatch } from "../image/decode-patch.js";
import sharp from "../image/sharp.js";

/** How a patch looks that holds no stained tissue. */
export type EmptyLook =
  /** White in every pixel. */
  | "white"
  /** Of one colour in every pixel. */
  | "flat"
  /** Grey in every pixel. */
  | "colourless";

/** A channel value from which a pixel counts as white: above any tissue, below scanned glass with its dust. */
const whiteFrom = 220;

/** Largest standard deviation of a channel that is of one value, apart from noise of the camera or the compression. */
const flatStdev = 1;

/** Widest range of values in a channel of the sample that may still turn out to be flat. */
const flatRange = 8;

/** Side of the sample, in px. */
const samplePx = 24;

/**
 * Whether a patch is empty to the eye.
 *
 * Statistics of all pixels take four times as long as decoding them. So a sample of the pixels is looked at first: what
 * holds for all holds for the sample, nothing is missed, and few patches are looked at whole.
 */
export async function lookOfPatch({ data, height, width }: DecodedPatch): Promise<EmptyLook | null> {
  const whole = sharp(data, { raw: { height, width, channels: 3 } });
  const size = { width: Math.min(width, samplePx), height: Math.min(height, samplePx), fit: "fill" } as const;
  const sample = await whole
    .clone()
    .resize({ ...size, kernel: "nearest" })
    .raw()
    .toBuffer();
  return mayBeEmpty(sample) ? lookOf((await whole.stats()).channels) : null;
}

function mayBeEmpty(sample: Buffer): boolean {
  const channels = [0, 1, 2].map((first) => sample.filter((_, at) => at % 3 === first));
  const white = sample.every((value) => value >= whiteFrom);
  const flat = channels.every((values) => Math.max(...values) - Math.min(...values) <= flatRange);
  const [red, green, blue] = channels.map((values) => Buffer.from(values));
  const colourless = red !== undefined && green?.equals(red) === true && blue?.equals(red) === true;
  return white || flat || colourless;
}

function lookOf(channels: readonly ChannelStats[]): EmptyLook | null {
  if (channels.every(({ min }) => min >= whiteFrom)) return "white";
  if (channels.every(({ stdev }) => stdev <= flatStdev)) return "flat";
  const [first] = channels;
  const same = channels.every(
    ({ min, max, sum, squaresSum }) =>
      min === first?.min && max === first.max && sum === first.sum && squaresSum === first.squaresSum,
  );
  return same ? "colourless" : null;
}
