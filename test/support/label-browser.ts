// What tests of the labelling page wait for in the browser.
import type { Page } from "playwright-core";

/** Waits until the patch that the page is about is drawn. */
export async function drawn(page: Page): Promise<void> {
  const patch = await page.locator("body[data-patch]").getAttribute("data-patch");
  await page.waitForSelector(`body[data-drawn="${patch}"]`);
}
