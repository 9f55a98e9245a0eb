// Slides for tests: small pyramids drawn here, and the real ones of ../shared where they are.
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import { loadAddon } from "../../dist/native/load.js";
import { findOrFetchOpenSlide } from "../../dist/openslide/find-openslide.js";

/** Folder of real slides. */
export const realSlides = path.resolve("..", "shared", "data", "wsi");
export const hasRealSlides = existsSync(realSlides);

/** Whether OpenSlide is there or can be fetched; says why not. */
export async function hasOpenSlide(): Promise<boolean> {
  try {
    await findOrFetchOpenSlide(await loadAddon(), { onProgress: () => undefined, aloud: false });
    return true;
  } catch (error) {
    console.warn(`SKIPPED: slides of scanners, since there is no OpenSlide: ${String(error)}`);
    return false;
  }
}

/** RGB pixels of a picture. */
export interface Pixels {
  readonly rgb: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A picture by a function of its pixels. */
export function drawn(width: number, height: number, colourAt: (x: number, y: number) => readonly number[]): Pixels {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rgb.set(colourAt(x, y), (y * width + x) * 3);
  return { rgb, width, height };
}

/** A picture with detail of all sizes, in the colours of tissue. */
export function texture(width: number, height: number): Pixels {
  let state = 12345;
  const noise = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  return drawn(width, height, (x, y) => {
    const wave = Math.sin(x / 7) + Math.cos(y / 11) + Math.sin((x + y) / 3);
    return [170 + 12 * wave + 40 * noise(), 90 + 20 * wave + 40 * noise(), 150 + 14 * wave + 40 * noise()].map(
      (value) => Math.max(0, Math.min(255, Math.round(value))),
    );
  });
}

/** Writes pixels as a tiled TIFF pyramid without loss, which OpenSlide opens; 0.25 um a pixel. */
export async function writePyramid(file: string, { rgb, width, height }: Pixels, umPerPixel = 0.25): Promise<void> {
  const perMm = 1000 / umPerPixel;
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .tiff({
      compression: "deflate",
      tile: true,
      tileWidth: 128,
      tileHeight: 128,
      pyramid: true,
      xres: perMm,
      yres: perMm,
    })
    .toFile(file);
}

export async function slideFolder(): Promise<string> {
  return await mkdtemp(path.join(tmpdir(), "wsss slide "));
}
