/**
 * How soon the labelling page shows the next patch after a key, in a real browser, while a training runs beside it; and its pictures for
 * the docs. Labels the demo's procedural tissue by key presses alone, right each time.
 *
 *   node bench/label-page.mjs [--patches 200] [--sweeps 4] [--no-training] [--layers] [--pictures FOLDER]
 *
 * --layers  trains all stages from the page as well, and lays the prediction over a patch
 *
 * Prints median and 99th percentile of the time from the key press to the frame in which the next patch is drawn.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, copyFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";

import { demoDescription } from "../dist/demo/tissue.js";
import { writeDemoDataset } from "../dist/demo/write-dataset.js";

const { values } = parseArgs({
  options: {
    patches: { type: "string", default: "200" },
    sweeps: { type: "string", default: "4" },
    training: { type: "boolean", default: true },
    layers: { type: "boolean", default: false },
    pictures: { type: "string" },
  },
  allowNegative: true,
});
/** In the page: from each Space to the frame after the next patch has been drawn. As text, since it runs there. */
const watch = `
  globalThis.latencies = [];
  let since = null;
  document.addEventListener("keydown", ({ key }) => key === " " && (since = performance.now()), { capture: true });
  document.addEventListener("DOMContentLoaded", () => {
    const drawn = new MutationObserver(() => {
      if (since === null || document.body.dataset.drawn !== document.body.dataset.patch) return;
      const began = since;
      since = null;
      requestAnimationFrame(() => setTimeout(() => globalThis.latencies.push(performance.now() - began)));
    });
    drawn.observe(document.body, { attributes: true, attributeFilter: ["data-drawn"] });
  });
`;

const main = new URL("../dist/cli/main.js", import.meta.url).pathname;
const folder = await mkdtemp(path.join(tmpdir(), "label-page-"));
const children = [];
try {
  const truth = await drawPatches();
  if (values.training) await startTraining();
  await label(truth);
} finally {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}

/** The demo's train patches without their labels; what each shows, by its name. */
async function drawPatches() {
  const data = path.join(folder, "demo");
  await mkdir(data);
  const settings = { seed: 3, patchPx: 224, counts: { train: 400, val: 8, test: 8 } };
  await writeDemoDataset(data, settings, { signal: new AbortController().signal, onProgress: () => undefined });
  await mkdir(path.join(folder, "tissue"));
  const truth = new Map();
  for (const name of await readdir(path.join(data, "train"))) {
    const [, stem, label] = /^(.*)\[([\d ]+)\]\.png$/.exec(name);
    const plain = `${stem.replace(/-$/, "")}.png`;
    truth.set(plain, label.split(" ").map(Number));
    await copyFile(path.join(data, "train", name), path.join(folder, "tissue", plain));
  }
  return truth;
}

/** A training that takes what it can get of the machine. */
async function startTraining() {
  const words = [
    "run",
    "--data",
    path.join(folder, "demo"),
    "--out",
    path.join(folder, "run"),
    "--width",
    "0.125",
    "--threads",
    "1",
  ];
  const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  await new Promise((resolve, reject) => {
    child.stderr.on("data", (text) => /epoch|step/i.test(String(text)) && resolve());
    child.once("close", (code) => reject(new Error(`the training ended with ${code}`)));
  });
  child.removeAllListeners("close");
}

async function label(truth) {
  const classes = demoDescription.classes.map(({ name }) => name);
  const words = ["label", path.join(folder, "tissue"), "--classes", classes.join(","), "--annotator", "Ada", "--json"];
  const child = spawn(process.execPath, [main, ...words], { stdio: ["ignore", "pipe", "inherit"] });
  children.push(child);
  const { url } = await new Promise((resolve) => child.stdout.once("data", (line) => resolve(JSON.parse(line))));
  const executablePath = process.env.WSSS_TEST_CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  await page.addInitScript({ content: watch });
  await page.goto(url);
  await page.waitForSelector("body[data-drawn]");
  const expected = async () => truth.get(await page.locator("#patch-name").textContent());
  for (let i = 0; i < Number(values.patches); i += 1) {
    await page.waitForFunction("document.body.dataset.drawn === document.body.dataset.patch");
    const wanted = await expected();
    const pressed = await page
      .locator("#classes .class")
      .evaluateAll((all) => all.map((one) => one.getAttribute("aria-pressed") === "true"));
    for (const [index, on] of pressed.entries())
      if (on !== (wanted[index] === 1)) await page.keyboard.press(String(index + 1));
    // As fast as anybody could: four a second.
    await page.waitForTimeout(150);
    if (i + 1 === Number(values.patches)) await shoot(page, "label-single.png");
    await page.keyboard.press("Space");
  }
  await page.waitForFunction("document.body.dataset.drawn === document.body.dataset.patch");
  report(
    "the next patch",
    (await page.evaluate("latencies")).sort((one, other) => one - other),
  );
  await page.keyboard.press("F2");
  for (let i = 0; i < Number(values.sweeps); i += 1) {
    await page.keyboard.press(String((i % classes.length) + 1));
    await page.waitForSelector(`body[data-page^="class-${(i % classes.length) + 1}:"]`);
    await page.waitForLoadState("networkidle");
    const tiles = await page
      .locator("#tiles .tile")
      .evaluateAll((all) => all.map((one) => ({ name: one.title, on: one.getAttribute("aria-pressed") === "true" })));
    let at = 0;
    let corrected = 0;
    for (const [index, { name, on }] of tiles.entries()) {
      if (on === (truth.get(name)[i % classes.length] === 1)) continue;
      for (; at < index; at += 1) await page.keyboard.press("ArrowRight");
      await page.keyboard.press("x");
      corrected += 1;
    }
    console.log(`sweep of ${classes[i % classes.length]}: ${corrected} of ${tiles.length} corrected`);
    if (i === 0) await shoot(page, "label-sweep.png");
    const before = await page.locator("body").getAttribute("data-page");
    await page.keyboard.press("Enter");
    await page.waitForSelector(`body[data-page]:not([data-page="${before}"])`);
  }
  console.log(await page.locator("#done").textContent());
  console.log(await page.locator("#suggestions").textContent());
  if (values.layers) await showLayers(page, truth);
  await browser.close();
}

/** Trains all stages from the page, and lays the prediction over a patch of at least three classes. */
async function showLayers(page, truth) {
  await page.keyboard.press("F1");
  await page.getByRole("button", { name: "Train all stages" }).click();
  await page.waitForSelector('body[data-training="done"], body[data-training="failed"]', { timeout: 1_800_000 });
  console.log(await page.locator("#training-text").textContent());
  for (;;) {
    const name = await page.locator("#patch-name").textContent();
    await page.keyboard.press("Backspace");
    await page.locator("#patch-name").filter({ hasNotText: name }).waitFor();
    const shown = truth.get(await page.locator("#patch-name").textContent());
    if (shown.reduce((sum, one) => sum + one, 0) >= 3) break;
  }
  await page.keyboard.press("o");
  await page.waitForSelector("body[data-layer]");
  await shoot(page, "label-layers.png");
}

async function shoot(page, name) {
  if (values.pictures === undefined) return;
  await page.screenshot({ path: path.join(values.pictures, name) });
}

function report(what, sorted) {
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(0);
  const beside = values.training ? "a training beside it" : "nothing beside it";
  console.log(
    `${what}, ${sorted.length} times, ${beside}: median ${at(0.5)} ms, 99 % within ${at(0.99)} ms, longest ${at(1)} ms`,
  );
}
