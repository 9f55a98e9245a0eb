/** Writes RGB pixels as a PNG file. */
import { writeBytesAtomic } from "../files/file-access.js";
import sharp from "./sharp.js";

/** Pixels of a picture. */
export interface RgbPixels {
  /** uint8 [height, width, 3], interleaved. */
  readonly rgb: Uint8Array;
  /** In pixels. */
  readonly height: number;
  /** In pixels. */
  readonly width: number;
}

/** Writes a picture so that a reader never sees half of it. @throws WsssError `WSSS_ERR_IO` if the file can't be written */
export async function writeRgbPng(file: string, { rgb, height, width }: RgbPixels): Promise<void> {
  await writeBytesAtomic(
    file,
    await sharp(rgb, { raw: { width, height, channels: 3 } })
      .png()
      .toBuffer(),
  );
}
