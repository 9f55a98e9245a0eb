/** Pictures of what a segmenter in training makes of validation patches, epoch after epoch. */
import type { Split } from "../../dataset/split.js";
import type { ValidationPreview } from "../../model/training-events.js";
import { renderPanel } from "../../pictures/panel.js";
import type { RunContext } from "../context.js";
import type { BoardPicture } from "../training-board.js";
import { comparedCaptions, comparedRow, type PatchWithTruth, readPatchWithTruth } from "./compared-row.js";

/** Few enough that a hundred epochs stay below some tens of megabytes. */
export const picturesOfEpoch = 4;

/** Draws validation patches; each is read once. */
export class ValidationPictures {
  readonly #context: RunContext;
  readonly #split: Split;
  readonly #patches = new Map<number, PatchWithTruth | undefined>();

  constructor(context: RunContext, split: Split) {
    this.#context = context;
    this.#split = split;
  }

  /** A picture of each patch, in their order. @throws WsssError if one can't be read any more */
  async draw(previews: readonly ValidationPreview[]): Promise<BoardPicture[]> {
    const { classes, background } = this.#context.dataset;
    const pictures: BoardPicture[] = [];
    for (const { index, classMap } of previews) {
      const patch = await this.#patch(index);
      if (patch === undefined) continue;
      const row = comparedRow(patch, classMap);
      const png = await renderPanel({ captions: comparedCaptions("prediction"), rows: [row], classes, background });
      pictures.push({ name: `val/${this.#split.files[index]?.stem ?? index}`, png });
    }
    return pictures;
  }

  async #patch(index: number): Promise<PatchWithTruth | undefined> {
    if (!this.#patches.has(index)) {
      const { description } = this.#context.dataset;
      this.#patches.set(index, await readPatchWithTruth(this.#split.files[index], description, undefined));
    }
    return this.#patches.get(index);
  }
}
