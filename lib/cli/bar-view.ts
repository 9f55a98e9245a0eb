/** A run shown on a terminal: a progress bar, with stages, epochs and warnings as lines above it. */
import { SingleBar } from "cli-progress";
import type { EpochNotice, RunReporter, StageProgress } from "../run/reporter.js";
import { type StageName, stageTitles } from "../text/stage-names.js";
import { formatDuration } from "../text/duration.js";
import { printable } from "../text/printable.js";
import { type Clock, RateMeter } from "./rate.js";
import type { Terminal } from "./terminal.js";

/** Shows a run as one progress bar at the foot of a terminal, with the finished epochs and stages above it. */
export class BarView implements RunReporter {
  readonly #terminal: Terminal;
  readonly #now: Clock;
  #bar: SingleBar | undefined;
  #rate: RateMeter;

  constructor(terminal: Terminal, now: Clock) {
    this.#terminal = terminal;
    this.#now = now;
    this.#rate = new RateMeter(now);
  }

  stageStarted(stage: StageName, reason: string): void {
    this.#rate = new RateMeter(this.#now);
    this.#print(`${stage}: ${stageTitles[stage]} (${reason})`);
  }

  stageSkipped(stage: StageName): void {
    this.#print(`${stage}: already done, skipped`);
  }

  stageFinished(stage: StageName, elapsedMs: number): void {
    this.#print(`${stage}: done in ${formatDuration(elapsedMs)}`);
  }

  progress(progress: StageProgress): void {
    const { perSecond, leftMs } = this.#rate.update(progress.done, progress.total);
    const shown = {
      label: printable(progress.label),
      speed: perSecond > 0 ? `${perSecond.toFixed(1)} img/s` : "",
      left: leftMs === undefined ? "" : `${formatDuration(leftMs)} left`,
      loss: progress.loss === undefined ? "" : `loss ${progress.loss.toFixed(4)}`,
    };
    const bar = this.#bar ?? this.#openBar(progress, shown);
    bar.setTotal(progress.total);
    bar.update(progress.done, shown);
  }

  epoch(notice: EpochNotice): void {
    this.#print(`  epoch ${notice.epoch}/${notice.epochs}  ${notice.text}`);
  }

  note(text: string): void {
    this.#print(text);
  }

  warn(text: string): void {
    this.#print(`warning: ${text}`);
  }

  /** Takes the bar away; the next progress opens a new one. */
  close(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }

  #openBar({ done, total }: StageProgress, shown: object): SingleBar {
    const bar = new SingleBar({
      stream: this.#terminal.stderr,
      format: "  {bar} {percentage} %  {label}  {speed}  {left}  {loss}",
      barCompleteChar: "#",
      barIncompleteChar: ".",
      barsize: 24,
      fps: 5,
      hideCursor: true,
      clearOnComplete: true,
      // The program has its own way to stop; cli-progress must not install a second one.
      gracefulExit: false,
    });
    bar.start(total, done, shown);
    this.#bar = bar;
    return bar;
  }

  /** The bar gives way to a line, and comes back below it with the next progress. */
  #print(text: string): void {
    this.close();
    this.#terminal.stderr.write(`${text}\n`);
  }
}
