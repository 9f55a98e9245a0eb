/** Thread that decodes and encodes large index masks, so that the event loop does not wait for them. */
import { parentPort } from "node:worker_threads";
import { type Colour, decodeMask, encodeMask, type IndexMask, type StoredIndices } from "./index-png-codec.js";

/** Work for the thread: one request, one answer of {@link decodeMask} or {@link encodeMask}. */
export type MaskRequest =
  | {
      readonly kind: "decode";
      readonly bytes: Uint8Array;
      readonly colours: readonly Colour[] | null;
      readonly stored: StoredIndices | null;
    }
  | {
      readonly kind: "encode";
      readonly mask: IndexMask;
      readonly palette: readonly Colour[];
      readonly ignoredColour: Colour;
    };

parentPort?.on("message", (request: MaskRequest) => {
  const answer =
    request.kind === "decode"
      ? decodeMask(request.bytes, request.colours, request.stored)
      : encodeMask(request.mask, request.palette, request.ignoredColour);
  const large = answer instanceof Uint8Array ? answer : "indices" in answer ? answer.indices : null;
  parentPort?.postMessage(answer, large === null ? [] : [large.buffer as ArrayBuffer]);
});
