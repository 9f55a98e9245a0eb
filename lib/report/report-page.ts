/** A whole report as one file: head, style, contents, sections, and what is missing. */
import { readFile } from "node:fs/promises";
import { html, Markup } from "./markup.js";
import type { PageSection } from "./page-section.js";

/** What stands above the sections of a page. */
export interface PageHead {
  readonly title: string;
  /** How far the work is, in one sentence. */
  readonly state: string;
  readonly isFinished: boolean;
}

/** A page, and what it could not show. */
export interface ReportPage {
  readonly text: string;
  /** A sentence each. */
  readonly missing: readonly string[];
}

/** Nothing is loaded from anywhere, and nothing runs: a browser would refuse it. */
const policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** The page that a report is. Sections without a body are left out, and what they lack is told at the top. */
export async function layOutPage(head: PageHead, sections: readonly PageSection[]): Promise<ReportPage> {
  const style = new Markup(await readFile(new URL("./report.css", import.meta.url), "utf8"));
  const shown = sections.filter(({ body }) => body !== null);
  const missing = sections.flatMap((section) => section.missing);
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${head.title}</title>
        <link rel="icon" href="data:," />
        <style>
          ${style}
        </style>
      </head>
      <body>
        <header>
          <h1>${head.title}</h1>
          <p class="state" data-finished="${head.isFinished ? "yes" : "no"}">${head.state}</p>
          <nav aria-label="Contents">
            <ul>
              ${shown.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li> `)}
            </ul>
          </nav>
          ${
            missing.length > 0 &&
            html`<section class="missing" aria-labelledby="missing">
              <h2 id="missing">What this page can't show</h2>
              <ul>
                ${missing.map((sentence) => html`<li>${sentence}</li> `)}
              </ul>
            </section>`
          }
        </header>
        <main>
          ${shown.map(
            ({ id, title, body }) =>
              html`<section id="${id}" aria-labelledby="${id}-title">
                <h2 id="${id}-title">${title}</h2>
                ${body}
              </section> `,
          )}
        </main>
      </body>
    </html> `;
  return { text: page.text, missing };
}
