/** The option of white areas, as the addon wants it. */
import type { Split } from "../dataset/split.js";
import type { GlassRule } from "../dataset/tissue-class.js";
import type { NativeGlassOptions } from "../native/addon.js";

/** White areas that become background: by the rule of the split's dataset, none, or by this rule. */
export type GlassChoice = "dataset" | false | GlassRule;

/** The rule that holds for a split. */
export function nativeGlass(wanted: GlassChoice, { glass: own }: Split): NativeGlassOptions {
  const rule = wanted === "dataset" ? own : wanted === false ? null : wanted;
  return { glass: rule !== null, glassGreyAbove: rule?.greyAbove ?? 255, glassMinAreaPx: rule?.minAreaPx ?? 0 };
}
