// A real browser for tests of pages: Debian's Chromium, or the one that WSSS_TEST_CHROMIUM names.
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const executablePath = process.env["WSSS_TEST_CHROMIUM"] ?? "/usr/bin/chromium";

/** Whether there is a browser; says so where there is none. */
export const hasBrowser = existsSync(executablePath);
if (!hasBrowser)
  console.warn(`SKIPPED: pages in a browser, since there is none at ${executablePath} (apt-get install chromium)`);

/** Starts the browser, so that it asks nobody but the page's server. */
export async function startBrowser(): Promise<Browser> {
  const quiet = ["background-networking", "component-update", "sync", "gpu", "quic"].map((what) => `--disable-${what}`);
  return await chromium.launch({ executablePath, args: ["--no-sandbox", "--no-first-run", ...quiet] });
}

/** What axe finds wrong with a page into which it was put by an init script: not as a script of the page, whose policy forbids it. */
export async function axeViolations(page: Page): Promise<string[]> {
  return await page.evaluate(async () => {
    const tool = (
      globalThis as unknown as {
        axe: { run: () => Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe;
    return (await tool.run()).violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  });
}
