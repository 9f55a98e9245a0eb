/** A reporter for one cell of an ablation, which says nothing about the stages that its run skips. */
import type { EpochNotice, RunReporter, StageProgress } from "../run/reporter.js";
import type { StageName } from "../text/stage-names.js";

/**
 * Passes on what a cell's run reports, under a heading, but for the stages that it skips: of a table that is nearly done they would
 * be nearly all that is said.
 */
export class CellReporter implements RunReporter {
  readonly #reporter: RunReporter;
  readonly #heading: string;
  #stage: StageName | undefined;

  /** @param heading - said before the first stage that is not skipped. */
  constructor(reporter: RunReporter, heading: string) {
    this.#reporter = reporter;
    this.#heading = heading;
  }

  /** The stage that was begun last; undefined if none was, since all were done before. */
  get stage(): StageName | undefined {
    return this.#stage;
  }

  stageStarted(stage: StageName, reason: string): void {
    if (this.#stage === undefined) this.#reporter.note(this.#heading);
    this.#stage = stage;
    this.#reporter.stageStarted(stage, reason);
  }

  stageSkipped(): void {
    // The cell says so as a whole.
  }

  stageFinished(stage: StageName, elapsedMs: number): void {
    this.#reporter.stageFinished(stage, elapsedMs);
  }

  progress(progress: StageProgress): void {
    this.#reporter.progress(progress);
  }

  epoch(notice: EpochNotice): void {
    this.#reporter.epoch(notice);
  }

  note(text: string): void {
    this.#reporter.note(text);
  }

  warn(text: string): void {
    this.#reporter.warn(text);
  }
}
