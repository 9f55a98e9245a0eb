// A reader and writer of safetensors files for tests, independent of the library's own.
import { readFile, writeFile } from "node:fs/promises";

/** A tensor as plain data: row-major values of its dtype. */
export interface GoldenTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: ArrayBuffer;
}

const dtypeNames: Readonly<Record<string, string>> = {
  F32: "float32",
  F64: "float64",
  U8: "uint8",
  I64: "int64",
  I32: "int32",
  BOOL: "bool",
};

/** Reads a safetensors file of golden numbers; written apart from the product's reader on purpose. */
export async function readGoldenTensors(path: string): Promise<Map<string, GoldenTensor>> {
  const bytes = await readFile(path);
  const headerLength = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString("utf8")) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors = new Map<string, GoldenTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [begin, end] = entry.data_offsets;
    const start = bytes.byteOffset + 8 + headerLength + begin;
    const data = bytes.buffer.slice(start, start + end - begin);
    tensors.set(name, { dtype: dtypeNames[entry.dtype] ?? entry.dtype, shape: entry.shape, data });
  }
  return tensors;
}

/** The values as numbers. */
export function values(tensor: GoldenTensor): ArrayLike<number> {
  switch (tensor.dtype) {
    case "float32":
      return new Float32Array(tensor.data);
    case "float64":
      return new Float64Array(tensor.data);
    case "uint8":
    case "bool":
      return new Uint8Array(tensor.data);
    case "int32":
      return new Int32Array(tensor.data);
    case "int64":
      return Array.from(new BigInt64Array(tensor.data), Number);
    default:
      throw new Error(`no values for dtype ${tensor.dtype}`);
  }
}

/** Writes float32 and int64 tensors as a safetensors file; written apart from the product's writer on purpose. */
export async function writeTensors(path: string, tensors: ReadonlyMap<string, GoldenTensor>): Promise<void> {
  const spelled: Readonly<Record<string, string>> = { float32: "F32", int64: "I64" };
  const header: Record<string, object> = {};
  let offset = 0;
  for (const [name, { dtype, shape, data }] of tensors) {
    header[name] = { dtype: spelled[dtype], shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = JSON.stringify(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const parts = [length, Buffer.from(text), ...[...tensors.values()].map(({ data }) => Buffer.from(data))];
  await writeFile(path, Buffer.concat(parts));
}
