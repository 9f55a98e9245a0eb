/** The model card of a bundle in Markdown: classes, networks, scores, notes and limits. */
import type { Classifier } from "../classifier/classifier.js";
import type { BundleManifest } from "../model/bundle-manifest.js";
import type { Segmenter } from "../segmenter/segmenter.js";

/** What the maker of a bundle tells, each in Markdown. */
export interface CardTexts {
  readonly intendedUse?: string | undefined;
  readonly trainingData?: string | undefined;
  readonly notes?: string | undefined;
}

const researchUse =
  "To say which tissue each pixel of an H&E patch or slide shows, in research. Whoever uses it looks at its results first on slides of their own.";

/** `MODEL_CARD.md` of a bundle: what it is, how it is used, what it reached, what it must not be used for. */
export function modelCard(
  manifest: BundleManifest,
  { classifier, segmenter }: { classifier: Classifier; segmenter: Segmenter },
  { intendedUse = researchUse, trainingData, notes }: CardTexts,
): string {
  const { name, classes, background, gate, scores, intervals = {}, packageVersion } = manifest;
  const colour = (rgb: readonly number[]): string => `rgb(${rgb.join(", ")})`;
  const rows = [...classes, background].map((one, index) => `| ${index} | ${one.name} | ${colour(one.colour)} |`);
  const range = (what: string): string => intervals[what]?.map(shortNumber).join(" to ") ?? "-";
  const reached = Object.entries(scores).map(
    ([what, value]) => `| ${what} | ${value === null ? "-" : shortNumber(value)} | ${range(what)} |`,
  );
  const parts = [
    `# ${name}`,
    "A tissue segmenter trained from patch-level labels (Han et al., Medical Image Analysis 2022), with the classifier that gates it.",
    "## Use",
    [
      "```ts",
      'import { Segmenter } from "wsss-tissue-native";',
      `await using segmenter = await Segmenter.load("${name}");`,
      'const { classMap, width, height } = await segmenter.predict("patch.png");',
      "```",
    ].join("\n"),
    "## Intended use",
    intendedUse.trim(),
    "## Classes",
    ["| index | tissue | colour |", "| --- | --- | --- |", ...rows].join("\n"),
    `The last one is background, which is never predicted. The gate closes classes whose probability for the patch is not above ${gate.gateThreshold} (rule "${gate.gateRule}").`,
    "## Networks",
    `DeepLab v3+ with ${segmenter.backbone}, output stride ${segmenter.outputStride}, width ${segmenter.width}, of ASPP and decoder ${segmenter.headWidth}, ${segmenter.parameterCount} parameters; ${classifier.backbone} classifier, width ${classifier.width}. Written by wsss-tissue-native ${packageVersion}.`,
    "## Training data",
    trainingData?.trim() ?? "Nothing was told of it.",
    scaleInWords(segmenter),
    ...(reached.length === 0
      ? []
      : ["## Scores", ["| score | value | 95 % interval |", "| --- | --- | --- |", ...reached].join("\n")]),
    ...(notes === undefined ? [] : ["## Notes", notes.trim()]),
    "## Limits",
    "For research. It has not been validated for diagnosis, and patches from other scanners, stains or magnifications than those it was trained on may be segmented wrongly without any sign of it.",
  ];
  return `${parts.join("\n\n")}\n`;
}

/** Four decimals at most. */
const shortNumber = (value: number): string => String(Number(value.toFixed(4)));

function scaleInWords({ micronsPerPixel, patchPx }: Pick<Segmenter, "micronsPerPixel" | "patchPx">): string {
  const size = patchPx === null ? "patches" : `patches of ${patchPx} px`;
  if (micronsPerPixel === null) return `It learned from ${size} of a scale that was not told.`;
  return `It learned from ${size} at ${micronsPerPixel} micrometres a pixel; slides are brought to that scale.`;
}
