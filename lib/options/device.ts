/** The option `device`: its rule, and the device that it comes to on this machine. */
import { z } from "zod";
import { WsssError } from "../errors.js";
import type { NativeDeviceReport } from "../native/addon.js";

/**
 * Where a network lives: `"cpu"`, `"cuda"` (the first GPU), `"cuda:N"` (the N-th, from 0), or `"auto"`: the first GPU if
 * LibTorch can use one, otherwise the CPU.
 */
export type Device = "auto" | "cpu" | "cuda" | `cuda:${number}`;

/** The rule of a {@link Device}. */
export const device = z.custom<Device>(
  (value) => typeof value === "string" && /^(auto|cpu|cuda(:(0|[1-9]\d{0,2}))?)$/.test(value),
  '"auto", "cpu", "cuda" or "cuda:N"',
);

/**
 * The device that the addon is asked for.
 * @throws WsssError `WSSS_ERR_DEVICE` if a GPU is asked for that is not there, with LibTorch's reason.
 */
export function resolveDevice(call: string, wanted: Device, report: NativeDeviceReport): string {
  const { deviceCount, reason } = report.cuda;
  if (wanted === "auto") return deviceCount > 0 ? "cuda" : "cpu";
  if (wanted === "cpu") return wanted;
  const index = wanted === "cuda" ? 0 : Number(wanted.slice("cuda:".length));
  if (index < deviceCount) return wanted;
  const there = deviceCount === 0 ? `there is no usable GPU (${reason || "no reason given"})` : gpusThere(deviceCount);
  const advice = `use device "cpu" or "auto", or see what \`wsss-tissue inspect\` says`;
  throw new WsssError("WSSS_ERR_DEVICE", `device "${wanted}" can't be used: ${there}; ${advice} (${call})`, {
    call,
    device: wanted,
    deviceCount,
    reason,
  });
}

/** Whether a device that {@link resolveDevice} named multiplies bfloat16 matrices in hardware. */
export function multipliesBfloat16(device: string, report: NativeDeviceReport): boolean {
  if (device === "cpu") return report.bfloat16;
  return report.cuda.bfloat16[device === "cuda" ? 0 : Number(device.slice("cuda:".length))] ?? false;
}

function gpusThere(deviceCount: number): string {
  return deviceCount === 1 ? 'the only GPU is "cuda:0"' : `the GPUs are "cuda:0" to "cuda:${deviceCount - 1}"`;
}
