/** Which cells an ablation trains, and why the others are refused or left out with a note. */
import type { Split } from "../dataset/split.js";
import { WsssError } from "../errors.js";
import type { PlanSections } from "../run/plan.js";
import { mosaicPieces, mosaicShare } from "../segmenter/mosaic-share.js";
import { nearestName } from "../text/nearest-name.js";
import { type Cell, cellsOf, levelsOfPlan, wholeMethod } from "./cells.js";

/** What is known when cells are chosen. */
export interface CellQuestion {
  readonly plan: PlanSections;
  readonly train: Pick<Split, "hasMasks" | "files" | "classes" | "dataset">;
  /** Names of the cells wanted. @defaultValue all */
  readonly only?: readonly string[] | undefined;
}

/** The cells of an ablation, and why others are not among them. */
export interface CellChoice {
  readonly cells: readonly Cell[];
  /** One sentence for each cell that was left out without anybody's wish. */
  readonly notes: readonly string[];
}

/** Why a cell can't be had, or would be another one once more. */
interface Objection {
  readonly code: "WSSS_ERR_OPTION" | "WSSS_ERR_DATASET";
  readonly reason: string;
}

function isPublished({ classifier, pseudoMasks, segmenter, evaluation }: PlanSections): boolean {
  const parts = [classifier.training, pseudoMasks, segmenter.training, evaluation];
  return parts.every(({ recipe }) => recipe === "published");
}

function objectionTo({ name }: Cell, { plan, train }: CellQuestion): Objection | undefined {
  const same = (reason: string): Objection => ({ code: "WSSS_ERR_OPTION", reason });
  if (name === "full-supervision") {
    return train.hasMasks ? undefined : { code: "WSSS_ERR_DATASET", reason: "the train patches have no true masks" };
  }
  if (name === "no-pda") {
    const { pdaStartEpoch, epochs } = plan.classifier.training;
    if (pdaStartEpoch !== "never" && pdaStartEpoch < epochs) return undefined;
    return same(`multi-layer has no PDA either (${epochs} epochs, PDA from epoch ${pdaStartEpoch}, counted from 0)`);
  }
  if (name === "no-mosaics") {
    const { training, masks } = plan.segmenter;
    const { share, reason } = mosaicShare("ablate", train, training.mosaic, masks);
    return share > 0 ? undefined : same(`multi-layer has none either (${reason})`);
  }
  if (name === "mosaics") {
    const { training, rounds = 0 } = plan.segmenter;
    if (training.mosaic === 1 && rounds === 0) return same("multi-layer has no other patches either");
    return objectionToMosaics(train);
  }
  if (name === "self-training") {
    return (plan.segmenter.rounds ?? 0) > 0 ? same("multi-layer learns in rounds too") : undefined;
  }
  if (name === "published") return isPublished(plan) ? same("all cells have the recipe published") : undefined;
  const single = name !== wholeMethod;
  return single && levelsOfPlan(plan).length === 1 ? same("multi-layer has that one level only") : undefined;
}

function objectionToMosaics(train: CellQuestion["train"]): Objection | undefined {
  const pieces = mosaicPieces(train);
  const missing = (pieces?.counts ?? []).filter(({ count }) => count === 0).map(({ name }) => name);
  if (pieces === null || missing.length === 0) return undefined;
  return { code: "WSSS_ERR_DATASET", reason: `of ${pieces.words} there is none of ${missing.join(", nor of ")}` };
}

function assertKnown(only: readonly string[], known: readonly string[]): void {
  const unknown = only.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const meant = nearestName(unknown, known);
  const hint = meant === undefined ? `cells are ${known.join(", ")}` : `did you mean ${meant}?`;
  throw new WsssError("WSSS_ERR_OPTION", `there is no cell ${unknown}; ${hint}`, { option: "only", received: unknown });
}

/**
 * The cells to train. One that can't be had or would repeat `multi-layer` is left out with a note, unless it was asked for by name.
 * @throws WsssError `WSSS_ERR_OPTION` for a name that no cell has, or a named cell that would repeat another;
 *   `WSSS_ERR_DATASET` for `full-supervision` by name without true masks of the train patches, and for `mosaics` where labels do not
 *   allow them.
 */
export function chooseCells(question: CellQuestion): CellChoice {
  const all = cellsOf(question.plan);
  const { only } = question;
  if (only !== undefined) {
    assertKnown(
      only,
      all.map(({ name }) => name),
    );
  }
  const cells: Cell[] = [];
  const notes: string[] = [];
  for (const cell of all) {
    if (only?.includes(cell.name) === false) continue;
    const objection = objectionTo(cell, question);
    if (objection === undefined) {
      cells.push(cell);
      continue;
    }
    if (only !== undefined) {
      const message = `${cell.name} can't be done: ${objection.reason}`;
      throw new WsssError(objection.code, message, { option: "only", cell: cell.name });
    }
    notes.push(`${cell.name} is left out: ${objection.reason}`);
  }
  return { cells, notes };
}
