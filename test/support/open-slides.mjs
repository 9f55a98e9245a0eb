// Opens and reads every file of a folder as a slide; prints a line of JSON for each: node open-slides.mjs FOLDER
import { readdirSync } from "node:fs";
import path from "node:path";
import { isWsssError, openSlide } from "../../dist/index.js";

const [folder] = process.argv.slice(2);
for (const name of readdirSync(folder).sort()) {
  let code = "read";
  let slide;
  try {
    slide = await openSlide(path.join(folder, name), { damaged: "background", micronsPerPixel: 1 });
    // What a header claims may be vast: only so much is looked at.
    const side = Math.min(slide.width, slide.height, 512);
    await slide.read({ x: 0, y: 0, width: side, height: side });
    await slide.read({ x: slide.width / 2, y: slide.height / 2, width: 64, height: 64, micronsPerPixel: 3 });
  } catch (error) {
    code = isWsssError(error) ? error.code : String(error);
  }
  await slide?.close();
  process.stdout.write(`${JSON.stringify({ name, code })}\n`);
}
