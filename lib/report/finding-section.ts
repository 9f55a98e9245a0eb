/** Findings of the doctor with pictures of what is wrong; patches that should differ side by side. */
import { resolve } from "node:path";
import type { ExaminationWithPlaces } from "../doctor/examine-dataset.js";
import type { DatasetExamination } from "../doctor/examination.js";
import type { FindingGroup } from "../doctor/finding.js";
import { SlideReader } from "../doctor/patch-reader.js";
import { patchExtensions } from "../image/decode-patch.js";
import { embeddedPicture, embeddedPixels } from "./embedded-picture.js";
import { html, type Markup } from "./markup.js";
import type { PageSection } from "./page-section.js";

/** Most files of an example that are shown beside each other, and most pictures of a page, so that it stays below some 4 MB. */
const mostOfExample = 4;
const mostOfPage = 80;
const thumbnailPx = 200;

/** Shows pictures until there are enough on the page. */
class Thumbnails implements AsyncDisposable {
  readonly #folder: string;
  readonly #places: Places;
  readonly #slides = new Map<string, SlideReader>();
  #left = mostOfPage;

  constructor(folder: string, places: Places) {
    this.#folder = folder;
    this.#places = places;
  }

  /** A picture and its name; null for a file that is no picture, can't be decoded, or is one too many. */
  async of(file: string): Promise<Markup | null> {
    if (this.#left === 0) return null;
    const data = await this.#pictureOf(file);
    if (data === null) return null;
    this.#left -= 1;
    return html`<figure class="thumbnail">
      <img src="${data}" alt="" />
      <figcaption><code>${file}</code></figcaption>
    </figure>`;
  }

  /** Each slide is opened once, for all of its patches. */
  #slide(path: string): SlideReader {
    const slide = this.#slides.get(path) ?? new SlideReader(path);
    this.#slides.set(path, slide);
    return slide;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const slide of this.#slides.values()) await slide[Symbol.asyncDispose]();
  }

  async #pictureOf(file: string): Promise<string | null> {
    const onSlide = this.#places.get(file);
    if (onSlide !== undefined) {
      const { pixels } = await this.#slide(onSlide.imagePath).read(onSlide);
      return pixels === null ? null : await embeddedPixels(pixels, thumbnailPx);
    }
    const isPicture = patchExtensions.some((ending) => file.toLowerCase().endsWith(ending));
    return isPicture ? await embeddedPicture(resolve(this.#folder, file), thumbnailPx) : null;
  }
}

/** Where patches lie that are parts of slides, by their names. */
type Places = ExaminationWithPlaces["places"];

async function exampleOf(
  { files, problem }: FindingGroup["examples"][number],
  thumbnails: Thumbnails,
): Promise<Markup> {
  const pictures: Markup[] = [];
  for (const file of files.slice(0, mostOfExample)) {
    const picture = await thumbnails.of(file);
    if (picture !== null) pictures.push(picture);
  }
  // What is seen below need not be named twice.
  const named = pictures.length === files.length ? [] : files.slice(0, mostOfExample);
  const more = files.length > mostOfExample ? ` and ${files.length - mostOfExample} more` : "";
  return html`<li>
    ${named.map((file, index) => html`${index > 0 && ", "}<code>${file}</code>`)}${named.length > 0 && more} ${problem}
    ${pictures.length > 0 && html`<div class="side-by-side">${pictures}</div>`}
  </li> `;
}

async function groupOf(group: FindingGroup, thumbnails: Thumbnails): Promise<Markup> {
  const { check, severity, split, count, examples, remedy } = group;
  const shown: Markup[] = [];
  for (const example of examples) shown.push(await exampleOf(example, thumbnails));
  const rest = count - examples.length;
  return html`<article class="finding ${severity}">
    <h3>${severity === "error" ? "Error" : "Warning"}: ${check}${split !== null && ` in ${split}`}, ${count}</h3>
    <p>To do: ${remedy}.</p>
    <ul>
      ${shown}
    </ul>
    ${rest > 0 && html`<p>And ${rest} more: <code>doctor --json</code> lists them all.</p>`}
  </article> `;
}

/** Every group of findings, errors first. */
export async function findingsSection({ folder, groups }: DatasetExamination, places: Places): Promise<PageSection> {
  const about = { id: "findings", title: "Findings", missing: [] };
  if (groups.length === 0) return { ...about, body: html`<p>Nothing is wrong with this dataset.</p>` };
  await using thumbnails = new Thumbnails(folder, places);
  const shown: Markup[] = [];
  for (const group of groups) shown.push(await groupOf(group, thumbnails));
  return { ...about, body: html`${shown}` };
}
