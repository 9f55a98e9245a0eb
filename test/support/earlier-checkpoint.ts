/** Checkpoints as they were written before their histories had named columns. */
import { readFile, writeFile } from "node:fs/promises";

interface Entry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Buffer;
}

const columns = {
  classifier: {
    meters: ["patches", "exactMatchSum", "jaccardSum", "classCorrect"],
    steps: ["epoch", "loss", "learningRate", "patches", "elapsedMs", "exactMatch", "jaccard"],
    epochs: ["meanLoss", "elapsedMs", "best", "exactMatch", "jaccard", "classAccuracy"],
  },
  segmenter: {
    meters: [],
    steps: ["epoch", "loss", "learningRate", "patches", "elapsedMs"],
    epochs: ["meanLoss", "elapsedMs", "best", "confusion"],
  },
} as const;

const numbersOf = ({ data }: Entry): number[] =>
  Array.from({ length: data.length / 8 }, (_, index) => data.readDoubleLE(8 * index));

/** Rows of the columns that are there, side by side. */
function joined(entries: ReadonlyMap<string, Entry>, prefix: string, names: readonly string[]): Entry {
  const found = names.flatMap((name) => entries.get(prefix + name) ?? []);
  const rows = found[0]?.shape[0] ?? 0;
  const width = found.reduce((sum, { shape }) => sum + (shape[1] ?? 0), 0);
  const values = Array.from({ length: rows }, (_, row) =>
    found.flatMap((entry) => numbersOf(entry).slice(row * entry.shape[1]!, (row + 1) * entry.shape[1]!)),
  ).flat();
  const data = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => data.writeDoubleLE(value, 8 * index));
  return { dtype: "F64", shape: [rows, width], data };
}

/** Rewrites a checkpoint of a training in the earlier layout: rows of numbers, in an order that only the program knew. */
export async function rewriteAsEarlier(file: string, stage: keyof typeof columns): Promise<void> {
  const bytes = await readFile(file);
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
  const { __metadata__, ...header } = JSON.parse(bytes.subarray(8, start).toString()) as Header & {
    __metadata__: Record<string, string>;
  };
  const entries = new Map<string, Entry>();
  for (const [name, { dtype, shape, data_offsets }] of Object.entries(header)) {
    const [begin, end] = data_offsets;
    entries.set(name, { dtype, shape, data: bytes.subarray(start + begin, start + end) });
  }
  const names = columns[stage];
  const meters = names.meters.flatMap((name) => numbersOf(entries.get(`meters.${name}`)!));
  const history = {
    "history.steps": joined(entries, "steps.", names.steps),
    "history.epochs": joined(entries, "epochs.", names.epochs),
  };
  const kept = [...entries].filter(([name]) => !/^(meters|steps|epochs)\./.test(name));
  const earlier = [...kept, ...Object.entries(history)];
  let offset = 0;
  const described = earlier.map(([name, { dtype, shape, data }]) => {
    const range = [offset, (offset += data.length)];
    return [name, { dtype, shape, data_offsets: range }] as const;
  });
  const text = JSON.stringify({
    __metadata__: { ...__metadata__, meters: meters.join(" ") },
    ...Object.fromEntries(described),
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)));
  await writeFile(file, Buffer.concat([length, Buffer.from(text), ...earlier.map(([, { data }]) => data)]));
}
