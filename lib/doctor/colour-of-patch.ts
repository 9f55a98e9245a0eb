/** The mean colour of a patch. */
import type { DecodedPatch } from "../image/decode-patch.js";
import sharp from "../image/sharp.js";
import type { MeanColour } from "./examination.js";

/** Mean of red, green and blue over all pixels of a patch, glass included. */
export async function meanColourOf({ data, height, width }: DecodedPatch): Promise<MeanColour> {
  const { channels } = await sharp(data, { raw: { height, width, channels: 3 } }).stats();
  const [red, green, blue] = channels.map(({ mean }) => mean);
  return [red ?? 0, green ?? 0, blue ?? 0];
}
