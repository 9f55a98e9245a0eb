// The doctor's page: findings with pictures, twins side by side, colours by patient; whole, safe, and sound in a browser.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { examineWithPlaces } from "../dist/doctor/examine-dataset.js";
import { examineDataset } from "../dist/index.js";
import { doctorPage } from "../dist/report/doctor-page.js";
import { hasBrowser, startBrowser } from "./support/browser.js";
import { cleanFiles, cleanHeight, cleanWidth, folderOf } from "./support/clean-dataset.js";
import { command } from "./support/command-line.js";
import { twoClasses } from "./support/dataset-folder.js";
import { expectSound, openOffline } from "./support/offline-page.js";
import { freshFolder } from "./support/tiny-models.js";

/** A patch of one colour but for a corner, so that it is no blank one. */
async function stained(red: number, green: number, blue: number, seed: number): Promise<Buffer> {
  const background = { r: red, g: green, b: blue };
  const corner = { create: { width: 2, height: 2, channels: 3, background: { r: seed, g: 0, b: 60 } } } as const;
  return await sharp({ create: { width: cleanWidth, height: cleanHeight, channels: 3, background } })
    .composite([{ input: corner, left: 3, top: 3 }])
    .png()
    .toBuffer();
}

const hostile = '<script>alert("x")</script> & "gland"';
let folder: string;

beforeAll(async () => {
  const files = await cleanFiles();
  const classes = [{ ...twoClasses.classes[0], name: hostile }, twoClasses.classes[1]];
  files["wsss-dataset.json"] = JSON.stringify({ ...twoClasses, classes });
  // Of one patient pink, of the other blue; and the same patch under two labels.
  for (const [name, patient] of [
    ["a[1 0]", 0],
    ["b[0 1]", 0],
    ["c[1 1]", 1],
    ["d[1 0]", 1],
  ] as const) {
    files[`train/${name}.png`] =
      patient === 0
        ? await stained(220, 140, 190, name.charCodeAt(0))
        : await stained(120, 110, 200, name.charCodeAt(0));
  }
  files["train/f[1 1].png"] = files["train/e[0 1].png"]!;
  files["val/img/broken.png"] = Buffer.from("no picture");
  const rows = ["a,P1", "b,P1", "c,P2", "d,P2"].map((row) => `train,${row}`);
  files["patches.csv"] = ["split,patch,patient", ...rows].join("\n");
  folder = await folderOf(files);
});

describe("colours", () => {
  test("are told by split and patient, where they are asked for", async () => {
    expect((await examineDataset(folder)).colours).toBeNull();
    const { colours } = await examineDataset(folder, { colours: true });
    const [first, second] = ["P1", "P2"].map((name) => colours!.find(({ origin }) => origin === name)!);
    expect(first).toMatchObject({ split: "train", patches: 2 });
    const share = 4 / (cleanHeight * cleanWidth);
    expect(first!.mean[1]).toBeCloseTo(140 * (1 - share), 6);
    expect(second!.mean[2]).toBeCloseTo(200 * (1 - share) + 60 * share, 6);
    // The two patches differ in the red of a corner: 97 and 98.
    expect(first!.deviation[0]).toBeCloseTo(share / Math.SQRT2, 6);
    expect(colours!.reduce((sum, { patches }) => sum + patches, 0)).toBe(12);
  });
});

describe("the page", () => {
  test("is written by --report, beside what is printed, and in the same words", async () => {
    const out = path.join(await freshFolder(), "findings.html");
    const { code, stdout, stderr } = await command("doctor", folder, "--report", out, "--json");
    expect(code).toBe(3);
    expect(stderr).toContain(out);
    const { groups } = JSON.parse(stdout) as Awaited<ReturnType<typeof examineDataset>>;
    const page = await readFile(out, "utf8");
    for (const { check, remedy } of groups) {
      expect(page).toContain(`: ${check}`);
      expect(page).toContain(remedy.replaceAll('"', "&quot;").replaceAll("<", "&lt;"));
    }
    expect(groups.map(({ check }) => check)).toContain("duplicate-labels");
    expect(page).not.toContain("<script");
    expect(page).toContain("&lt;script&gt;");
  });

  test("shows twins side by side, and no picture of a file that is none", async () => {
    const { text } = await doctorPage(await examineWithPlaces(folder, { colours: true }));
    const twins = text.slice(text.indexOf(": duplicate-labels"));
    expect(twins.slice(0, twins.indexOf("</article>")).match(/<img src="data:image\/webp/g)).toHaveLength(2);
    const broken = text.slice(text.indexOf(": patch-not-a-picture"));
    expect(broken.slice(0, broken.indexOf("</article>"))).not.toContain("<img");
  });

  test("of a folder that can't be written, or beside --init, is refused before the work", async () => {
    const nowhere = path.join(folder, "no", "findings.html");
    const refused = await command("doctor", folder, "--report", nowhere);
    expect(refused).toMatchObject({ code: 3, stdout: "" });
    expect(refused.stderr).toContain("there is no folder");
    expect((await command("doctor", folder, "--init", "--report", nowhere)).stderr).toContain("leave --report out");
  });

  test("of a dataset without description, patches or findings says what there is", async () => {
    const empty = await freshFolder();
    await mkdir(path.join(empty, "train"));
    const { text, missing } = await doctorPage(await examineWithPlaces(empty, { colours: true }));
    expect(text).toContain("dataset without valid description");
    expect(missing.join(" ")).toMatch(/No balance of classes.*No colours/);
    const clean = await folderOf(await cleanFiles());
    const whole = await doctorPage(await examineWithPlaces(clean, { colours: true }));
    expect(whole.text).toContain("Nothing is wrong with this dataset.");
    expect(whole.text).toContain("Mosaics: none (patches labelled with one class alone: ");
    expect(text).not.toContain("Mosaics:");
    expect(whole.missing).toEqual([]);
  });
});

(hasBrowser ? describe : describe.skip)("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => (browser = await startBrowser()));
  afterAll(async () => await browser.close());

  test.each([
    [1280, "light"],
    [800, "dark"],
    [390, "light"],
  ] as const)("%i px wide, %s, it is sound and asks nobody", async (width, colorScheme) => {
    const { text } = await doctorPage(await examineWithPlaces(folder, { colours: true }));
    const file = path.join(await freshFolder(), "findings.html");
    await writeFile(file, text);
    const page = await openOffline(browser, pathToFileURL(file).href, width, colorScheme);
    expect(await page.locator("h1").innerText()).toContain("examination");
    await expectSound(page);
  });
});
