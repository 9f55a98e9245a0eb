// From a slide to labels to a trained run to the segmented slide, all through the page, on the slide that the demo draws.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { demoDescription } from "../dist/demo/tissue.js";
import { firstSlideOf, writeDemoSlides } from "../dist/demo/write-slides.js";
import { readIndexPng } from "../dist/image/index-png.js";
import { serveLabelling } from "../dist/labelling/label-server.js";
import { LabelSlides } from "../dist/labelling/label-slides.js";
import { LabelTraining } from "../dist/labelling/label-training.js";
import { Labelling } from "../dist/labelling/labelling.js";
import { cutSlidesToLabel } from "../dist/labelling/patches-of-slides.js";
import type { LoopbackServer } from "../dist/server/loopback-server.js";
import { hasBrowser, startBrowser } from "./support/browser.js";
import { drawn } from "./support/label-browser.js";
import { tinyPlan } from "./support/label-pictures.js";

const folder = await mkdtemp(path.join(tmpdir(), "label-slides-"));
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const patchPx = 96;
const [width, height] = [1408, 1024];

(hasBrowser ? describe : describe.skip)("a slide, through the page", () => {
  const classes = demoDescription.classes.map(({ name }) => name);
  const faults: unknown[] = [];
  const said: string[] = [];
  let labelling: Labelling;
  let training: LabelTraining;
  let slides: LabelSlides;
  let server: LoopbackServer;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let mask: Awaited<ReturnType<typeof readIndexPng>>;

  beforeAll(async () => {
    const settings = { seed: 3, width, height, slides: { train: 1, val: 0, test: 0 } };
    await writeDemoSlides(folder, settings);
    mask = await readIndexPng(path.join(folder, "masks", "train-1.png"));
    const { slide } = firstSlideOf(folder, "train");
    const data = path.join(folder, "data");
    const warnings = await cutSlidesToLabel([slide], { output: data, classes, micronsPerPixel: 1, patchPx, limit: 48 });
    expect(warnings).toEqual([]);
    const onFault = (error: unknown): void => void faults.push(error);
    const options = { annotator: "Ada", classes, makeClassifier: null, threads: 1, onFault };
    labelling = await Labelling.open({ folder: data, ...options });
    training = new LabelTraining({ labelling, plan: () => tinyPlan, device: "cpu", threads: 1, onFault });
    slides = new LabelSlides({ dataset: labelling.dataset, training, device: "cpu", threads: 1, onFault });
    server = await serveLabelling({ labelling, training, slides, threads: 1, port: 0, onFault });
    browser = await startBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    page = await context.newPage();
    listen(page);
    await page.goto(server.url);
    await page.waitForSelector('body[data-open="yes"]');
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await training.close();
    await slides.close();
    await labelling.close();
  });

  function listen(tab: Page): void {
    tab.on("console", (message) => said.push(message.text()));
    tab.on("pageerror", (error) => said.push(error.message));
  }

  /** The classes that cover a twentieth of a patch, by the mask that was drawn with the slide. */
  function truthOf(name: string): boolean[] {
    const [, left = 0, top = 0] = /_x(-?\d+)_y(-?\d+)$/.exec(name)?.map(Number) ?? [];
    const counts = new Array<number>(classes.length).fill(0);
    for (let y = Math.max(0, top); y < Math.min(height, top + patchPx); y += 1) {
      for (let x = Math.max(0, left); x < Math.min(width, left + patchPx); x += 1) {
        const index = mask.indices[y * width + x] ?? 0;
        if (index < counts.length) counts[index] = (counts[index] ?? 0) + 1;
      }
    }
    return counts.map((count) => count >= 0.05 * patchPx * patchPx);
  }

  test("its patches are labelled, beside what lies around them", async () => {
    for (let left = labelling.dataset.patches.length; left > 0; left -= 1) {
      await drawn(page);
      const wanted = truthOf((await page.locator("#patch-name").textContent()) ?? "");
      for (const [index, answer] of wanted.entries()) if (answer) await page.keyboard.press(String(index + 1));
      if (left === 1) expect(await page.locator("#around").isVisible()).toBe(true);
      await page.keyboard.press("Space");
    }
    await page.waitForSelector('body[data-waiting="0"]');
    await page.locator("#nothing", { hasText: "All patches are labelled" }).waitFor();
    expect(labelling.progress().labelled).toBe(48);
  });

  test("a slide can be looked at, but not be segmented before there are networks", async () => {
    await page.keyboard.press("F4");
    await page.getByRole("button", { name: "Segment train-1" }).click();
    await page.locator("#problem", { hasText: "train all stages first" }).waitFor();
  });

  test("all stages are trained, and the slide is segmented by them", async () => {
    await page.getByRole("button", { name: "Train all stages" }).click();
    await page.waitForSelector('body[data-training="done"]', { timeout: 120_000 });
    await page.getByRole("button", { name: "Segment train-1" }).click();
    await page.waitForSelector('body[data-slides="done"]', { timeout: 120_000 });
    const result = path.join(folder, "data", "labels", "maps", "1", "train-1", "result.json");
    const { tissueMm2 } = JSON.parse(await readFile(result, "utf8")) as { tissueMm2: number };
    expect(tissueMm2).toBeGreaterThan(0.3);
  });

  test("its map opens in a tab of its own", async () => {
    const opening = context.waitForEvent("page");
    await page.getByRole("link", { name: "Look at its map: train-1" }).click();
    const tab = await opening;
    listen(tab);
    await tab.waitForSelector("body[data-hidden]");
    expect(await tab.locator("#title").textContent()).toBe("train-1.tif");
    expect(await tab.locator("#classes li").allInnerTexts()).toHaveLength(classes.length);
    await tab.close();
  });

  test("nothing complained", () => {
    expect(said.filter((text) => !text.includes("400 (Bad Request)"))).toEqual([]);
    expect(faults).toEqual([]);
  });
});
