/** The one LibTorch release that the addon is built for: an addon built for 2.13 loads on 2.12 and computes garbage. */
export const libtorchVersion = "2.13.0";

/** A Python wheel that LibTorch's files are taken from. */
export interface PinnedWheel {
  /** What `pip download` is asked for. */
  readonly requirement: string;
  /** File name as the index serves it. */
  readonly fileName: string;
  /** SHA-256 of the file, lower-case hexadecimal. */
  readonly sha256: string;
  /** Size of the file, in bytes. */
  readonly sizeBytes: number;
}

/** A torch wheel, and the wheels that hold the libraries which its `libtorch_cpu.so` needs besides its own. */
export interface PinnedTorchWheel extends PinnedWheel {
  readonly companions: readonly PinnedWheel[];
}

const torchRequirement = `torch==${libtorchVersion}`;

/**
 * The wheels that {@link libtorchVersion} may come from. Which one pip finds depends on its index: the CPU build where
 * an index offers it, else the CUDA build, whose CPU library is linked to two small CUDA libraries.
 */
export const pinnedTorchWheels: readonly PinnedTorchWheel[] = [
  {
    requirement: torchRequirement,
    fileName: "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256: "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
    sizeBytes: 191_794_682,
    companions: [],
  },
  {
    requirement: torchRequirement,
    fileName: "torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    sha256: "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7",
    sizeBytes: 526_574_961,
    companions: [
      {
        requirement: "nvidia-cuda-cupti==13.0.85",
        fileName: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        sizeBytes: 10_715_597,
      },
      {
        requirement: "nvidia-cuda-runtime==13.0.96",
        fileName: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        sizeBytes: 2_243_632,
      },
    ],
  },
];

/** Room that a set-up needs in the cache folder: the largest wheels (530 MB) beside what is unpacked (500 MB), bytes. */
export const neededDiskBytes = 1_200_000_000;

/** The command that repairs a missing or broken LibTorch, named by every message about one. */
export const setupCommand = "npx wsss-tissue setup";
