/** Pieces of hand-made pickles: only what tests need, and things that no weight file should hold. */

const bytes = (...parts: readonly (Buffer | number | string)[]): Buffer =>
  Buffer.concat(
    parts.map((part) =>
      typeof part === "number" ? Buffer.from([part]) : typeof part === "string" ? Buffer.from(part, "latin1") : part,
    ),
  );

const u16 = (value: number): Buffer => {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
};
const u32 = (value: number): Buffer => {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value);
  return out;
};
export const i64 = (value: bigint | number): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigInt64LE(BigInt(value));
  return out;
};

export const text = (value: string): Buffer => bytes("X", u32(Buffer.byteLength(value)), Buffer.from(value));
export const global = (module: string, name: string): Buffer => bytes("c", module, "\n", name, "\n");
/** A Python integer of 64 bits. */
export const integer = (value: bigint | number): Buffer => bytes(0x8a, 8, i64(value));
export const tuple = (...items: readonly Buffer[]): Buffer => bytes("(", ...items, "t");
export const dictionary = (...pairs: readonly Buffer[]): Buffer => bytes("}", "(", ...pairs, "u");
export const call = (callable: Buffer, ...args: readonly Buffer[]): Buffer => bytes(callable, tuple(...args), "R");
export const program = (body: Buffer): Buffer => bytes(0x80, 2, body, ".");

/** What a tensor of a test is made of. */
export interface TensorParts {
  readonly key?: string;
  readonly storage?: string;
  readonly count?: bigint | number;
  readonly offset?: bigint | number;
  readonly shape?: readonly (bigint | number)[];
  readonly strides?: readonly (bigint | number)[];
  /** (key, offset, count): the storage is a part of the one that the key names. */
  readonly view?: Buffer;
}

/** A call of _rebuild_tensor_v2, by default for 4 floats of storage "0". */
export function tensor(parts: TensorParts = {}): Buffer {
  const { key = "0", storage = "FloatStorage", count = 4, offset = 0, shape = [4], strides = [1], view } = parts;
  const id = bytes(
    tuple(
      text("storage"),
      global("torch", storage),
      text(key),
      text("cuda:0"),
      integer(count),
      ...(view === undefined ? [] : [view]),
    ),
    "Q",
  );
  const hooks = call(global("collections", "OrderedDict"));
  return call(
    global("torch._utils", "_rebuild_tensor_v2"),
    id,
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    bytes(0x89),
    hooks,
  );
}

const crcTable = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});
const crc32 = (data: Buffer): number => {
  let c = 0xffffffff;
  for (const byte of data) c = (crcTable[(c ^ byte) & 255] as number) ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
};

/** A record of a zip archive; `method` other than 0 claims compression. */
export interface ZipRecord {
  readonly name: string;
  readonly data: Buffer;
  readonly method?: number;
  /** Where the directory says that it is, if not where it is. */
  readonly claimedOffset?: number;
  readonly claimedSize?: number;
}

/** A zip archive of stored records. */
export function zip(records: readonly ZipRecord[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, data, method = 0, claimedOffset, claimedSize } of records) {
    const size = claimedSize ?? data.length;
    const sizes = bytes(u32(crc32(data)), u32(size), u32(size), u16(name.length), u16(0));
    const fields = bytes(u16(20), u16(0), u16(method), u32(0), sizes);
    directory.push(
      bytes("PK\x01\x02", u16(20), fields, u16(0), u16(0), u16(0), u32(0), u32(claimedOffset ?? at), name),
    );
    const local = bytes("PK\x03\x04", fields, name, data);
    parts.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const count = u16(records.length);
  return bytes(...parts, central, "PK\x05\x06", u32(0), count, count, u32(central.length), u32(at), u16(0));
}

/** A zip file as torch.save writes it. */
export function torchZip(
  saved: Buffer,
  storages: Readonly<Record<string, Buffer>> = { "0": Buffer.alloc(16) },
): Buffer {
  return zip([
    { name: "archive/data.pkl", data: program(saved) },
    { name: "archive/byteorder", data: Buffer.from("little") },
    ...Object.entries(storages).map(([key, data]) => ({ name: `archive/data/${key}`, data })),
  ]);
}

/** A file as torch.save wrote it before PyTorch 1.6. */
export function torchLegacy(
  saved: Buffer,
  storages: Readonly<Record<string, Buffer>> = { "0": Buffer.alloc(16) },
): Buffer {
  const magic = bytes(0x80, 2, 0x8a, 10, "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", ".");
  const protocol = bytes(0x80, 2, "M", u16(1001), ".");
  const system = program(dictionary(text("little_endian"), bytes(0x88)));
  const keys = program(bytes("]", "(", ...Object.keys(storages).map(text), "e"));
  const raw = Object.values(storages).map((data) => bytes(i64(data.length / 4), data));
  return bytes(magic, protocol, system, program(saved), keys, ...raw);
}

/** A file as torch.save wrote it before PyTorch 0.2: one tensor `a` of the given floats. */
export function torchTar(
  values: readonly number[],
  view?: { readonly offset: number; readonly count: number },
): Buffer {
  const floats = Buffer.from(Float32Array.from(values).buffer);
  const storage = program(tuple(integer(1), text("cpu"), global("torch", "FloatStorage")));
  // A view is a storage of its own, number 3, with its root, offset and count.
  const part = view && tuple(integer(3), integer(1), integer(view.offset), integer(view.count));
  const views = program(part === undefined ? bytes("]") : bytes("](", part, "e"));
  const storages = bytes(program(integer(1)), storage, i64(values.length), floats, views);
  const record = program(tuple(integer(2), integer(view ? 3 : 1), global("torch", "FloatTensor")));
  const shape = bytes(u32(1), u32(0), i64(view?.count ?? values.length), i64(1), i64(0));
  const tensors = bytes(program(integer(1)), record, shape);
  const pickle = program(dictionary(text("a"), bytes(text("2"), "Q")));
  return bytes(
    tarMember("sys_info", program(dictionary())),
    tarMember("pickle", pickle),
    tarMember("tensors", tensors),
    tarMember("storages", storages),
    Buffer.alloc(1024),
  );
}

function tarMember(name: string, data: Buffer): Buffer {
  const header = Buffer.alloc(512);
  const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, "0");
  header.write(name, 0);
  header.write(octal(0o644, 7), 100);
  header.write(octal(data.length, 11), 124);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\u000000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\u0000 `, 148);
  return bytes(header, data, Buffer.alloc((512 - (data.length % 512)) % 512));
}

/** An MXNet list of one float array. */
export function mxnetList(name: string, values: readonly number[]): Buffer {
  const array = bytes(
    u32(1),
    u32(values.length),
    u32(1),
    u32(0),
    u32(0),
    Buffer.from(Float32Array.from(values).buffer),
  );
  return bytes(i64(0x112), i64(0), i64(1), array, i64(1), i64(name.length), name);
}

/** A safetensors file of one float tensor. */
export function safetensorsFile(name: string, values: readonly number[]): Buffer {
  const header = JSON.stringify({
    __metadata__: { format: "pt" },
    [name]: { dtype: "F32", shape: [values.length], data_offsets: [0, 4 * values.length] },
  });
  return bytes(i64(header.length), header, Buffer.from(Float32Array.from(values).buffer));
}

export { bytes };
