/** A run shown as plain lines of text, with rates and times left, where stderr is no terminal. */
import type { EpochNotice, RunReporter, StageProgress } from "../run/reporter.js";
import { type StageName, stageTitles } from "../text/stage-names.js";
import { formatDuration } from "../text/duration.js";
import { printable } from "../text/printable.js";
import { type Clock, RateMeter } from "./rate.js";
import { talk, type Terminal } from "./terminal.js";

/** Shortest time between two progress lines, in milliseconds. */
const quietMs = 10_000;

/** Shows a run as plain lines: for log files, pipes and CI. One line an epoch, and progress at most every 10 seconds. */
export class LineView implements RunReporter {
  readonly #terminal: Terminal;
  readonly #now: Clock;
  #rate: RateMeter;
  #saidAt: number;

  constructor(terminal: Terminal, now: Clock) {
    this.#terminal = terminal;
    this.#now = now;
    this.#rate = new RateMeter(now);
    this.#saidAt = now();
  }

  stageStarted(stage: StageName, reason: string): void {
    this.#rate = new RateMeter(this.#now);
    this.#say(`${stage}: ${stageTitles[stage]} (${reason})`);
  }

  stageSkipped(stage: StageName): void {
    this.#say(`${stage}: already done, skipped`);
  }

  stageFinished(stage: StageName, elapsedMs: number): void {
    this.#say(`${stage}: done in ${formatDuration(elapsedMs)}`);
  }

  progress(progress: StageProgress): void {
    const { perSecond, leftMs } = this.#rate.update(progress.done, progress.total);
    if (this.#now() - this.#saidAt < quietMs) return;
    const percent = progress.total > 0 ? Math.floor((100 * progress.done) / progress.total) : 0;
    const parts = [printable(progress.label), `${percent} %`];
    if (perSecond > 0) parts.push(`${perSecond.toFixed(1)} img/s`);
    if (leftMs !== undefined) parts.push(`${formatDuration(leftMs)} left`);
    if (progress.loss !== undefined) parts.push(`loss ${progress.loss.toFixed(4)}`);
    this.#say(`${progress.stage}: ${parts.join(", ")}`);
  }

  epoch(notice: EpochNotice): void {
    this.#say(`${notice.stage}: epoch ${notice.epoch}/${notice.epochs}  ${notice.text}`);
  }

  note(text: string): void {
    this.#say(text);
  }

  warn(text: string): void {
    this.#terminal.stderr.write(`warning: ${text}\n`);
  }

  close(): void {
    // Lines need no closing.
  }

  #say(text: string): void {
    this.#saidAt = this.#now();
    talk(this.#terminal, text);
  }
}
