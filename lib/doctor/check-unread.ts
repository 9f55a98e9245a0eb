/** Finds folders and pictures in a dataset that neither the layout nor the manifest reads. */
import { realpath } from "node:fs/promises";
import { dirname, join, parse, sep } from "node:path";
import { mapConcurrently } from "../async/map-concurrently.js";
import { lookAlikeOf, nearestRootFolder, type RootFolder } from "../dataset/look-alikes.js";
import { maskFolder, patchFolder, type SplitName } from "../dataset/split.js";
import { type FolderEntry, readFolder } from "../files/read-folder.js";
import { patchExtensions } from "../image/decode-patch.js";
import type { Finding } from "./finding.js";

/** How deep pictures are looked for in a folder that is not read, and in how many folders. */
const deepest = 4;
const mostFolders = 200;

const rootFolders: readonly RootFolder[] = ["train", "train_mask", "val", "test"];

/**
 * Pictures in places of a dataset's folder where nobody reads them: whoever put them there believes that they are used.
 * @param read - files that are read, some of which may be links to pictures elsewhere.
 * @returns warnings: folders in the root, or in `val` and `test`, and pictures beside the folders of the layout.
 */
export async function checkUnreadFolders(folder: string, read: readonly string[]): Promise<Finding[]> {
  const names = (await entriesOf(folder)).filter(isVisibleFolder).map(({ name }) => name);
  const told = await standIns(folder, rootFolders);
  // A whole dataset that was unpacked one level too deep is told where train is missing.
  const nested = names.includes("train") ? [] : await datasetsIn(folder, names);
  const there = rootFolders.filter((name) => names.includes(name));
  const inRoot = await unreadIn(folder, [...rootFolders, ...told, ...nested], read, (name) => remedyOf(name, there));
  const inSplits = await Promise.all(
    (["val", "test"] as const).map(async (split) => {
      const parts = ["img", "mask"];
      const alike = await standIns(join(folder, split), parts);
      const found = await unreadIn(join(folder, split), [...parts, ...alike], read, () => moveTo(split));
      return found.map((finding) => ({ ...finding, split }));
    }),
  );
  return [...inRoot, ...inSplits.flat()];
}

/** {@link checkUnreadFolders} where a manifest names the pictures: folders in the root of which it names none. */
export async function checkUnnamedFolders(folder: string, named: readonly string[]): Promise<Finding[]> {
  const remedy = "name its pictures in the manifest, or move them out of the dataset";
  const found = await unreadIn(folder, [], named, () => remedy);
  const inRoot = named.some((file) => dirname(file) === folder);
  return found.filter(({ check }) => check === "unread-folder" || !inRoot);
}

async function unreadIn(
  folder: string,
  known: readonly (string | null)[],
  read: readonly string[],
  remedyFor: (name: string) => string,
): Promise<Finding[]> {
  const entries = await entriesOf(folder);
  const finding = { severity: "warning", split: null } as const;
  const holders: (readonly [folder: FolderEntry, picture: string])[] = [];
  for (const entry of entries.filter(isVisibleFolder)) {
    const picture = known.includes(entry.name) ? null : await firstPicture(entry, { left: mostFolders });
    if (picture !== null) holders.push([entry, picture]);
  }
  const places = holders.length === 0 ? [] : await realFolders(read);
  const findings: Finding[] = [];
  for (const [{ name, rawPath }, picture] of holders) {
    const place = await realpath(rawPath).catch(() => null);
    // Links from the folders of the layout may lead there.
    if (places.some((one) => one === place || one.startsWith(`${place}${sep}`))) continue;
    const problem = `holds pictures that nobody reads, such as ${picture}`;
    const remedy = remedyFor(name);
    findings.push({ ...finding, check: "unread-folder", files: [join(folder, name)], problem, remedy });
  }
  const loose = entries.filter(isPicture);
  if (loose[0] !== undefined) {
    const others = loose.length === 1 ? "" : `, and so do ${loose.length - 1} more`;
    const problem = `lies beside the folders that are read${others}: nobody reads pictures there`;
    const remedy = "move them into the folder of their split, or out of the dataset";
    findings.push({ ...finding, check: "unread-picture", files: [join(folder, loose[0].name)], problem, remedy });
  }
  return findings;
}

/** Folders that stand for a missing one under another name, and are told as such. */
async function standIns(folder: string, expected: readonly string[]): Promise<(string | null)[]> {
  const names = (await entriesOf(folder)).map(({ name }) => name);
  const missing = expected.filter((name) => !names.includes(name));
  return await Promise.all(missing.map(async (name) => await lookAlikeOf(folder, name)));
}

/** Those of the folders that look like a dataset themselves. */
async function datasetsIn(folder: string, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async (name) => {
      const entries = await entriesOf(join(folder, name));
      return entries.some((entry) => entry.isFolder && entry.name === "train") ? [name] : [];
    }),
  );
  return found.flat();
}

/** Folders in which files really lie, links followed. */
async function realFolders(files: readonly string[]): Promise<string[]> {
  const real = await mapConcurrently(files, async (file) => dirname(await realpath(file).catch(() => file)), {
    limit: 16,
    what: "looking for pictures that are not read",
  });
  return [...new Set(real)];
}

function remedyOf(name: string, there: readonly RootFolder[]): string {
  const nearest = nearestRootFolder(name);
  if (nearest === null) return "move the pictures into the folder of their split, or out of the dataset";
  if (!there.includes(nearest)) return `rename it to ${nearest}, if that is what it is`;
  return nearest === "train_mask" ? "move its masks into train_mask/, or out of the dataset" : moveTo(nearest);
}

function moveTo(split: SplitName): string {
  return `if they are of ${split}, move patches into ${patchFolder(split)}/ and masks into ${maskFolder(split)}/; or out of the dataset`;
}

/** Path of a picture within a folder, from the folder's own name on; null if there is none that was found. */
async function firstPicture(folder: FolderEntry, folders: { left: number }, depth = 1): Promise<string | null> {
  if (depth > deepest || folders.left-- <= 0) return null;
  const entries = await readFolder(folder.rawPath).catch(() => []);
  const subfolders = entries.filter(isVisibleFolder);
  // Pseudo masks, which the published code keeps beside the patches.
  if (subfolders.some(({ name }) => name.startsWith("PM_"))) return null;
  const picture = entries.find(isPicture);
  if (picture !== undefined) return join(folder.name, picture.name);
  for (const subfolder of subfolders) {
    const found = await firstPicture(subfolder, folders, depth + 1);
    if (found !== null) return join(folder.name, found);
  }
  return null;
}

/** Entries in the order of their names; none if the folder can't be listed, which is told elsewhere. */
async function entriesOf(folder: string): Promise<FolderEntry[]> {
  const entries = await readFolder(folder).catch(() => []);
  return entries.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function isVisibleFolder({ name, isFolder }: FolderEntry): boolean {
  return isFolder && !name.startsWith(".");
}

function isPicture({ name, isFolder }: FolderEntry): boolean {
  const ending = parse(name).ext.toLowerCase();
  return !isFolder && !name.startsWith(".") && (patchExtensions as readonly string[]).includes(ending);
}
