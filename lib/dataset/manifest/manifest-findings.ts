/** The problems of a manifest's rows by kind, and the one error that tells them all. */
import { type FileProblem, groupedError } from "../file-problems.js";

/** Kinds of things that can be wrong with the rows of a manifest, in the order of their report. */
export const manifestProblems = [
  "row",
  "image",
  "slide",
  "mask",
  "repeated",
  "stem",
  "label",
  "class",
  "split",
  "patient",
] as const;

/** One of {@link manifestProblems}. */
export type ManifestProblem = (typeof manifestProblems)[number];

/** Everything that is wrong with the rows of a manifest, gathered so that one error can say it all. */
export class ManifestFindings {
  readonly #findings = new Map<ManifestProblem, FileProblem[]>();

  /** @param where - row, class or patient that has the problem. */
  add(kind: ManifestProblem, where: string, problem: string): void {
    const ofKind = this.#findings.get(kind) ?? [];
    ofKind.push({ file: where, problem });
    this.#findings.set(kind, ofKind);
  }

  /** How many findings of a kind there are. */
  count(kind: ManifestProblem): number {
    return this.#findings.get(kind)?.length ?? 0;
  }

  /** All of them, in the order of {@link manifestProblems}. */
  all(): readonly { readonly kind: ManifestProblem; readonly where: string; readonly problem: string }[] {
    return manifestProblems.flatMap((kind) =>
      (this.#findings.get(kind) ?? []).map(({ file, problem = kind }) => ({ kind, where: file, problem })),
    );
  }

  /** @throws WsssError `WSSS_ERR_DATASET` if there is any; `details.kinds` counts them. */
  throwIfAny(path: string, rowCount: number): void {
    if (this.#findings.size === 0) return;
    const groups = manifestProblems.flatMap((kind) => {
      const findings = this.#findings.get(kind);
      return findings === undefined ? [] : [{ kind, findings }];
    });
    const count = groups.reduce((sum, { findings }) => sum + findings.length, 0);
    const heading = `manifest ${path} has ${count} ${count === 1 ? "problem" : "problems"} in ${rowCount} rows`;
    throw groupedError(heading, groups, "docs/own-data.md says what a manifest may hold", { path, rows: rowCount });
  }
}
