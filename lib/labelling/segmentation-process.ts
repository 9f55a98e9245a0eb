/** The process that segments a slide while somebody labels: it gets its order, tells how it gets on, and ends with whoever ordered it. */
import path from "node:path";
import { Classifier } from "../classifier/classifier.js";
import { isWsssError } from "../errors.js";
import type { Device } from "../options/device.js";
import { Segmenter } from "../segmenter/segmenter.js";
import { openSlide } from "../slide/open-slide.js";
import { obeyOrders, tellOwner } from "./ordered-process.js";
import type { SegmentationMessage, SegmentationOrder } from "./segmentation-messages.js";

const tell = (message: SegmentationMessage): void => tellOwner(message);

async function segment(order: SegmentationOrder, signal: AbortSignal): Promise<void> {
  const { run, slide: file, slideMpp, output, threads } = order;
  const options = { device: order.device as Device, threads, signal };
  try {
    await using slide = await openSlide(file, { micronsPerPixel: slideMpp, damaged: "background", signal });
    await using classifier = await Classifier.load(path.join(run, "classifier.safetensors"), options);
    await using segmenter = await Segmenter.load(path.join(run, "segmenter.safetensors"), options);
    const work = segmenter.segmentSlide(slide, { output, gate: classifier, signal });
    for (let next = await work.next(); next.done !== true; next = await work.next()) {
      const { done, total } = next.value;
      tell({ kind: "progress", done, total });
    }
    tell({ kind: "done" });
  } catch (error) {
    if (isWsssError(error, "WSSS_ERR_CANCELLED")) tell({ kind: "stopped" });
    else {
      const code = isWsssError(error) ? error.code : "WSSS_ERR_INTERNAL";
      tell({ kind: "failed", code, message: error instanceof Error ? error.message : String(error) });
    }
  }
}

obeyOrders(async (order, signal) => await segment(order as SegmentationOrder, signal));
