/** The command `inspect`: a report on this machine, LibTorch and its devices, or on one weight file. */
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Command } from "commander";
import { packageVersion } from "../../files/package-version.js";
import { inspectLibTorch, type LibTorchReport } from "../../libtorch/libtorch.js";
import { cpuQuota } from "../../machine/cpu-quota.js";
import { inspectWeights } from "../../model/inspect-weights.js";
import type { NativeAddon, NativeDeviceReport } from "../../native/addon.js";
import { findBinary, noBinary } from "../../native/binary.js";
import { runJob } from "../../native/job.js";
import { loadAddon } from "../../native/load.js";
import { act, addTalkOptions, type Streams, type TalkOptions } from "../environment.js";
import { addWeightsKey } from "../run-options.js";
import { writeResult } from "../terminal.js";
import { describeWeights, weightsJson } from "../weights-report.js";

/** What `wsss-tissue inspect --json` prints. */
export interface InspectReport {
  readonly package: string;
  readonly node: string;
  readonly platform: string;
  readonly processor: string;
  readonly cores: number;
  /** CPUs that the quota of a container or batch system allows, perhaps with a fraction; null without a quota. */
  readonly cpuQuota: number | null;
  readonly memoryBytes: number;
  readonly libtorch: LibTorchReport;
  /** What the loaded addon says; null if it could not be loaded. */
  readonly addon: NativeDeviceReport | null;
  /**
   * Why the first GPU cannot record work, as trainings do with their steps; empty if it can, which was tried; null without a GPU.
   */
  readonly whyNotRecorded: string | null;
  /** Why it could not be loaded. */
  readonly problem: string | null;
}

async function inspect(): Promise<InspectReport> {
  const libtorch = await inspectLibTorch();
  let addon: NativeDeviceReport | null = null;
  let problem: string | null = null;
  let whyNotRecorded: string | null = null;
  try {
    // Looking must not begin a download, so the addon is asked only when both are there.
    const { binary, tried } = await findBinary();
    if (libtorch.folder === null) problem = `no usable LibTorch ${libtorch.needed}`;
    else if (binary === null) problem = noBinary(tried).message;
    else {
      const loaded = await loadAddon();
      addon = loaded.deviceReport();
      if (addon.cuda.deviceCount > 0) whyNotRecorded = await tryRecording(loaded, "cuda:0");
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  return {
    package: packageVersion,
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    cpuQuota: cpuQuota(),
    memoryBytes: totalmem(),
    libtorch,
    addon,
    whyNotRecorded,
    problem,
  };
}

/** A device that cannot even compute says why, too. */
async function tryRecording(addon: NativeAddon, device: string): Promise<string> {
  try {
    return await runJob<string>((done) => addon.tryRecording({ device }, done));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function deviceLines(addon: NativeDeviceReport, whyNotRecorded: string | null): string[][] {
  const { cuda } = addon;
  const gpus = cuda.deviceCount > 0 ? `${cuda.deviceCount} usable` : `none: ${cuda.reason || "no reason given"}`;
  return [
    ["LibTorch loaded", `${addon.libtorchVersion} (addon built against ${addon.builtAgainst}, ${addon.compiler})`],
    ["threads", String(addon.threads)],
    ["vector units", addon.cpuCapability],
    ["bfloat16", addon.bfloat16 ? "in hardware" : "not in hardware"],
    ["CUDA GPUs", gpus],
    ...(cuda.deviceCount > 0 ? [["CUDA kernels", cuda.kernelsReason || "our own"]] : []),
    ...(whyNotRecorded === null ? [] : [["recorded steps", whyNotRecorded || "yes, tried"]]),
  ];
}

function coresOf({ cores, cpuQuota: quota }: InspectReport): string {
  return quota === null ? `${cores} cores` : `${cores} cores with a quota of ${Number(quota.toFixed(2))} CPUs`;
}

function describe(report: InspectReport): string {
  const { libtorch, addon, problem } = report;
  const rows = [
    ["wsss-tissue-native", report.package],
    ["Node", `${report.node} on ${report.platform}`],
    ["processor", `${report.processor}, ${coresOf(report)}, ${(report.memoryBytes / 2 ** 30).toFixed(1)} GiB memory`],
    ["LibTorch needed", libtorch.needed],
    [
      "LibTorch used",
      libtorch.folder === null ? "none" : `${libtorch.folder} (${libtorch.variant ?? "unknown variant"})`,
    ],
    ["NVIDIA driver", libtorch.driver.version ?? "none"],
    ...(addon === null
      ? [["addon", `not loaded: ${problem ?? "unknown reason"}`]]
      : deviceLines(addon, report.whyNotRecorded)),
  ];
  // The first column is left aligned by alignColumns; the second must be too, so it is padded here.
  const width = Math.max(...rows.map(([name]) => name?.length ?? 0));
  const lines = rows.map(([name = "", value = ""]) => `${name.padEnd(width)}  ${value}`);
  const places = libtorch.places.map(({ source, folder, problem: why }) => [source, folder ?? "-", why ?? "usable"]);
  lines.push(
    "",
    "Places where LibTorch was looked for:",
    ...places.map(([source = "", folder = "", why = ""]) => `  ${source}: ${folder}: ${why}`),
  );
  if (libtorch.advice !== null) lines.push("", `Advice: ${libtorch.advice}`);
  if (libtorch.repair !== null) lines.push("", `To repair: ${libtorch.repair}`);
  return lines.join("\n");
}

/** `wsss-tissue inspect [FILE]`: what is found where, or what a weight file holds. */
export function addInspectCommand(program: Command, streams: Streams): void {
  const command = program
    .command("inspect")
    .argument("[file]", "weight file: .safetensors, .pth, .pth.tar, .params, whatever its name")
    .summary("say what was found where (LibTorch, devices), or what a weight file holds")
    .description(
      "Without a file: says which LibTorch is used and where else was looked, its version, devices, threads, bfloat16, and\n" +
        "why CUDA is not used. Downloads nothing.\n" +
        "With one: its container, tensors, their sums and largest values, and which of our networks it fits. Executes nothing.",
    );
  addTalkOptions(addWeightsKey(command));
  command.action(async (file: string | undefined, options: TalkOptions & { readonly weightsKey?: string }) => {
    await act(streams, options, async ({ terminal, signal }) => {
      if (file !== undefined) {
        const inspection = await inspectWeights(file, { weightsKey: options.weightsKey, signal });
        writeResult(terminal, weightsJson(inspection), () => describeWeights(inspection));
        return;
      }
      const report = await inspect();
      writeResult(terminal, report, () => describe(report));
    });
  });
}
