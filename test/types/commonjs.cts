/** A user with CommonJS: require() of an ES module, which every Node of `engines` can do. Only compiled, never run. */
import wsss = require("wsss-tissue-native");

const names: readonly wsss.PresetName[] = wsss.presetNames;
// @ts-expect-error -- no such export
export const error: unknown = wsss.createClassifier;
export const presets: readonly wsss.DatasetDescription[] = names.map((name) => wsss.presets[name]);
