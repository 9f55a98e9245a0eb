/** Manifest and description of a labelling, kept up with its journal. */
import { WsssError } from "../errors.js";
import type { LabelState } from "./label-state.js";
import type { LabelsCopy, LabelledDataset, LabelsToWrite } from "./labelled-dataset.js";

/** Writes both again whenever something was labelled, one time after the other. */
export class LabelFiles {
  readonly #dataset: LabelledDataset;
  readonly #state: LabelState;
  readonly #onFault: (error: unknown) => void;
  /** Names of the classes as the files had them when they were opened, by id. */
  readonly #first = new Map<string, string>();
  #saving: Promise<void> | undefined;
  #isDue = false;
  #problem: string | null = null;
  #hasBegun = false;

  constructor(dataset: LabelledDataset, state: LabelState, onFault: (error: unknown) => void) {
    this.#dataset = dataset;
    this.#state = state;
    this.#onFault = onFault;
  }

  /** What a page should say of files that could not be written; null if all is well. */
  get problem(): string | null {
    return this.#problem;
  }

  /** @param written - id and name of the classes that the files have. */
  begin(written: readonly (readonly [id: string, name: string])[]): void {
    for (const [id, name] of written) this.#first.set(id, name);
    this.#hasBegun = true;
    this.save();
  }

  /** Writes a copy of both as they should be now. @throws WsssError `WSSS_ERR_IO` */
  async writeCopy(name: string): Promise<LabelsCopy> {
    return await this.#dataset.writeCopy(this.#labels(), name);
  }

  /** Writes both, as soon as what is being written is written: the journal has all that they have. */
  save(): void {
    if (!this.#hasBegun) return;
    this.#isDue = true;
    this.#saving ??= this.#saveWhileDue().finally(() => (this.#saving = undefined));
  }

  /** Resolves when both are as the journal. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  async #saveWhileDue(): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false;
      try {
        await this.#dataset.save(this.#labels());
        this.#problem = null;
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        // The page must not tell where files lie.
        this.#problem = "The manifest could not be written; the program says why. No label is lost.";
        const message = `labels are safe in the journal, but not in the manifest: ${problem}`;
        this.#onFault(new WsssError("WSSS_ERR_IO", message, {}, { cause: error }));
      }
    }
  }

  #labels(): LabelsToWrite {
    const { classes, count } = this.#state;
    const renamed = classes.flatMap(({ id, name }) => {
      const before = this.#first.get(id);
      return before === undefined || before === name ? [] : [[before, name] as const];
    });
    return {
      classes: classes.map(({ name, colour }) => ({ name, colour })),
      renamed: new Map(renamed),
      shown: Array.from({ length: count }, (_, position) => this.#shownBy(position)),
    };
  }

  /** Names of the classes that a patch shows; null if it is not labelled. */
  #shownBy(position: number): string[] | null {
    const state = this.#state;
    if (!state.isLabelled(position) || state.isUnsure(position)) return null;
    return state.classes.filter(({ id }) => state.answer(position, id) === 1).map(({ name }) => name);
  }
}
