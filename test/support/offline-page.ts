// A page that is one file, opened in a browser: what it asks for, what it says, and what is wrong with it.
import path from "node:path";
import { expect } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import { axeViolations } from "./browser.js";

/** What a page has said: on its console, by errors, in dialogs. */
const saidBy = new WeakMap<Page, string[]>();

/** Opens a page and expects that it asks for nothing but itself. */
export async function openOffline(
  browser: Browser,
  address: string,
  width = 1280,
  colorScheme: "light" | "dark" = "light",
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  // Not as a script of the page, whose policy forbids it.
  await context.addInitScript({ path: path.resolve("node_modules", "axe-core", "axe.min.js") });
  const page = await context.newPage();
  const said: string[] = [];
  const asked: string[] = [];
  saidBy.set(page, said);
  page.on("console", (message) => said.push(message.text()));
  page.on("pageerror", (error) => said.push(error.message));
  page.on("dialog", (dialog) => said.push(dialog.message()));
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(address);
  expect(asked.filter((url) => !url.startsWith("data:"))).toEqual([address]);
  return page;
}

/** Expects that axe finds nothing, nothing is wider than the page, each picture is one, and nothing was said; closes the page. */
export async function expectSound(page: Page): Promise<void> {
  const violations = await axeViolations(page);
  const wide = await page.locator("html").evaluate((root: any): number => root.scrollWidth - root.clientWidth);
  const broken = await page
    .locator("img")
    .evaluateAll((images: any[]) => images.filter((image) => image.naturalWidth === 0).length);
  expect(violations).toEqual([]);
  expect(wide).toBeLessThanOrEqual(0);
  expect(broken).toBe(0);
  expect(saidBy.get(page)).toEqual([]);
  await page.context().close();
}
