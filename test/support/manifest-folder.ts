// Datasets by manifest for tests: a good one, and folders with any rows.
import { datasetFolder, indexPattern, maskPng, patchPng, twoClasses, writeTree } from "./dataset-folder.js";

/** A description of two classes whose patches a manifest names. */
export const byManifest = { ...twoClasses, labels: { rule: "manifest", file: "patches.csv" } } as const;

/** A manifest that all is right with: two train patches without masks, one val and one test patch with masks. */
export const goodManifest = [
  "image,mask,split,patient,labels",
  "a/one.png,,train,p1,gland",
  "a/two.jpg,,train,p2,gland; stroma",
  "b/three.png,m/three.png,val,p3,gland;stroma",
  "b/four.png,m/four.png,test,p4,gland;stroma",
].join("\n");

/** Files that {@link goodManifest} names, empty: opening decodes nothing. */
export const namedFiles = Object.fromEntries(
  ["a/one.png", "a/two.jpg", "b/three.png", "b/four.png", "m/three.png", "m/four.png"].map((name) => [name, ""]),
);

/** A dataset with this manifest and these files, `patches.csv` or what the description names. */
export async function manifestFolder(
  manifest: string,
  options: {
    readonly files?: Readonly<Record<string, Uint8Array | string>>;
    readonly description?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<string> {
  const folder = await datasetFolder();
  const description = { ...byManifest, ...options.description } as { labels: { file?: string } };
  await writeTree(folder, {
    "wsss-dataset.json": JSON.stringify(description),
    [description.labels.file ?? "patches.csv"]: manifest,
    ...(options.files ?? namedFiles),
  });
  return folder;
}

/** A dataset of {@link goodManifest} with real files: patches of 40 x 36 px, masks with both classes and background. */
export async function realManifestFolder(description: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const [height, width] = [40, 36];
  const files: Record<string, Uint8Array> = {};
  for (const [seed, name] of Object.keys(namedFiles).entries()) {
    files[name] = name.startsWith("m/")
      ? maskPng(indexPattern(height, width, 3, seed), height, width)
      : await patchPng(height, width, seed);
  }
  return await manifestFolder(goodManifest, { files, description });
}
