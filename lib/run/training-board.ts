/** A training of a run in TensorBoard: what its events say, by step, without gap or double after a resumption. */
import type { EpochEvent, StepEvent } from "../model/training-events.js";
import { EventFile } from "../tensorboard/event-file.js";

/** The numbers of an event by their tags. */
type Numbers<Event> = (event: Event) => Readonly<Record<string, number | null | undefined>>;

/** A picture under its tag. */
export interface BoardPicture {
  readonly name: string;
  /** A file in RGB. */
  readonly png: Buffer;
}

/** How the events of a training become scalars. */
export interface BoardScalars<Step extends StepEvent, Epoch extends EpochEvent> {
  readonly ofStep: Numbers<Step>;
  readonly ofEpoch: Numbers<Epoch>;
}

/**
 * Writes the scalars and pictures of a training. What is reported again after a resumption lies in the files of before, which are
 * not touched: a new one follows, and says from which step on they no longer count. A training that begins anew removes them.
 */
export class TrainingBoard<Step extends StepEvent, Epoch extends EpochEvent> {
  readonly #file: EventFile;
  readonly #scalars: BoardScalars<Step, Epoch>;
  readonly #options: string;
  #step = 0;
  #isBegun = false;

  private constructor(file: EventFile, scalars: BoardScalars<Step, Epoch>, options: string) {
    this.#file = file;
    this.#scalars = scalars;
    this.#options = options;
  }

  /**
   * Opens a file for a training that begins or goes on.
   * @param folder - of this training's event files.
   * @param options - of the training, in Markdown.
   * @throws WsssError `WSSS_ERR_IO`
   */
  static async open<Step extends StepEvent, Epoch extends EpochEvent>(
    folder: string,
    scalars: BoardScalars<Step, Epoch>,
    options: string,
  ): Promise<TrainingBoard<Step, Epoch>> {
    return new TrainingBoard(await EventFile.create(folder), scalars, options);
  }

  /** Takes an event. @throws WsssError `WSSS_ERR_IO` */
  add(event: Step | Epoch): void {
    const isNew = !event.again;
    if (isNew && !this.#isBegun) this.#begin(event);
    if (event.kind === "step") this.#step = event.step;
    if (!isNew && this.#file.earlier > 0) return;
    if (event.kind === "step") this.#file.scalars(event.step, this.#scalars.ofStep(event));
    else this.#file.scalars(this.#step, this.#scalars.ofEpoch(event));
  }

  /** The step of the last event. */
  get step(): number {
    return this.#step;
  }

  /** Takes pictures of a step. @throws WsssError `WSSS_ERR_IO` */
  addPictures(step: number, pictures: readonly BoardPicture[]): void {
    for (const { name, png } of pictures) this.#file.picture(step, name, png);
  }

  /** At the first event that was not told before. */
  #begin(event: Step | Epoch): void {
    this.#isBegun = true;
    const isResumed = this.#step > 0;
    if (isResumed && this.#file.earlier > 0) this.#file.restartAt(event.kind === "step" ? event.step : this.#step + 1);
    if (!isResumed) this.#file.removeEarlier();
    this.#file.text(this.#step, "options", this.#options);
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }
}

/** Settings as a table of Markdown. */
export function settingsTable(settings: object): string {
  const rows = Object.entries(settings).map(([name, value]) => `| ${name} | ${JSON.stringify(value)} |`);
  return ["| Option | Value |", "| --- | --- |", ...rows].join("\n");
}
