// The labelling page in a real browser: 200 patches by keys alone, in both ways, with a second tab beside.
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { Classifier } from "../dist/index.js";
import { serveLabelling } from "../dist/labelling/label-server.js";
import { LabelSlides } from "../dist/labelling/label-slides.js";
import { LabelTraining } from "../dist/labelling/label-training.js";
import { Labelling } from "../dist/labelling/labelling.js";
import type { LoopbackServer } from "../dist/server/loopback-server.js";
import { axeViolations, hasBrowser, startBrowser } from "./support/browser.js";
import { drawn } from "./support/label-browser.js";
import { drawLabelPictures, numberIn, tinyPlan, truthOf } from "./support/label-pictures.js";

const count = 220;
const folder = hasBrowser ? await drawLabelPictures(count) : "";
afterAll(async () => await rm(folder, { recursive: true, force: true }));

(hasBrowser ? describe : describe.skip)("the labelling page", () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let labelling: Labelling;
  let training: LabelTraining;
  let server: LoopbackServer;
  const faults: unknown[] = [];
  const said: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    const onFault = (error: unknown): void => void faults.push(error);
    labelling = await Labelling.open({
      ...{ folder, annotator: "Ada", classes: [], threads: 1, onFault },
      makeClassifier: async (signal) =>
        await Classifier.create({
          ...{ classes: [{ name: "any", colour: [0, 0, 0] }], backbone: "resnet38", width: 0.125 },
          ...{ device: "cpu", threads: 1, signal },
        }),
    });
    training = new LabelTraining({ labelling, plan: () => tinyPlan, device: "cpu", threads: 1, onFault });
    await training.begin();
    const slides = new LabelSlides({ dataset: labelling.dataset, training, device: "cpu", threads: 1, onFault });
    server = await serveLabelling({ labelling, training, slides, threads: 1, port: 0, onFault });
    browser = await startBrowser();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    // Not as a script of the page, whose policy forbids it.
    await context.addInitScript({ path: path.resolve("node_modules", "axe-core", "axe.min.js") });
    page = await opened(server.url);
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
    await training.close();
    await labelling.close();
  });

  async function opened(url: string): Promise<Page> {
    const tab = await context.newPage();
    tab.on("console", (message) => said.push(`${message.text()} ${message.location().url}`));
    tab.on("pageerror", (error) => said.push(error.message));
    tab.on("request", (request) => asked.push(request.url()));
    await tab.goto(url);
    await tab.waitForSelector('body[data-open="yes"]');
    return tab;
  }

  const data = async (name: string, tab = page): Promise<string | null> =>
    await tab.locator("body").getAttribute(`data-${name}`);
  const shownName = async (tab = page): Promise<string> => (await tab.locator("#patch-name").textContent()) ?? "";
  const saved = async (tab = page): Promise<unknown> => await tab.waitForSelector('body[data-waiting="0"]');
  const isPressed = async (index: number, tab = page): Promise<boolean> =>
    (await tab.locator("#classes .class").nth(index).getAttribute("aria-pressed")) === "true";

  /** Says what is chosen: a patch that is not drawn yet is not labelled. */
  async function commit(tab = page): Promise<void> {
    await drawn(tab);
    await tab.keyboard.press("Space");
  }

  /** Makes the classes of the patch that is shown right, by their digits. */
  async function setRight(tab = page): Promise<void> {
    const truth = truthOf(numberIn(await shownName(tab)));
    for (const [index, answer] of truth.entries()) {
      if ((await isPressed(index, tab)) !== (answer === 1)) await tab.keyboard.press(String(index + 1));
    }
  }

  /** Lets the page ask how other tabs get on, and not hear of it: it asks one time after the other. */
  async function heldLooks(): Promise<{ letGo(): Promise<void> }> {
    let go = (): void => undefined;
    const gone = new Promise<void>((resolve) => (go = resolve));
    const isHeld = new Promise<void>((resolve) => {
      void page.route("**/progress", async (route) => {
        resolve();
        await gone;
        await route.continue();
      });
    });
    await isHeld;
    return {
      letGo: async () => {
        go();
        await page.unrouteAll({ behavior: "wait" });
      },
    };
  }

  async function addClass(name: string): Promise<void> {
    await page.locator("#class-name").fill(name);
    await page.locator("#class-name").press("Enter");
    await page.locator("#classes .name", { hasText: name }).waitFor();
    await page.locator("h1").click();
  }

  test("begins without classes, and adds them", async () => {
    expect(await page.locator("#notes").textContent()).toMatch(/before there are two classes/);
    expect(await page.locator("#annotator").textContent()).toBe("as Ada");
    await addClass("stripes");
    await addClass("dots");
    await page.locator("#class-name").fill("dots");
    await page.locator("#class-name").press("Enter");
    await page.locator("#problem", { hasText: "is there already" }).waitFor();
    await page.locator("#class-name").fill("");
    await page.locator("h1").click();
    expect(await page.locator("#classes .class").count()).toBe(2);
  });

  test("labels 100 patches one by one by key presses", async () => {
    const names = new Set<string>();
    for (let i = 0; i < 100; i += 1) {
      names.add(await shownName());
      await setRight();
      await commit();
    }
    await saved();
    expect(names.size).toBe(100);
    expect(labelling.progress().labelled).toBe(100);
    for (const [position, { name }] of labelling.dataset.patches.entries()) {
      const { answers } = labelling.questions.task(position);
      if (Object.keys(answers).length > 0) expect(Object.values(answers)).toEqual(truthOf(numberIn(name)));
    }
  });

  test("as before, back, unsure and undo", async () => {
    const first = await shownName();
    await page.keyboard.press("1");
    await commit();
    const second = await shownName();
    expect(second).not.toBe(first);
    const chosen = [await isPressed(0), await isPressed(1)];
    await page.keyboard.press("r");
    await page.keyboard.press("Backspace");
    await page.locator("#patch-name", { hasText: first }).waitFor();
    await setRight();
    await commit();
    // The one that was left comes again.
    await page.locator("#patch-name", { hasText: second }).waitFor();
    expect([await isPressed(0), await isPressed(1)]).toEqual(chosen);
    await drawn(page);
    await page.keyboard.press("?");
    await saved();
    expect(labelling.progress()).toMatchObject({ labelled: 101, unsure: 1 });
    await page.keyboard.press("u");
    await page.locator("#patch-name", { hasText: second }).waitFor();
    await page.locator("#done", { hasNotText: "unsure" }).waitFor();
    expect(labelling.progress()).toMatchObject({ labelled: 101, unsure: 0 });
  });

  test("a second tab sees what was labelled, and neither overwrites the other", async () => {
    await labelling.suggester?.settled();
    const other = await opened(`http://127.0.0.1:${server.port}/`);
    expect(await other.locator("#done").textContent()).toMatch(/^101 of 220 labelled/);
    const name = await shownName();
    while ((await shownName(other)) !== name) {
      await other.evaluate(async () => await fetch("/progress"));
      await page.reload();
      await page.waitForSelector('body[data-open="yes"]');
      await other.reload();
      await other.waitForSelector('body[data-open="yes"]');
      if ((await shownName(other)) === (await shownName())) break;
    }
    const both = await shownName();
    const position = labelling.dataset.patches.findIndex((one) => one.name === both);
    const answers = (): unknown[] => Object.values(labelling.questions.task(position).answers);
    const looks = await heldLooks();
    await setRight(other);
    await commit(other);
    await saved(other);
    // This tab does not know of it yet, and says something else.
    await page.keyboard.press("1");
    await commit();
    await page.locator("#problem", { hasText: "labelled this meanwhile, in another tab" }).waitFor();
    await page.locator("#patch-name", { hasText: both }).waitFor();
    expect(answers()).toEqual(truthOf(numberIn(both)));
    await looks.letGo();

    // The other one takes it back: this tab gets to know of it, and does not pull the patch away from under the keys.
    await other.keyboard.press("u");
    await page.locator("#problem", { hasText: `${both} was changed meanwhile, in another tab` }).waitFor();
    expect(await shownName()).toBe(both);
    expect(answers()).toEqual([]);

    // While something is chosen here, it says so again: what is chosen stays, and is refused with what the other has said.
    await page.keyboard.press("1");
    const chosen = await isPressed(0);
    await other.locator("#patch-name", { hasText: both }).waitFor();
    await setRight(other);
    await commit(other);
    await saved(other);
    await page.locator("#problem", { hasText: "what you have chosen is still here" }).waitFor();
    expect([await shownName(), await isPressed(0)]).toEqual([both, chosen]);
    await commit();
    await page.locator("#problem", { hasText: "labelled this meanwhile, in another tab" }).waitFor();
    await page.locator("#patch-name", { hasText: both }).waitFor();
    expect(answers()).toEqual(truthOf(numberIn(both)));
    await other.close();
    await setRight();
    await commit();
    await saved();
    expect(answers()).toEqual(truthOf(numberIn(both)));
  });

  test("labels the other patches by sweeps, prefilled and corrected", async () => {
    await labelling.suggester?.settled();
    labelling.suggester?.learn();
    await labelling.suggester?.settled();
    await page.keyboard.press("F2");
    for (const digit of ["1", "2"]) {
      await page.keyboard.press(digit);
      const question = digit === "1" ? "stripes" : "dots";
      await page.locator("#sweep-question", { hasText: question }).waitFor();
      for (;;) {
        await page.waitForSelector(`body[data-page^="class-${digit}:"]`);
        const tiles = await page.locator("#tiles .tile").evaluateAll((all) =>
          all.map((tile) => ({
            name: tile.getAttribute("title") ?? "",
            on: tile.getAttribute("aria-pressed") === "true",
          })),
        );
        if (tiles.length === 0) break;
        let at = 0;
        for (const [index, { name, on }] of tiles.entries()) {
          if (on === (truthOf(numberIn(name))[Number(digit) - 1] === 1)) continue;
          for (; at < index; at += 1) await page.keyboard.press("ArrowRight");
          await page.keyboard.press("x");
        }
        const before = await data("page");
        await page.keyboard.press("Enter");
        await page.waitForSelector(`body[data-page^="class-${digit}:"]:not([data-page="${before}"])`);
      }
    }
    await saved();
    const { labelled, suggestions } = labelling.progress();
    expect(labelled).toBe(count);
    expect(suggestions.shown.of).toBeGreaterThan(50);
    await labelling.saved();
    const lines = (await readFile(path.join(folder, "patches.csv"), "utf8")).trim().split("\n").slice(1);
    for (const line of lines) {
      const [image = "", , labels = ""] = line.split(",");
      const shown = ["stripes", "dots"].filter((_, k) => truthOf(numberIn(image))[k] === 1);
      expect(labels).toBe(shown.length === 0 ? "background" : shown.join(";"));
    }
  });

  test("a sweep moves by arrows, takes ranges, all and the inverse", async () => {
    await page.keyboard.press("u");
    await page.locator("#tiles .tile").nth(8).waitFor();
    const states = async (): Promise<string> =>
      (
        await page
          .locator("#tiles .tile")
          .evaluateAll((all) => all.map((tile) => (tile.getAttribute("aria-pressed") === "true" ? "1" : "0")))
      ).join("");
    await page.keyboard.press("a");
    expect(await states()).toMatch(/^1+$/);
    await page.keyboard.press("i");
    expect(await states()).toMatch(/^0+$/);
    await page.keyboard.press("x");
    for (let i = 0; i < 3; i += 1) await page.keyboard.press("Shift+ArrowRight");
    expect(await states()).toMatch(/^11110+$/);
    await page.keyboard.press("l");
    await page.locator("#tiles .tile:focus").waitFor();
  });

  test("all stages are trained from the page, paused, and taken up again; what was learned lies over the patch", async () => {
    await page.keyboard.press("F1");
    await page.getByRole("button", { name: "Train all stages" }).click();
    await page.waitForSelector('body[data-training="running"]');
    await page.locator("#training-text", { hasText: /training the classifier|epoch/i }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.waitForSelector('body[data-training="paused"]');
    await page.getByRole("button", { name: "Go on" }).click();
    await page.waitForSelector('body[data-training="done"]', { timeout: 60_000 });
    expect(await page.locator("#training-text").textContent()).toMatch(/^Done\./);
    await page.locator("#layers").waitFor();
    // A patch that was labelled when the training began.
    await page.keyboard.press("Backspace");
    await page.waitForSelector("body[data-patch]");
    const seen: (string | null)[] = [];
    for (let i = 0; i < 4; i += 1) {
      await page.keyboard.press("o");
      await page.waitForSelector("body[data-layer]");
      seen.push(await data("layer"));
    }
    expect(seen).toEqual(["prediction", "bn7", "b5_2", "b4_5"]);
    await page.keyboard.press(".");
    expect(await page.locator("#layer-opacity-text").textContent()).toBe("60 %");
    expect(await page.locator("#layer-legend").textContent()).toBe("stripesdots");
    await page.keyboard.press("o");
    expect(await data("layer")).toBeNull();
  });

  test("a name that looks like HTML is a name, and can be changed", async () => {
    await page.keyboard.press("F1");
    await page.getByRole("button", { name: "Edit dots" }).click();
    await page.locator("#class-name").fill("<img src=x>");
    await page.locator("#class-name").press("Enter");
    await page.locator("#classes .name", { hasText: "<img src=x>" }).waitFor();
    expect(await page.locator("#classes img").count()).toBe(0);
  });

  test("what contradicts is listed, and opens by Enter", async () => {
    await page.keyboard.press("F3");
    await page.locator("#again-text", { hasText: /^(Nothing|These)/ }).waitFor();
  });

  test.each([
    ["light", 1280, "F1"],
    ["dark", 1280, "F1"],
    ["light", 1280, "F2"],
    ["dark", 600, "F2"],
    ["light", 600, "F3"],
  ] as const)("is accessible, %s, %d px wide, %s", async (colorScheme, width, mode) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await page.keyboard.press(mode);
    await page.waitForLoadState("networkidle");
    expect(await axeViolations(page)).toEqual([]);
  });

  test("a server that is away is waited for, and nothing that was said is lost or doubled", async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    await addClassAgain();
    const before = labelling.progress();
    await context.setOffline(true);
    await page.keyboard.press("1");
    await commit();
    await page.waitForSelector('body[data-waiting="1"]');
    expect(labelling.progress().revision).toBe(before.revision);
    await context.setOffline(false);
    await saved();
    expect(labelling.progress().revision).toBe(before.revision + 1);
    said.splice(0, said.length, ...said.filter((text) => !text.includes("ERR_INTERNET_DISCONNECTED")));
  });

  /** With a third class every patch has a question again. */
  async function addClassAgain(): Promise<void> {
    await page.keyboard.press("F1");
    await addClass("third");
    await drawn(page);
  }

  test("asked nobody else, and complained of nothing", () => {
    expect(said.filter((text) => !/409 \(Conflict\)|400 \(Bad Request\)/.test(text))).toEqual([]);
    expect(
      asked.filter((url) => !url.startsWith(`http://127.0.0.1:${server.port}/`) && !/^(data|blob):/.test(url)),
    ).toEqual([]);
    expect(faults).toEqual([]);
  });
});
