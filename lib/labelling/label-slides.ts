/** The slides that patches were cut from, segmented by what was learned, one after the other, in a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WsssError } from "../errors.js";
import type { Route } from "../server/loopback-server.js";
import { openSlide } from "../slide/open-slide.js";
import type { Slide } from "../slide/slide.js";
import { viewRoutes } from "../view/view-server.js";
import type { LabelSlide } from "./label-facts.js";
import type { LabelTraining } from "./label-training.js";
import type { LabelledDataset } from "./labelled-dataset.js";
import type { SegmentationMessage, SegmentationOrder } from "./segmentation-messages.js";

/** How slides are segmented. */
export interface LabelSlidesOptions {
  readonly dataset: LabelledDataset;
  readonly training: LabelTraining;
  readonly device: string;
  readonly threads: number;
  /** Told why a slide could not be segmented. */
  readonly onFault: (error: unknown) => void;
}

interface OwnSlide {
  readonly file: string;
  readonly mpp: number | undefined;
  state: LabelSlide;
  opened: Promise<Slide> | undefined;
  /** The page of the slide, with the map of one training or none. */
  view: { readonly training: number | null; readonly routes: Promise<Route[]> } | undefined;
}

const program = fileURLToPath(new URL("segmentation-process.js", import.meta.url));

/** All slides of a dataset, by their numbers. */
export class LabelSlides {
  readonly #options: LabelSlidesOptions;
  readonly #slides: readonly OwnSlide[];
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #isClosing = false;

  constructor(options: LabelSlidesOptions) {
    this.#options = options;
    const found = new Map<string, OwnSlide>();
    for (const { imagePath, place } of options.dataset.patches) {
      if (place === undefined || found.has(imagePath)) continue;
      const state: LabelSlide = { name: path.parse(imagePath).name, ...nothingYet };
      found.set(imagePath, { file: imagePath, mpp: place.slideMpp, state, opened: undefined, view: undefined });
    }
    this.#slides = [...found.values()];
  }

  /** Where they stand. */
  get states(): readonly LabelSlide[] {
    return this.#slides.map(({ state }) => state);
  }

  /**
   * Segments a slide by the networks of the last training, as soon as those before it are done.
   * @throws WsssError `WSSS_ERR_OPTION` before there are networks; `WSSS_ERR_SHAPE` for a slide that is not there.
   */
  segment(number: number): void {
    const slide = this.#at(number);
    if (this.#options.training.finished === null) {
      throw new WsssError(
        "WSSS_ERR_OPTION",
        "train all stages first: nothing is known that slides could be segmented by",
        {
          option: "slides",
        },
      );
    }
    if (slide.state.state === "running" || slide.state.state === "waiting") return;
    slide.state = { ...slide.state, ...nothingYet, state: "waiting" };
    this.#goOn();
  }

  /** Stops a slide, or takes it out of the queue; finished rows are kept for the next time. */
  stop(number: number): void {
    const slide = this.#at(number);
    if (slide.state.state === "running") this.#child?.send("stop");
    if (slide.state.state === "waiting") slide.state = { ...slide.state, ...nothingYet };
  }

  /**
   * The routes of the page that shows a slide, with its map where there is one.
   * @throws WsssError `WSSS_ERR_SHAPE` for a slide that is not there; as `openSlide` and `openSavedMap`.
   */
  async viewOf(number: number): Promise<readonly Route[]> {
    const slide = this.#at(number);
    const { training } = slide.state;
    slide.opened ??= openSlide(slide.file, { micronsPerPixel: slide.mpp, damaged: "background", cacheMiB: 256 });
    const opened = await slide.opened;
    const results = training === null ? undefined : this.#mapsOf(training);
    const view = slide.view?.training === training ? slide.view : { training, routes: viewRoutes(opened, results) };
    slide.view = view;
    return await view.routes;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#child?.send("stop");
    await this.#ended;
    for (const { opened } of this.#slides)
      await opened?.then(async (slide) => await slide.close()).catch(() => undefined);
  }

  #at(number: number): OwnSlide {
    const slide = this.#slides[number];
    if (slide === undefined) throw new WsssError("WSSS_ERR_SHAPE", "there is no such slide");
    return slide;
  }

  #mapsOf(training: number): string {
    return path.join(this.#options.dataset.folder, "labels", "maps", String(training));
  }

  #goOn(): void {
    const next = this.#slides.find(({ state }) => state.state === "waiting");
    const { training, device, threads } = this.#options;
    const { finished, finishedNumber } = training;
    if (next === undefined || finished === null || this.#child !== undefined || this.#isClosing) return;
    const output = path.join(this.#mapsOf(finishedNumber), next.state.name);
    const order: SegmentationOrder = { run: finished, slide: next.file, slideMpp: next.mpp, output, device, threads };
    next.state = { ...next.state, state: "running" };
    const child = fork(program, [], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
    this.#child = child;
    child.on("message", (message) => this.#hear(next, message as SegmentationMessage, finishedNumber));
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => this.#fail(next, error.message));
      child.once("close", (code, signal) => {
        this.#child = undefined;
        if (next.state.state === "running") this.#fail(next, `its process ended unexpectedly (${signal ?? code})`);
        resolve();
        this.#goOn();
      });
    });
    child.send(order);
  }

  #hear(slide: OwnSlide, message: SegmentationMessage, training: number): void {
    if (message.kind === "progress") slide.state = { ...slide.state, done: message.done, total: message.total };
    else if (message.kind === "done") slide.state = { ...slide.state, state: "done", training };
    else if (message.kind === "stopped") slide.state = { ...slide.state, ...nothingYet };
    else this.#fail(slide, message.message);
  }

  #fail(slide: OwnSlide, problem: string): void {
    slide.state = { ...slide.state, ...nothingYet, state: "failed" };
    this.#options.onFault(
      new WsssError("WSSS_ERR_DATASET", `slide ${slide.file} could not be segmented: ${problem}`, { path: slide.file }),
    );
  }

  /** Finds the maps that were made before by the networks of the last training. */
  async begin(): Promise<void> {
    const { finished, finishedNumber } = this.#options.training;
    if (finished === null) return;
    for (const slide of this.#slides) {
      const result = path.join(this.#mapsOf(finishedNumber), slide.state.name, "result.json");
      const isThere = await stat(result).then(
        () => true,
        () => false,
      );
      if (isThere) slide.state = { ...slide.state, state: "done", training: finishedNumber };
    }
  }
}

const nothingYet = { state: "none", done: 0, total: 0, training: null } as const;
