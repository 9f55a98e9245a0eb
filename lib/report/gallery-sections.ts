/** Pictures inside the page: test patches that stand out by their scores, and pseudo masks beside the truth. */
import { basename, join, sep } from "node:path";
import { percent } from "../text/percent.js";
import { embeddedPicture } from "./embedded-picture.js";
import { patchSpread } from "./group-sections.js";
import { html, type Markup } from "./markup.js";
import type { RunFacts } from "./run-facts.js";
import type { PageSection } from "./page-section.js";

/** Most pictures of train, and of test where no patch has a rank. */
const mostOfSplit = 4;
/** Wider pictures are reduced, so that a page stays below some 4 MB. */
const widestPx = 1600;

/** A picture of the run folder as an address of its own bytes; null if it is not there, is no picture, or lies elsewhere. */
async function pictureOfRun(root: string, picture: string): Promise<string | null> {
  const path = join(root, picture);
  return path.startsWith(root + sep) ? await embeddedPicture(path, widestPx) : null;
}

interface Picture {
  readonly file: string;
  readonly caption: string;
  /** What is to be seen, for whoever does not see it. */
  readonly alt: string;
}

/** The figures that can be shown, and a sentence about those that can't. */
async function figuresOf(
  root: string,
  pictures: readonly Picture[],
): Promise<{ figures: Markup[]; missing: string[] }> {
  const found = await Promise.all(
    pictures.map(async (picture) => ({ ...picture, data: await pictureOfRun(root, picture.file) })),
  );
  const lost = found.filter(({ data }) => data === null).map(({ file }) => file);
  const figures = found
    .filter(({ data }) => data !== null)
    .map(
      ({ data, caption, alt }) =>
        html`<figure class="picture">
          <figcaption>${caption}</figcaption>
          <img src="${data}" alt="${alt}" />
        </figure>`,
    );
  const missing =
    lost.length === 0 ? [] : [`${lost.length} of ${found.length} pictures can't be shown: ${lost.join(", ")}.`];
  return { figures, missing };
}

function isDrawn({ stages }: RunFacts): boolean {
  return stages.some(({ name, done }) => name === "pictures" && done !== null);
}

/** Pictures of one split, but for the one with all of them. */
function ofSplit({ pictures }: RunFacts, split: "train" | "test"): string[] {
  return pictures.filter((file) => basename(file).startsWith(`${split}-`)).slice(0, mostOfSplit);
}

const stemOf = (file: string): string => basename(file, ".png").replace(/^(?:train|test)-/, "");

const rankTitles = { best: "Best", median: "Median", worst: "Worst" } as const;

function rankedPictures({ ranked }: RunFacts): Picture[] {
  return ranked.map(({ rank, place, stem, mIoU, picture }) => ({
    file: picture,
    caption: `${rankTitles[rank]} ${place}: ${stem}, mIoU ${percent(mIoU)} %`,
    alt: `Test patch ${stem}, its ground truth, the prediction that was scored, and where they differ`,
  }));
}

/** How scores spread over the test patches, and the best, median and worst of them. */
export async function patchesSection(facts: RunFacts): Promise<PageSection> {
  const about = { id: "patches", title: "Test patches" } as const;
  const ranked = rankedPictures(facts);
  // Runs of before there were ranks have pictures of patches all the same.
  const plain = ofSplit(facts, "test").map((file) => ({
    file,
    caption: stemOf(file),
    alt: `Test patch ${stemOf(file)}, its ground truth where there is one, and predictions`,
  }));
  const { figures, missing } = await figuresOf(facts.folder, ranked.length > 0 ? ranked : plain);
  const spread = patchSpread(facts);
  const body =
    figures.length === 0 && spread === null
      ? null
      : html`${
          figures.length > 0 &&
          html`<p>
              ${
                ranked.length > 0
                  ? "By the mIoU of each patch; wrong pixels are red, pixels that are not scored grey."
                  : "Chosen evenly; no patch has a rank."
              }
            </p>
            ${figures}`
        }
        ${spread}`;
  const unranked =
    ranked.length === 0 && isDrawn(facts)
      ? [
          "No best, median and worst patches: nothing was scored when the pictures were drawn, or the run is of an earlier version.",
        ]
      : [];
  const notYet = !isDrawn(facts) ? ["No pictures yet: they are drawn at the end."] : [];
  return { ...about, body, missing: [...missing, ...unranked, ...notYet] };
}

/** Train patches with their pseudo masks of each level beside the truth. */
export async function masksSection(facts: RunFacts): Promise<PageSection> {
  const pictures = ofSplit(facts, "train").map((file) => ({
    file,
    caption: stemOf(file),
    alt: `Train patch ${stemOf(file)}, its ground truth where there is one, pseudo masks of each level, and the prediction`,
  }));
  const { figures, missing } = await figuresOf(facts.folder, pictures);
  const more =
    facts.pictures.length > 0 ? html`<p>More of them are in <code>pictures/</code> of the run folder.</p>` : null;
  return {
    id: "pseudo-masks",
    title: "Train patches and their pseudo masks",
    body: figures.length === 0 ? null : html`${figures}${more}`,
    missing,
  };
}
