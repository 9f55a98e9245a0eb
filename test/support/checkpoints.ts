/** Checkpoints with real networks in them, written without Python. */
import { bytes, call, dictionary, global, integer, tensor, text, torchZip, tuple } from "./pickles.js";
import type { GoldenTensor } from "./safetensors.js";

/** Tensors by name. */
export type Tensors = ReadonlyMap<string, GoldenTensor>;

/** Collects the storages of what is written into one file. */
export class CheckpointWriter {
  readonly #storages = new Map<GoldenTensor, string>();

  /** A tensor as torch.save writes it. */
  tensor(value: GoldenTensor): Buffer {
    let key = this.#storages.get(value);
    if (key === undefined) this.#storages.set(value, (key = String(this.#storages.size)));
    const count = value.shape.reduce((product, extent) => product * extent, 1);
    const strides = value.shape.map((_, axis) => value.shape.slice(axis + 1).reduce((product, n) => product * n, 1));
    const storage = value.dtype === "int64" ? "LongStorage" : "FloatStorage";
    return tensor({ key, storage, count, shape: value.shape, strides });
  }

  /** The entries of a state dict, under other names: null leaves one out. */
  entries(tensors: Tensors, rename: (name: string) => string | null = (name) => name): Buffer[] {
    return [...tensors].flatMap(([name, value]) => {
      const theirs = rename(name);
      return theirs === null ? [] : [text(theirs), this.tensor(value)];
    });
  }

  stateDict(tensors: Tensors, rename?: (name: string) => string | null): Buffer {
    return dictionary(...this.entries(tensors, rename));
  }

  /** The file, as PyTorch 1.6 and later writes it. */
  file(saved: Buffer): Buffer {
    const storages = [...this.#storages].map(([value, key]) => [key, Buffer.from(value.data)] as const);
    return torchZip(saved, { "0": Buffer.alloc(16), ...Object.fromEntries(storages) });
  }
}

/** A tensor of a few floats that is no weight. */
export const smallTensor = (...numbers: readonly number[]): GoldenTensor => ({
  dtype: "float32",
  shape: [numbers.length],
  data: Float32Array.from(numbers).buffer,
});

/** An object of a Python class with attributes, as pickles of protocol 2 write it. */
export const object = (module: string, name: string, ...attributes: readonly Buffer[]): Buffer =>
  bytes(global(module, name), ")", 0x81, dictionary(...attributes), "b");

/** The state of an optimiser that has stepped once. */
export const optimizerState = (momentum: Buffer): Buffer =>
  dictionary(
    text("state"),
    dictionary(integer(0), dictionary(text("momentum_buffer"), momentum)),
    text("param_groups"),
    bytes("](", dictionary(text("lr"), bytes("G", Buffer.alloc(8))), "e"),
  );

const rebuild = (name: string, ...args: readonly Buffer[]): Buffer =>
  call(global("torch._utils", `_rebuild_${name}`), ...args);
const storageOf = (type: string, module = "torch"): Buffer =>
  bytes(tuple(text("storage"), global(module, type), text("0"), text("cpu"), integer(2)), "Q");
const size = tuple(integer(2));
const stride = tuple(integer(1));
const noHooks = call(global("collections", "OrderedDict"));
const no = bytes(0x89);

/** A tensor of an element type that has no storage class of its own, and how it is called. */
const untyped = (type: string): [string, Buffer] => [
  type,
  rebuild(
    "tensor_v3",
    storageOf("UntypedStorage", "torch.storage"),
    integer(0),
    size,
    stride,
    no,
    noHooks,
    global("torch", type),
  ),
];

/** Two numbers in every kind of tensor that is not read, and how it is called. */
export const unreadTensors: readonly (readonly [kind: string, pickled: Buffer])[] = [
  [
    "sparse",
    rebuild(
      "sparse_tensor",
      call(global("torch.serialization", "_get_layout"), text("torch.sparse_coo")),
      tuple(tensor(), tensor(), size),
    ),
  ],
  [
    "quantized",
    rebuild(
      "qtensor",
      storageOf("QInt8Storage"),
      integer(0),
      size,
      stride,
      tuple(global("torch", "per_tensor_affine"), integer(1), integer(0)),
      no,
      noHooks,
    ),
  ],
  ["meta (it has no values)", rebuild("meta_tensor_no_storage", global("torch", "float32"), size, stride, no)],
  ["complex64", rebuild("tensor_v2", storageOf("ComplexFloatStorage"), integer(0), size, stride, no, noHooks)],
  untyped("uint16"),
  untyped("float8_e4m3fn"),
  ["nested", rebuild("nested_tensor", tensor(), tensor(), tensor(), tensor())],
  [
    "a wrapper without values of its own",
    rebuild("wrapper_subclass", global("my.tensors", "Masked"), global("torch", "float32"), size, stride, integer(0)),
  ],
  [
    "of a device that only PyTorch knows",
    rebuild("device_tensor_from_numpy", global("numpy", "array"), global("torch", "float32"), text("xla"), no),
  ],
  [
    "of values that are negated or conjugated when they are read",
    rebuild(
      "tensor_v2",
      storageOf("FloatStorage"),
      integer(0),
      size,
      stride,
      no,
      noHooks,
      dictionary(text("neg"), bytes(0x88)),
    ),
  ],
];

/** A tensor of a subclass, or with attributes: the tensor inside a call. */
export const ofType = (function_: Buffer, type: Buffer, args: Buffer): Buffer =>
  call(global("torch._tensor", "_rebuild_from_type_v2"), function_, type, args, dictionary(text("tag"), text("keep")));
