/** The pinned LibTorch release: its wheels with checksums and sizes, for the CPU and for CUDA. */
import type { Errand } from "../fetch/errand.js";
import type { PinnedWheel } from "../fetch/pinned-wheel.js";

/** The release whose files are pinned below, the only one that is ever fetched. */
export const pinnedVersion = "2.13.0";

/** For development alone: another release, against which the addon was built here (`npm run gpu-check`). */
const otherVersion = process.env["WSSS_LIBTORCH_VERSION"];

/** The one LibTorch release that the addon is built for: an addon built for 2.13 loads on 2.12 and computes garbage. */
export const libtorchVersion: string = otherVersion === undefined || otherVersion === "" ? pinnedVersion : otherVersion;

/** What a LibTorch computes on: the CPU alone, or also NVIDIA GPUs through CUDA 13.0. */
export type LibTorchVariant = "cpu" | "cu130";

/** A torch wheel, and the wheels that hold the libraries which its own need. */
export interface PinnedTorchWheel extends PinnedWheel {
  readonly companions: readonly PinnedWheel[];
}

/** How one variant is had. */
export interface PinnedVariant {
  /** Torch wheels that it may come from; which one pip finds depends on its index. */
  readonly wheels: readonly PinnedTorchWheel[];
  /** Size of its libraries once unpacked, in bytes. */
  readonly installedBytes: number;
  /** Licences of what is fetched, for the announcement. */
  readonly licences: string;
}

const cudaWheel = {
  fileName: "torch-2.13.0-cp311-cp311-manylinux_2_28_x86_64.whl",
  sha256: "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7",
  sizeBytes: 526_574_961,
} as const;

const cupti: PinnedWheel = {
  requirement: "nvidia-cuda-cupti==13.0.85",
  fileName: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
  sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
  sizeBytes: 10_715_597,
};
const cudart: PinnedWheel = {
  requirement: "nvidia-cuda-runtime==13.0.96",
  fileName: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
  sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
  sizeBytes: 2_243_632,
};

/**
 * What `libtorch_cuda.so` is linked to, beside cupti and cudart. cuSOLVER, which only `libtorch_cuda_linalg.so` needs, is
 * left out with it: nothing here solves linear systems.
 */
const cudaLibraries: readonly PinnedWheel[] = [
  {
    requirement: "nvidia-cuda-nvrtc==13.0.88",
    fileName: "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
    sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
    sizeBytes: 90_215_200,
  },
  {
    requirement: "nvidia-cublas==13.1.1.3",
    fileName: "nvidia_cublas-13.1.1.3-py3-none-manylinux_2_27_x86_64.whl",
    sha256: "37936a16db8fe4ac1f065c2139360608a543a09275cb1a1af612e08cfa065436",
    sizeBytes: 423_138_758,
  },
  {
    requirement: "nvidia-cudnn-cu13==9.20.0.48",
    fileName: "nvidia_cudnn_cu13-9.20.0.48-py3-none-manylinux_2_27_x86_64.whl",
    sha256: "0c45dd8eeb50b603f07995b1b300c62ffe6a1980482b82b3bcf94a4ca9d49304",
    sizeBytes: 366_173_588,
  },
  {
    requirement: "nvidia-cufft==12.0.0.61",
    fileName: "nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256: "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
    sizeBytes: 214_085_489,
  },
  {
    requirement: "nvidia-cufile==1.15.1.6",
    fileName: "nvidia_cufile-1.15.1.6-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256: "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
    sizeBytes: 1_223_672,
  },
  {
    requirement: "nvidia-curand==10.4.0.35",
    fileName: "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
    sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
    sizeBytes: 59_544_258,
  },
  {
    requirement: "nvidia-cusparse==12.6.3.3",
    fileName: "nvidia_cusparse-12.6.3.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256: "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
    sizeBytes: 145_942_937,
  },
  {
    requirement: "nvidia-nvjitlink==13.0.88",
    fileName: "nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
    sha256: "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
    sizeBytes: 40_713_933,
  },
  {
    requirement: "nvidia-cusparselt-cu13==0.8.1",
    fileName: "nvidia_cusparselt_cu13-0.8.1-py3-none-manylinux2014_x86_64.whl",
    sha256: "786ce87568c303fadb5afcc7102d454cd3040d75f6f8626f5db460d1871f4dd0",
    sizeBytes: 170_148_586,
  },
  {
    requirement: "nvidia-nccl-cu13==2.29.7",
    fileName: "nvidia_nccl_cu13-2.29.7-py3-none-manylinux_2_18_x86_64.whl",
    sha256: "edd81538446786ec3b73972543e53bb43bcaf0bfc8ef76cb679fcc390ffe136d",
    sizeBytes: 205_976_000,
  },
  {
    requirement: "nvidia-nvshmem-cu13==3.4.5",
    fileName: "nvidia_nvshmem_cu13-3.4.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    sha256: "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
    sizeBytes: 60_412_546,
  },
];

/** The files of {@link pinnedVersion}, each with its checksum. */
export const pinnedVariants: Readonly<Record<LibTorchVariant, PinnedVariant>> = {
  // The CPU build where an index offers it, else the CPU library of the CUDA build, which is linked to two small CUDA ones.
  cpu: {
    wheels: [
      {
        requirement: `torch==${pinnedVersion}`,
        fileName: "torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b",
        sizeBytes: 191_794_682,
        companions: [],
      },
      { requirement: `torch==${pinnedVersion}`, ...cudaWheel, companions: [cupti, cudart] },
    ],
    installedBytes: 450_000_000,
    licences: "PyTorch: BSD-3-Clause",
  },
  // Three equals signs: this text and no other, where two would prefer 2.13.0+cpu.
  cu130: {
    wheels: [
      {
        requirement: `torch===${pinnedVersion}`,
        ...cudaWheel,
        companions: [cupti, cudart, ...cudaLibraries],
      },
    ],
    installedBytes: 3_300_000_000,
    licences: "PyTorch: BSD-3-Clause; CUDA, cuDNN and the other NVIDIA libraries: NVIDIA's licences",
  },
};

/** The oldest NVIDIA driver that runs CUDA 13.0. */
export const oldestCudaDriver = 580;

/** The command that repairs a missing or broken LibTorch, named by every message about one. */
export const setupCommand = "npx wsss-tissue setup";

/**
 * The errand of fetching LibTorch.
 * @param again - the command that tries it again.
 */
export function libtorchErrand(again: string): Errand {
  return {
    code: "WSSS_ERR_BINARY_NOT_FOUND",
    subject: "LibTorch",
    again,
    otherwise: "set LIBTORCH to a LibTorch folder",
    byHand: `, or bring the wheels from elsewhere (\`${setupCommand} --dry-run\` lists them, \`--from\` takes them)`,
  };
}
