/** What a set-up of LibTorch will fetch, how large it is, and where it goes. */
import { cachedLibTorchFolder } from "./cached-folder.js";
import { formatBytes } from "../fetch/format-bytes.js";
import { type LibTorchVariant, libtorchVersion, type PinnedTorchWheel, pinnedVariants } from "./pinned.js";
import { downloadArguments } from "../fetch/pip-source.js";

/** What a set-up would fetch, and where to; plain data. */
export interface SetupPlan {
  readonly variant: LibTorchVariant;
  /** Torch wheels, any of which will do, each with the wheels it needs. */
  readonly wheels: readonly PinnedTorchWheel[];
  readonly target: string;
  /** How pip fetches one of them on any machine; its requirement comes last. */
  readonly command: readonly string[];
  /** Room for what is unpacked and, beside it, the largest wheel, in bytes. */
  readonly neededBytes: number;
  /** What, how much, where to and under which licences, as one sentence. */
  readonly summary: string;
}

const headerBytes = 45_000_000;

/** Works out what a set-up of a variant would fetch. Looks at nothing. */
export function planSetup(variant: LibTorchVariant, headers: boolean): SetupPlan {
  const { wheels, installedBytes, licences } = pinnedVariants[variant];
  const target = cachedLibTorchFolder(variant);
  const unpackedBytes = installedBytes + (headers ? headerBytes : 0);
  const largest = Math.max(...wheels.flatMap((wheel) => [wheel, ...wheel.companions]).map((wheel) => wheel.sizeBytes));
  const downloads = wheels.map((wheel) =>
    formatBytes([wheel, ...wheel.companions].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)),
  );
  const what = `LibTorch ${libtorchVersion} for ${variant === "cpu" ? "the CPU" : "CUDA 13.0"}`;
  const size = `${downloads.join(" or ")} to fetch, ${formatBytes(unpackedBytes)} in ${target}`;
  const summary = `${what}: ${size}; licences: ${licences}`;
  return { variant, wheels, target, command: downloadArguments, neededBytes: unpackedBytes + largest, summary };
}
