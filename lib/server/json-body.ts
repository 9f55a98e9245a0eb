/** The body of a request that wants to change something: JSON, small, and read no further than it may be long. */
import type { IncomingMessage } from "node:http";

/** What a body came to: its value, or the status and the words of its refusal. */
export type BodyRead =
  | { readonly value: unknown }
  | { readonly status: 400 | 413 | 415; readonly text: string; readonly rest: "left" | "read" };

/** Longest body, in bytes: some hundred answers. */
const longest = 65_536;

const tooLong = { status: 413, text: `Requests are ${longest} bytes long at most.`, rest: "left" } as const;

/** Reads a body of JSON. What is too long by its own word is not read at all, and what turns out to be is read no further. */
export async function readJsonBody(request: IncomingMessage): Promise<BodyRead> {
  const { headers } = request;
  if (!/^application\/json(; *charset=utf-8)?$/i.test(headers["content-type"] ?? "")) {
    return { status: 415, text: "Requests that write are JSON.", rest: "left" };
  }
  if (Number(headers["content-length"] ?? 0) > longest) return tooLong;
  const bytes = await bytesOf(request);
  if (bytes === null) return tooLong;
  try {
    return { value: JSON.parse(bytes.toString("utf8")) as unknown };
  } catch {
    return { status: 400, text: "This is no JSON.", rest: "read" };
  }
}

/** The body, or null if it is too long: the rest is then not read, so that the refusal can still be sent. */
async function bytesOf(request: IncomingMessage): Promise<Buffer | null> {
  return await new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    request.on("data", (part: Buffer) => {
      length += part.length;
      if (length <= longest) parts.push(part);
      else {
        request.pause();
        resolve(null);
      }
    });
    request.once("end", () => resolve(Buffer.concat(parts)));
    request.once("error", reject);
  });
}
