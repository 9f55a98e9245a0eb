// A folder of small pictures for tests of labelling, and what they show.
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp from "sharp";
import type { LabelChange, LabelProgress, LabelTask } from "../../dist/labelling/label-facts.js";
import type { PlanOptions } from "../../dist/run/plan-options.js";
import type { Labelling } from "../../dist/labelling/labelling.js";

/** The two classes. */
export const pictureClasses = ["stripes", "dots"] as const;

/** What a picture shows, by its number: stripes, dots, both or neither. */
export function truthOf(number: number): readonly [0 | 1, 0 | 1] {
  return [(number % 2) as 0 | 1, (Math.floor(number / 2) % 2) as 0 | 1];
}

/** The number in the name of a picture. */
export function numberIn(name: string): number {
  return Number(/\d+/.exec(path.basename(name))?.[0]);
}

/** Draws pictures of 64 px, `p000.png` and so on, into a new folder. */
export async function drawLabelPictures(count: number): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "labels-"));
  const side = 64;
  for (let number = 0; number < count; number += 1) {
    const [stripes, dots] = truthOf(number);
    const rgb = Buffer.alloc(side * side * 3);
    for (let y = 0; y < side; y += 1) {
      for (let x = 0; x < side; x += 1) {
        const base = 200 + ((x * 7 + y * 13 + number * 29) % 23);
        const isStripe = stripes === 1 && (x + number) % 8 < 4;
        const isDot = dots === 1 && ((x + number) % 12) ** 2 + ((y + number) % 12) ** 2 < 20;
        const colour = isDot ? [40, 60, 160] : isStripe ? [190, 90, 130] : [base, base - 30, base];
        rgb.set(colour, 3 * (y * side + x));
      }
    }
    await sharp(rgb, { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(path.join(folder, `p${String(number).padStart(3, "0")}.png`));
  }
  return folder;
}

/** The right answers to a task, by ids of classes. */
export function rightAnswers(task: LabelTask, classes: LabelProgress["classes"]): Record<string, 0 | 1> {
  const truth = truthOf(numberIn(task.name));
  return Object.fromEntries(classes.slice(0, 2).map(({ id }, k) => [id, truth[k] ?? 0]));
}

/** The change that answers a task. */
export function changeOf(task: LabelTask, answers: Readonly<Record<string, 0 | 1>>, isUnsure = false): LabelChange {
  return { patch: task.patch, revision: task.revision, answers, isUnsure, wasPrefilled: task.suggested !== null };
}

let requests = 0;

/** Labels a patch right, as the next request. */
export async function labelRight(labelling: Labelling, task: LabelTask): Promise<LabelProgress> {
  const changes = [changeOf(task, rightAnswers(task, labelling.classes))];
  const request = `of-the-test-${(requests += 1)}`;
  const outcome = await labelling.commit({ request, mode: "single", seconds: 1, changes });
  if ("conflict" in outcome) throw new Error(`${task.name} was labelled meanwhile`);
  return outcome;
}

/** Networks so small that all stages are trained in seconds. */
export const tinyPlan: PlanOptions = {
  seed: 1,
  classifier: { width: 1 / 16, training: { epochs: 2, batchSize: 8, learningRate: 0.05 } },
  segmenter: { width: 1 / 16, training: { epochs: 2, batchSize: 8, learningRate: 0.05 } },
};
