// Golden cases: reading them, and comparing tensors and numbers within their tolerances.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { GoldenTensor } from "./safetensors.js";
import { readGoldenTensors, values } from "./safetensors.js";
import type { Workspace } from "./test-addon.js";

/** How close a tensor must be; see "conventions" in the manifest. */
export interface Tolerance {
  readonly atol?: number;
  readonly rtol?: number;
  readonly rel_l2?: number;
  readonly exact?: boolean;
  readonly exact_except_ambiguous?: boolean;
}

export interface TensorEntry {
  readonly role: "input" | "expected";
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly stride_per_dim?: readonly number[];
  readonly tol?: Tolerance;
}

export interface CheckEntry {
  readonly mean: number;
  readonly std: number;
  readonly absmax: number;
  readonly samples: readonly (readonly [number, number])[];
  readonly tol?: Tolerance;
}

export type Loose = any;

/** One case of a manifest, with the folder it lies in. */
export interface GoldenCase {
  readonly id: string;
  readonly title: string;
  readonly file: string | null;
  readonly tensors?: Readonly<Record<string, TensorEntry>>;
  readonly checks?: Readonly<Record<string, CheckEntry>>;
  readonly [field: string]: Loose;
}

export interface GoldenFolder {
  readonly folder: string;
  readonly manifest: {
    readonly split: string;
    readonly weight_tag: string;
    readonly rules: Loose;
    readonly cases: readonly GoldenCase[];
  };
}

/**
 * $WSSS_GOLDEN_DIR alone if set, else the fixtures and, where it is, ../shared/golden/dev. A case of the same id, split and weights in
 * two folders is the same case: it runs once, since the full-size ones take minutes.
 */
export async function goldenFolders(root: string): Promise<GoldenFolder[]> {
  const asked = process.env["WSSS_GOLDEN_DIR"];
  const candidates = asked
    ? [asked]
    : [join(root, "test/fixtures/golden"), join(root, "../shared/golden/dev")].filter((folder) =>
        existsSync(join(folder, "manifest.json")),
      );
  const seen = new Set<string>();
  const folders: GoldenFolder[] = [];
  for (const folder of candidates) {
    const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as GoldenFolder["manifest"];
    const keyOf = ({ id }: GoldenCase): string => [manifest.split, manifest.weight_tag, id].join(" ");
    const cases = manifest.cases.filter((golden) => !seen.has(keyOf(golden)));
    for (const golden of cases) seen.add(keyOf(golden));
    folders.push({ folder, manifest: { ...manifest, cases } });
  }
  return folders;
}

/** The tensors of a case's file; none for a case without one. */
export async function caseTensors(folder: string, golden: GoldenCase): Promise<Map<string, GoldenTensor>> {
  return golden.file === null ? new Map() : await readGoldenTensors(join(folder, golden.file));
}

/** Why `found` is not `expected`, or nothing. */
export function difference(
  name: string,
  found: GoldenTensor,
  expected: GoldenTensor,
  tolerance: Tolerance,
  ambiguous: ReadonlySet<number> = new Set(),
): string | undefined {
  const a = values(found);
  const b = values(expected);
  if (a.length !== b.length) return `${name}: ${a.length} values, expected ${b.length}`;
  const exact = tolerance.exact === true || tolerance.exact_except_ambiguous === true;
  const bound = (value: number): number =>
    exact ? 0 : (tolerance.atol ?? 0) + (tolerance.rtol ?? 0) * Math.abs(value);
  let worst = { excess: 0, index: -1 };
  let squaredError = 0;
  let squaredNorm = 0;
  for (let i = 0; i < b.length; i++) {
    const x = a[i] as number;
    const g = b[i] as number;
    if (Object.is(x, g) || (Number.isNaN(x) && Number.isNaN(g)) || ambiguous.has(i)) continue;
    squaredError += (x - g) ** 2;
    squaredNorm += g ** 2;
    const excess = Math.abs(x - g) - bound(g);
    if (!(excess <= 0) && !(excess <= worst.excess)) worst = { excess, index: i };
  }
  for (let i = 0; i < b.length; i++) if (Object.is(a[i], b[i])) squaredNorm += (b[i] as number) ** 2;
  const relative = squaredNorm > 0 ? Math.sqrt(squaredError / squaredNorm) : Math.sqrt(squaredError);
  if (tolerance.rel_l2 !== undefined && relative > tolerance.rel_l2 && squaredNorm > 0) {
    return `${name}: relative L2 error ${relative.toExponential(2)} above ${tolerance.rel_l2}`;
  }
  if (worst.index >= 0) {
    return `${name}[${worst.index}]: ${a[worst.index]}, expected ${b[worst.index]} within ${bound(b[worst.index] as number)}`;
  }
  return undefined;
}

/** Collects the differences of one case, so that a failure shows all of them. */
export class Comparison {
  readonly problems: string[] = [];
  compared = 0;

  note(problem: string | undefined): void {
    this.compared++;
    if (problem !== undefined) this.problems.push(problem);
  }

  /** Compares every expected tensor whose name passes `wanted` with the workspace tensor that `nameOf` gives. */
  tensors(
    workspace: Workspace,
    golden: GoldenCase,
    expected: ReadonlyMap<string, GoldenTensor>,
    wanted: (name: string) => boolean,
    nameOf: (name: string) => string = (name) => name,
    ambiguousOf: (name: string) => readonly number[] = () => [],
  ): void {
    for (const [name, entry] of Object.entries(golden.tensors ?? {})) {
      if (entry.role !== "expected" || !wanted(name)) continue;
      const found = workspace.get(nameOf(name), entry.stride_per_dim);
      const reference = expected.get(name);
      if (reference === undefined) throw new Error(`the file of ${golden.id} lacks ${name}`);
      this.note(difference(name, found, reference, entry.tol ?? { exact: true }, new Set(ambiguousOf(name))));
    }
  }

  /** Compares the statistics of full tensors. */
  checks(
    workspace: Workspace,
    golden: GoldenCase,
    wanted: (name: string) => boolean,
    nameOf: (name: string) => string = (name) => name,
  ): void {
    for (const [name, check] of Object.entries(golden.checks ?? {})) {
      if (!wanted(name)) continue;
      const stats = workspace.stats(
        nameOf(name),
        check.samples.map(([index]) => index),
      );
      const atol = check.tol?.atol ?? 1e-12;
      const compare = (what: string, x: number, g: number): void => {
        this.note(Math.abs(x - g) <= atol ? undefined : `${name} ${what}: ${x}, expected ${g} within ${atol}`);
      };
      compare("mean", stats.mean, check.mean);
      compare("std", stats.std, check.std);
      compare("absmax", stats.absmax, check.absmax);
      check.samples.forEach(([index, g], i) => compare(`[${index}]`, stats.samples[i] as number, g));
    }
  }

  /** Compares plain numbers; the strings "nan" and "inf" of the manifest are understood. */
  number(what: string, found: number, expected: number | string, atol: number): void {
    const g = typeof expected === "number" ? expected : { nan: NaN, inf: Infinity, "-inf": -Infinity }[expected];
    const same = Object.is(found, g) || Math.abs(found - (g as number)) <= atol;
    this.note(same ? undefined : `${what}: ${found}, expected ${expected} within ${atol}`);
  }

  /** Throws with every difference found; a case that compared nothing is a failure too. */
  finish(): void {
    if (this.compared === 0) throw new Error("nothing was compared");
    if (this.problems.length > 0) {
      throw new Error(
        `${this.problems.length} of ${this.compared} comparisons differ:\n${this.problems.slice(0, 20).join("\n")}`,
      );
    }
  }
}
