// Reading weight files of every container: real ones, hand-made ones, cut off ones, and other files.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { inspectWeights, isWsssError, type WsssError } from "../dist/index.js";
import {
  bytes,
  call,
  dictionary,
  global,
  i64,
  integer,
  program,
  tensor,
  text,
  torchLegacy,
  torchTar,
  torchZip,
  tuple,
  zip,
} from "./support/pickles.js";

const shared = fileURLToPath(new URL("../../shared/weights/", import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "wsss-weights-"));
});
afterAll(async () => await rm(folder, { recursive: true, force: true }));

async function inspectBytes(content: Buffer) {
  const file = path.join(folder, "weights.bin");
  await writeFile(file, content);
  return await inspectWeights(file);
}

async function refusal(content: Buffer): Promise<WsssError> {
  try {
    await inspectBytes(content);
  } catch (error) {
    if (isWsssError(error)) return error;
    throw error;
  }
  throw new Error("it was read");
}

interface ManifestEntry {
  readonly container: string;
  readonly tensors?: Readonly<Record<string, readonly [string, readonly number[]]>>;
  readonly checksums?: Readonly<Record<string, readonly [number, number]>>;
}

if (existsSync(shared)) {
  describe("real weight files", () => {
    const manifest = JSON.parse(
      // Read while tests are collected, since each file is a test of its own.
      readFileSync(path.join(shared, "MANIFEST.json"), "utf8"),
    ) as Readonly<Record<string, ManifestEntry>>;
    test.each(Object.entries(manifest))("%s", async (name, { container, tensors, checksums }) => {
      const file = path.join(shared, name);
      if (tensors === undefined) {
        await expect(inspectWeights(file)).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
        await expect(inspectWeights(file)).rejects.toThrow(/cut off/);
        return;
      }
      const inspection = await inspectWeights(file);
      expect(container.startsWith(inspection.container)).toBe(true);
      expect([...inspection.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
      for (const [tensorName, [dtype, shape]] of Object.entries(tensors)) {
        expect(inspection.tensors.get(tensorName)).toMatchObject({ dtype, shape });
      }
      for (const [tensorName, [sum, absMax]] of Object.entries(checksums ?? {})) {
        const found = inspection.tensors.get(tensorName);
        expect(found?.sum).toBeCloseTo(sum, 8);
        expect(found?.absMax).toBe(absMax);
      }
    });
  });
} else {
  test.skip("SKIPPED: real weight files: ../shared/weights is not here", () => undefined);
}

/** Storages as bytes. */
const floats = (...values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);

describe.each([
  ["zip", torchZip],
  ["legacy pickle stream", torchLegacy],
] as const)("a state dict in a %s", (container, write) => {
  test("of views into one storage, with strides, under a checkpoint's key", async () => {
    const storage = { "0": floats(1, 2, 3, 4, 5, 6) };
    const state = dictionary(
      text("module.a"),
      tensor({ count: 6, shape: [2, 3], strides: [1, 2] }),
      text("module.b"),
      tensor({ count: 6, offset: 4, shape: [2] }),
      text("module.c"),
      call(
        global("torch._utils", "_rebuild_parameter"),
        tensor({ count: 6, shape: [], strides: [] }),
        bytes(0x88),
        bytes("N"),
      ),
      text("module.empty"),
      tensor({ count: 6, shape: [0, 3], strides: [3, 1] }),
    );
    const checkpoint = dictionary(
      text("epoch"),
      integer(7),
      text("state_dict"),
      state,
      text("optimizer"),
      dictionary(),
    );
    const { tensors, ...rest } = await inspectBytes(write(checkpoint, storage));
    expect(rest).toMatchObject({ container, foundUnder: "state_dict", otherKeys: ["epoch", "optimizer"], fits: [] });
    expect(Object.fromEntries(tensors)).toEqual({
      "module.a": { dtype: "float32", shape: [2, 3], sum: 21, absMax: 6 },
      "module.b": { dtype: "float32", shape: [2], sum: 11, absMax: 6 },
      "module.c": { dtype: "float32", shape: [], sum: 1, absMax: 1 },
      "module.empty": { dtype: "float32", shape: [0, 3], sum: 0, absMax: 0 },
    });
  });

  test.each([
    ["os.system", global("posix", "system"), "posix.system"],
    ["eval", global("builtins", "eval"), "builtins.eval"],
    ["a nested load", global("torch.storage", "_load_from_bytes"), "torch.storage._load_from_bytes"],
    ["getattr", global("builtins", "getattr"), "builtins.getattr"],
    ["a name with control characters", global("o\x1b[31ms", "system"), "o?[31ms.system"],
  ])("that asks for %s is refused by name", async (_, callable, name) => {
    const error = await refusal(write(dictionary(text("a"), call(callable, text("touch /tmp/owned"))), {}));
    expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(error.message).toContain(name);
    expect(error.message).toContain("nothing was executed");
  });

  test.each<[string, Buffer, string]>([
    ["a tensor past its storage", tensor({ shape: [5] }), "lies outside its storage"],
    ["a negative offset", tensor({ offset: -1 }), "outside its storage"],
    ["an offset near the largest number", tensor({ offset: 2n ** 63n - 1n }), "impossible strides"],
    ["an overflowing shape", tensor({ shape: [2n ** 32n, 2n ** 32n], strides: [0, 0] }), "impossible shape"],
    ["an overflowing reach", tensor({ shape: [2, 2], strides: [2n ** 62n, 2n ** 62n] }), "impossible strides"],
    [
      "an overflowing shape that holds nothing",
      tensor({ shape: [0, 2n ** 62n, 2n ** 62n], strides: [1, 1, 1] }),
      "impossible shape",
    ],
    ["negative extents", tensor({ shape: [-1] }), "impossible shape"],
    ["negative strides", tensor({ shape: [2], strides: [-1] }), "impossible strides"],
    ["negative strides of nothing", tensor({ shape: [0, 2], strides: [2, -1] }), "impossible strides"],
    ["elements that repeat", tensor({ shape: [1_000_000_000], strides: [0] }), "repeats elements"],
    ["a storage of another size", tensor({ count: 3 }), "size that it should have"],
    ["a storage that is not there", tensor({ key: "9" }), "storage 9"],
    ["a storage of an impossible size", tensor({ count: 2n ** 62n }), "size that it should have"],
    [
      "17 dimensions",
      tensor({ shape: Array<number>(17).fill(1), strides: Array<number>(17).fill(1) }),
      "16 dimensions",
    ],
  ])("with %s is refused", async (_, hostile, message) => {
    const error = await refusal(write(dictionary(text("a"), tensor(), text("bad"), hostile)));
    expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(error.message).toContain(message);
  });

  test.each<[string, Buffer, string]>([
    ["no tensors", dictionary(text("epoch"), integer(1)), "no state dict was found in it: its keys are epoch"],
    ["a list", bytes("]"), "does not hold a dictionary"],
    ["a checkpoint in itself", bytes("}q\x01", text("state_dict"), "h\x01", "s"), "no state dict"],
    [
      "a million lists inside each other",
      bytes(Buffer.alloc(1_000_000, "("), Buffer.alloc(1_000_000, "l")),
      "too many values",
    ],
    ["an unknown opcode", bytes("i"), "opcode 105"],
    ["a value that was never noted", bytes("h\x05"), "never noted"],
    ["no mark", bytes("t"), "mark is missing"],
    ["an empty stack", Buffer.alloc(0), "value is missing"],
  ])("of %s is refused", async (_, saved, message) => {
    const error = await refusal(write(saved, {}));
    expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(error.message).toContain(message);
  });

  test("cut off at any byte is refused, never read wrong", async () => {
    const whole = write(dictionary(text("a"), tensor()));
    for (let length = 1; length < whole.length; length += 3) {
      expect(await refusal(whole.subarray(0, length))).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    }
  });

  test("that claims many times its size in shared storages is refused", async () => {
    const large = { count: 16_384, shape: [16_384] };
    const entries = Array.from({ length: 60 }, (_, i) => [text(`t${i}`), tensor(large)]).flat();
    const error = await refusal(write(dictionary(...entries), { "0": Buffer.alloc(65_536) }));
    expect(error.message).toContain("many times the size of the file");
  });
});

test("views of storages are read where they lie", async () => {
  const numbers = { "0": floats(1, 2, 3, 4, 5, 6) };
  const view = tuple(text("v"), integer(4), integer(2));
  const { tensors } = await inspectBytes(
    torchLegacy(dictionary(text("a"), tensor({ count: 6, shape: [2], view })), numbers),
  );
  expect(tensors.get("a")).toMatchObject({ shape: [2], sum: 11, absMax: 6 });
  const inTar = await inspectBytes(torchTar([1, 2, 3, 4], { offset: 2, count: 2 }));
  expect(inTar.tensors.get("a")).toMatchObject({ shape: [2], sum: 7, absMax: 4 });
});

describe("small files that want much memory", () => {
  test.each<[string, Buffer, string]>([
    [
      "a call with endless arguments",
      call(global("torch._utils", "_rebuild_tensor_v2"), ...Array<Buffer>(20).fill(bytes("N"))),
      "too many arguments",
    ],
    ["containers of one byte each", Buffer.alloc(400_000, "]"), "too many values"],
    ["a key of a megabyte", dictionary(text("k".repeat(1_000_000)), tensor()), "key of 1000000 bytes"],
  ])("%s", async (_, saved, message) => {
    const error = await refusal(torchZip(saved));
    expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(error.message).toContain(message);
  });

  test("a header of a million numbers", async () => {
    const header = Buffer.from(`{"a":[${"0,".repeat(500_000)}0]}`);
    const error = await refusal(bytes(i64(header.length), header));
    expect(error.message).toContain("too many values");
  });
});

test.each(["-nan", "01", "nan", "1e999"])("the number %s is none", async (number) => {
  const header = Buffer.from(`{"a":{"dtype":"F32","shape":[${number}],"data_offsets":[0,4]}}`);
  const error = await refusal(bytes(i64(header.length), header, Buffer.alloc(4)));
  expect(error.message).toContain("JSON header is broken");
});

test("a pipe is refused at once", async () => {
  const pipe = path.join(folder, "pipe.pth");
  execFileSync("mkfifo", [pipe]);
  await expect(inspectWeights(pipe)).rejects.toThrow("not a plain file");
});

describe("a zip archive", () => {
  const saved = program(dictionary(text("a"), tensor()));
  const storage = { name: "archive/data/0", data: Buffer.alloc(16) };
  test.each<[string, Buffer, string]>([
    ["of something else", zip([{ name: "mimetype", data: Buffer.from("x") }]), "there is no data.pkl inside"],
    ["that is compressed", zip([{ name: "archive/data.pkl", data: saved, method: 8 }, storage]), "is compressed"],
    [
      "whose records overlap",
      zip([
        { name: "archive/data.pkl", data: saved },
        { ...storage, claimedOffset: 0 },
      ]),
      "overlap",
    ],
    [
      "whose record points past the end",
      zip([
        { name: "archive/data.pkl", data: saved },
        { ...storage, claimedOffset: 2 ** 31 },
      ]),
      "past its end",
    ],
    [
      "whose record claims more than there is",
      zip([
        { name: "archive/data.pkl", data: saved },
        { ...storage, claimedSize: 2 ** 31 },
      ]),
      "cut off",
    ],
    ["with a record twice", zip([{ name: "archive/data.pkl", data: saved }, storage, storage]), "stands there twice"],
    [
      "that is a program",
      zip([
        { name: "m/data.pkl", data: saved },
        { name: "m/constants.pkl", data: saved },
      ]),
      "TorchScript",
    ],
    [
      "of a big-endian machine",
      zip([
        { name: "m/data.pkl", data: saved },
        { name: "m/byteorder", data: Buffer.from("big") },
      ]),
      "big endian",
    ],
    ["with a path that leads out", zip([{ name: "../../../data.pkl", data: saved }]), "no data.pkl inside"],
  ])("%s is refused", async (_, content, message) => {
    const error = await refusal(content);
    expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(error.message).toContain(message);
  });
});

describe("an MXNet file", () => {
  const list = (count: bigint | number, ...parts: readonly Buffer[]): Buffer =>
    bytes(i64(0x112), i64(0), i64(count), ...parts);
  const u32 = (value: number): Buffer => i64(value).subarray(0, 4);
  const array = (shape: readonly number[], type: number, data: Buffer): Buffer =>
    bytes(u32(shape.length), ...shape.map(u32), u32(1), u32(0), u32(type), data);
  const names = (...all: readonly string[]): Buffer =>
    bytes(i64(all.length), ...all.map((name) => bytes(i64(name.length), name)));

  test("of halves and integers", async () => {
    const half = Buffer.from([0x00, 0x3c, 0x00, 0xc0]); // 1, -2
    const { tensors } = await inspectBytes(
      list(2, array([2], 2, half), array([1, 1], 6, i64(-7)), names("arg:a", "aux:b")),
    );
    expect(tensors.get("arg:a")).toEqual({ dtype: "float16", shape: [2], sum: -1, absMax: 2 });
    expect(tensors.get("aux:b")).toEqual({ dtype: "int64", shape: [1, 1], sum: -7, absMax: 7 });
  });

  test.each<[string, Buffer, string]>([
    ["that claims endless arrays", list(-1), "cut off"],
    [
      "of an array larger than memory",
      list(1, array([0xffffffff, 0xffffffff], 1, Buffer.alloc(8))),
      "impossible shape",
    ],
    ["of an array larger than the file", list(1, array([1_000_000], 0, Buffer.alloc(8))), "cut off"],
    ["of an unknown type", list(1, array([1], 99, Buffer.alloc(4))), "unknown type"],
    ["of 40 dimensions", list(1, array(Array<number>(40).fill(1), 0, Buffer.alloc(4))), "impossible shape"],
    [
      "with fewer names than arrays",
      list(2, array([1], 0, Buffer.alloc(4)), array([1], 0, Buffer.alloc(4)), names("a")),
      "number of names",
    ],
    ["of a sparse array", list(1, bytes(u32(0xf993fac9), u32(1))), "sparse"],
  ])("%s is refused", async (_, content, message) => {
    const error = await refusal(content);
    expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(error.message).toContain(message);
  });
});

test.each<[string, Buffer, string]>([
  ["an empty file", Buffer.alloc(0), "it is empty"],
  ["a pickle of another program", program(tuple(text("hello"))), "torch.save did not write it"],
  ["a picture", Buffer.from("\x89PNG\r\n\x1a\n and so on", "latin1"), "none of the known containers"],
])("%s is refused", async (_, content, message) => {
  const error = await refusal(content);
  expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
  expect(error.message).toContain(message);
  expect(error.details["path"]).toContain("weights.bin");
});

test("a file that is not there, and a folder", async () => {
  await expect(inspectWeights(path.join(folder, "none.pth"))).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  await expect(inspectWeights(folder)).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  await expect(inspectWeights(7 as unknown as string)).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
});

describe("a safetensors header whose length is another container's mark", () => {
  // 0x112 begins an MXNet list; 0x80 and a protocol number begin a pickle.
  test.each([0x112, 0x280, 0x480, 0x180])("of %i bytes is read as what it is", async (length) => {
    const entry = { w: { dtype: "F32", shape: [2], data_offsets: [0, 8] } };
    const bare = JSON.stringify({ __metadata__: { note: "" }, ...entry }).length;
    const header = JSON.stringify({ __metadata__: { note: "x".repeat(length - bare) }, ...entry });
    expect(header).toHaveLength(length);
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(BigInt(length));
    const file = path.join(folder, `header-${length}.safetensors`);
    await writeFile(file, Buffer.concat([start, Buffer.from(header), Buffer.from(Float32Array.of(1, 2).buffer)]));
    const { container, tensors } = await inspectWeights(file);
    expect(container).toBe("safetensors");
    expect(tensors.get("w")).toMatchObject({ shape: [2], sum: 3 });
  });
});

describe("a file that is something else is named as what it is, with what to do", () => {
  const lfs = `version https://git-lfs.github.com/spec/v1\noid sha256:${"a".repeat(64)}\nsize 14212972\n`;
  const index = {
    metadata: {},
    weight_map: { a: "m-1-of-2.safetensors", b: "m-2-of-2.safetensors", c: "m-1-of-2.safetensors" },
  };
  const page = "<html><head><title>\n Google Drive - Virus scan warning</title></head></html>";
  const zipped = (name: string): Buffer => zip([{ name, data: Buffer.from("x"), method: 8 }]);
  test.each<[string, Buffer | string, RegExp]>([
    ["a Git LFS pointer", lfs, /a Git LFS pointer, .*\(of 14212972 bytes\); run git lfs pull/],
    [
      "a web page",
      `\n<!DOCTYPE html>${page}`,
      /a web page \("Google Drive - Virus scan warning"\), not weights.*Download/,
    ],
    ["a web page in capitals", "<HTML><BODY>Sign in", /a web page, not weights/],
    [
      "an error of a server in JSON",
      '{"message":"Not Found"}',
      /JSON text .*: \{"message":"Not Found"\}.*download it again/,
    ],
    [
      "an error of a server in XML",
      "\ufeff<?xml version='1.0'?><Error>AccessDenied</Error>",
      /XML text .*AccessDenied/,
    ],
    ["other text", "404: Not Found", /it is text and none of the known containers .*: 404: Not Found/],
    [
      "the index of a sharded checkpoint",
      JSON.stringify(index),
      /index of a checkpoint in several files.*m-1-of-2\.safetensors, m-2-of-2/,
    ],
    ["a file of gzip", bytes(0x1f, 0x8b, 8, 0), /compressed with gzip.*; unpack it with gunzip/],
    ["a file of xz", bytes(0xfd, "7zXZ", 0, 0), /compressed with xz/],
    ["a file of zstd", bytes(0x28, 0xb5, 0x2f, 0xfd), /compressed with zstd/],
    ["a 7-Zip archive", bytes("7z", 0xbc, 0xaf, 0x27, 0x1c), /a 7-Zip archive.*unpack it/],
    ["weights of Keras", bytes(0x89, "HDF\r\n\x1a\n"), /an HDF5 file, as Keras writes weights/],
    ["a NumPy array", bytes(0x93, "NUMPY", 1, 0), /a NumPy array/],
    ["a download that was not finished", Buffer.alloc(9000), /nothing but zeros.*get it again/],
    ["a zip archive around weights", zipped("mobilenet.pth"), /no data\.pkl inside, but mobilenet\.pth: unpack it/],
    ["an archive of NumPy", zipped("arr_0.npy"), /a NumPy archive \(\.npz\)/],
    ["a checkpoint packed with a folder around it", zipped("w/plain/data.pkl"), /but w\/plain\/data\.pkl: .*zip -0 -r/],
    ["a program of torch.export", zipped("x/serialized_exported_program.json"), /a program of torch\.export/],
    ["an empty zip archive", bytes("PK\x05\x06", Buffer.alloc(18)), /an empty zip archive/],
  ])("%s", async (_, content, message) => {
    const error = await refusal(Buffer.from(content));
    expect(error).toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(error.message).toMatch(message);
    expect(error.message).toContain("weights.bin: it ");
  });

  test("a TorchScript program, whose source text is compressed", async () => {
    const saved = program(dictionary(text("a"), tensor()));
    const error = await refusal(
      zip([
        { name: "m/data.pkl", data: saved },
        { name: "m/code/__torch__/net.py", data: Buffer.from("x"), method: 8 },
        { name: "m/constants.pkl", data: saved },
      ]),
    );
    expect(error.message).toMatch(
      /it is a TorchScript program, not a state dict; .*torch\.jit\.load\(FILE\)\.state_dict\(\)/,
    );
  });

  test("an unpacked checkpoint", async () => {
    const unpacked = path.join(folder, "unpacked");
    await mkdir(path.join(unpacked, "archive"), { recursive: true });
    await expect(inspectWeights(unpacked)).rejects.toThrow(/it is a folder, not a plain file$/);
    await writeFile(path.join(unpacked, "archive", "data.pkl"), "");
    for (const place of [unpacked, path.join(unpacked, "archive")]) {
      await expect(inspectWeights(place)).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
      await expect(inspectWeights(place)).rejects.toThrow(/an unpacked PyTorch checkpoint.*zip -0 -r/);
    }
  });
});
