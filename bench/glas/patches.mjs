/** Patches of GlaS in three classes, as a dataset at the size that a benchmark wants. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import sharp from "sharp";
import { mapConcurrently } from "../../dist/async/map-concurrently.js";
import { decodePatch } from "../../dist/image/decode-patch.js";
import { readIndexPng, writeIndexPng } from "../../dist/image/index-png.js";
import { writeDatasetDescription } from "../../dist/index.js";
import { description, palette, source } from "./material.mjs";

/** One patch and its mask at another size. */
async function reducePatch(from, to, px) {
  const size = { width: px, height: px, fit: "fill" };
  const { data, width, height } = await decodePatch(from.image);
  const picture = sharp(data, { raw: { width, height, channels: 3 } }).resize(size);
  await picture.png().toFile(to.image);
  const mask = await readIndexPng(from.mask, { palette });
  const raw = { width: mask.width, height: mask.height, channels: 1 };
  const reduced = sharp(mask.indices, { raw }).resize({ ...size, kernel: "nearest" });
  const indices = await reduced.toColourspace("b-w").raw().toBuffer();
  await writeIndexPng(to.mask, { indices, width: px, height: px }, palette);
}

/**
 * The three-class variant of the shared data at another size, with a manifest that says whom each patch is of.
 * @param splitOf - the split of a patch, from its patient and the split that it has in the shared data; null leaves it out.
 */
export async function makePatches(folder, px, splitOf = (patient, split) => split) {
  if (existsSync(path.join(folder, "wsss-dataset.json"))) return;
  const full = `${folder}-full-size`;
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, "patches"), { recursive: true });
  await mkdir(path.join(folder, "masks"), { recursive: true });
  execFileSync(process.execPath, [path.join(source, "make_variant.mjs"), "3", full], { stdio: "ignore" });
  const rows = (await readFile(path.join(source, "patches.csv"), "utf8")).trim().split("\n").slice(1);
  const manifest = ["image,mask,split,patient,labels"];
  await mapConcurrently(rows, async (row) => {
    const [split, name, patient, , , ...shares] = row.split(",");
    const own = splitOf(Number(patient), split);
    if (own === null) return;
    const [healthy, adenomatous, malignant, stroma] = shares.map((share) => Number(share) >= 0.03);
    const present = [healthy || adenomatous, malignant, stroma];
    const label = split === "train" ? `-[${present.map(Number).join(" ")}]` : "";
    const [images, masks] = split === "train" ? ["train", "train_mask"] : [`${split}/img`, `${split}/mask`];
    const from = {
      image: path.join(full, images, `${name}${label}.png`),
      mask: path.join(full, masks, `${name}${label}.png`),
    };
    const to = { image: path.join(folder, "patches", `${name}.png`), mask: path.join(folder, "masks", `${name}.png`) };
    await reducePatch(from, to, px);
    const labels = description.classes.flatMap((one, index) => (present[index] ? [one.name] : [])).join(";");
    manifest.push(`patches/${name}.png,masks/${name}.png,${own},P${patient},${labels}`);
  });
  await rm(full, { recursive: true });
  await writeFile(path.join(folder, "patches.csv"), `${manifest.join("\n")}\n`);
  await writeDatasetDescription(folder, description);
}
