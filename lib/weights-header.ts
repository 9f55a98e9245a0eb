import { open } from "node:fs/promises";
import { z } from "zod";
import { WsssError } from "./errors.js";
import { ioFailure } from "./image/file-access.js";

/** One tensor of a weight file, as its header lists it. */
export interface WeightTensor {
  /** Element type in the file's spelling: `"F32"`, `"F16"`, `"BF16"`, `"I64"`, ... */
  readonly dtype: string;
  /** Lengths of the axes; `[]` for a single number. */
  readonly shape: readonly number[];
}

/** What the header of a safetensors file says. */
export interface WeightsHeader {
  /** Free text that the writer left; ours is described by {@link describeModel}. */
  readonly metadata: Readonly<Record<string, string>>;
  /** By name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, WeightTensor>;
}

/** The format's own limit: a longer header is a damaged one. */
const longestHeaderBytes = 100_000_000;

const headerSchema = z.looseObject({ __metadata__: z.record(z.string(), z.string()).optional() }).catchall(
  z.object({
    dtype: z.string(),
    shape: z.array(z.int().min(0)),
    data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
  }),
);

/**
 * Reads the header of a safetensors file, and no tensor.
 *
 * @throws WsssError `WSSS_ERR_IO` if the file can't be read; `WSSS_ERR_WEIGHTS` if it is of another container (which is
 *   named where it is known), damaged, or cut off.
 */
export async function readWeightsHeader(path: string): Promise<WeightsHeader> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const read = async (position: number, length: number): Promise<Buffer> => {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
        return buffer.subarray(0, bytesRead);
      };
      return await parseFile(path, size, read);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw ioFailure(error, "read", path);
  }
}

async function parseFile(
  path: string,
  size: number,
  read: (position: number, length: number) => Promise<Buffer>,
): Promise<WeightsHeader> {
  const start = await read(0, 16);
  const length = start.length < 9 ? 0n : start.readBigUInt64LE(0);
  if (start[8] !== "{".charCodeAt(0) || length > longestHeaderBytes) throw foreignFile(path, start);
  if (8n + length > size) throw brokenFile(path, "ends within its header");
  const bytes = await read(8, Number(length));
  const header = parseHeader(path, bytes);
  const { __metadata__: metadata = {}, ...entries } = header;
  const tensors = new Map<string, WeightTensor>();
  let end = 0;
  for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
    tensors.set(name, { dtype, shape });
    end = Math.max(end, offsets[1]);
  }
  const expected = 8 + Number(length) + end;
  if (size < expected) throw brokenFile(path, `is cut off: ${size} of ${expected} bytes are there`);
  return { metadata, tensors };
}

function parseHeader(path: string, bytes: Buffer): z.output<typeof headerSchema> {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString("utf8"));
  } catch (error) {
    throw brokenFile(path, "has a header that is no JSON", error);
  }
  const checked = headerSchema.safeParse(json);
  if (checked.success) return checked.data;
  const where = checked.error.issues[0]?.path.map(String).join(".") ?? "";
  throw brokenFile(path, `has a header that does not describe tensors (at ${where || "its top"})`);
}

function brokenFile(path: string, problem: string, cause?: unknown): WsssError {
  const message = `weight file ${path} ${problem}; copy it again from its source`;
  return new WsssError("WSSS_ERR_WEIGHTS", message, { path, problem }, cause === undefined ? undefined : { cause });
}

function foreignFile(path: string, start: Buffer): WsssError {
  const container = containerOf(start);
  const problem = container === undefined ? "is not a weight file" : `is ${container}`;
  const message = `${path} ${problem}; this version reads safetensors files (.safetensors) only`;
  return new WsssError("WSSS_ERR_WEIGHTS", message, { path, problem, readable: "safetensors" });
}

/** Names the container that a file's first bytes belong to. */
function containerOf(start: Buffer): string | undefined {
  if (start.length === 0) return "empty";
  const text = start.toString("latin1");
  if (text.startsWith("PK\x03\x04")) return "a zip file, perhaps a PyTorch checkpoint";
  if (start[0] === 0x80 && (start[1] ?? 9) <= 5) return "a pickle, perhaps an old PyTorch checkpoint";
  if (start.length >= 8 && start.readBigUInt64LE(0) === 0x112n) return "an MXNet parameter file";
  if (text.startsWith("\x89HDF")) return "an HDF5 file, perhaps of Keras";
  if (text.startsWith("\x89PNG") || text.startsWith("\xff\xd8\xff")) return "a picture";
  return undefined;
}
