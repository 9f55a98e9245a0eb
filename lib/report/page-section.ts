/** A section of a report page. */
import { type Content, html, type Markup } from "./markup.js";

/** A part of the page under one heading, and what it would show if it were there. */
export interface PageSection {
  /** Of the address `#id`. */
  readonly id: string;
  readonly title: string;
  /** Null where there is nothing to show. */
  readonly body: Markup | null;
  /** What is missing and why, a sentence each. */
  readonly missing: readonly string[];
}

/** A table that scrolls by itself where the page is narrower than it is. */
export function wideTable(label: string, headings: readonly Content[], rows: readonly Markup[]): Markup {
  return html`<div class="wide" tabindex="0" role="region" aria-label="${label}, table">
    <table>
      <thead>
        <tr>
          ${headings.map((heading) => (heading === "" ? html`<td></td>` : html`<th scope="col">${heading}</th>`))}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}

/** A row of a table: its heading, and its cells. */
export function tableRow(heading: Content, cells: readonly Content[]): Markup {
  return html`<tr>
    <th scope="row">${heading}</th>
    ${cells.map((cell) => html`<td>${cell}</td>`)}
  </tr>`;
}
