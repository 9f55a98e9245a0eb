/** The OpenSlide that is fetched, pinned file by file, and the oldest one that is used at all. */
import path from "node:path";
import { cacheFolder } from "../fetch/cache-folder.js";
import type { Errand } from "../fetch/errand.js";
import type { PinnedWheel } from "../fetch/pinned-wheel.js";

/** By OpenSlide's maintainers: the library with all that it needs in one file, which exports nothing else. */
export const openSlideWheel: PinnedWheel = {
  requirement: "openslide-bin==4.0.1.2",
  fileName: "openslide_bin-4.0.1.2-py3-none-manylinux_2_28_x86_64.whl",
  sha256: "8ac4aa3a2277ed5e218ca0019db65bdd6e853f865eb4edd3da00e2f4acf0c923",
  sizeBytes: 2_758_562,
};

/** Licence of OpenSlide. It is opened while the program runs, never linked or passed on by this package. */
export const openSlideLicence = "LGPL-2.1";

/**
 * The oldest OpenSlide that is used: it mends a memory write by a crafted BIF slide (CVE-2026-48977), CVE-2026-54604, NDPI
 * slides above 4 GB and swapped pixel sizes of DICOM.
 */
export const oldestOpenSlide = "4.0.1";

/** The command that repairs a missing OpenSlide, named by every message about one. */
export const openSlideSetupCommand = "npx wsss-tissue setup --openslide";

/** What a wheel's file is called in our folder; `null` if it is not needed. */
export function placeOfOpenSlide(name: string): string | null {
  if (name === "openslide_bin/libopenslide.so.1") return "lib/libopenslide.so.1";
  const licence = /\.dist-info\/licenses\/licenses\/(.+)$/.exec(name)?.[1];
  return licence === undefined ? null : `licences/${licence.replaceAll("/", "-")}`;
}

/** Folder of the unpacked OpenSlide in the cache. */
export function openSlideFolder(environment: NodeJS.ProcessEnv = process.env): string {
  return path.join(cacheFolder(environment), "openslide-4.0.1.2");
}

/** The library in the cache, whether it is there or not. */
export function cachedOpenSlide(environment: NodeJS.ProcessEnv = process.env): string {
  return path.join(openSlideFolder(environment), "lib", "libopenslide.so.1");
}

/** The errand of fetching OpenSlide. */
export const openSlideErrand: Errand = {
  code: "WSSS_ERR_BINARY_NOT_FOUND",
  subject: "OpenSlide",
  again: openSlideSetupCommand,
  otherwise: `set WSSS_OPENSLIDE to the libopenslide.so.1 of OpenSlide ${oldestOpenSlide} or newer`,
  byHand: `, or bring ${openSlideWheel.fileName} from elsewhere (\`--from\` takes it)`,
};
