/** The slides of the dataset: segmenting them by what was learned, and opening them with their maps. */
import type { LabelSlide } from "../label-facts.js";
import type { LabelRequests } from "./label-requests.js";
import { newPart, part, reasonOf, say } from "./page-parts.js";

/** Between two looks at slides that are being segmented. */
const lookMs = 1000;

/** Draws the list while it is seen. */
export class SlideList {
  readonly #requests: LabelRequests;
  #isSeen = false;
  #drawn = "";

  constructor(requests: LabelRequests) {
    this.#requests = requests;
  }

  /** Shows it from now on, or no longer. */
  see(isSeen: boolean): void {
    const begins = isSeen && !this.#isSeen;
    this.#isSeen = isSeen;
    if (begins) this.#look();
  }

  #look(): void {
    if (!this.#isSeen) return;
    this.#requests
      .slides()
      .then(
        (slides) => this.#draw(slides),
        () => undefined,
      )
      .finally(() => setTimeout(() => this.#look(), lookMs));
  }

  async #act(slide: number, action: "segment" | "stop"): Promise<void> {
    try {
      this.#draw(await this.#requests.actOnSlide(slide, action));
      say(null);
    } catch (error) {
      say(reasonOf(error));
    }
  }

  #draw(slides: readonly LabelSlide[]): void {
    // Drawn anew under somebody's finger, a button could not be pressed.
    const now = JSON.stringify(slides);
    if (now === this.#drawn) return;
    this.#drawn = now;
    const focused = document.activeElement?.getAttribute("data-focus");
    part("slide-list").replaceChildren(...slides.map((slide, number) => this.#item(slide, number)));
    document.body.dataset["slides"] = slides.map(({ state }) => state).join(",");
    if (focused !== null && focused !== undefined) {
      document.querySelector<HTMLElement>(`[data-focus="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  #item({ name, state, done, total, training }: LabelSlide, number: number): HTMLLIElement {
    const item = newPart("li", "");
    const isAtWork = state === "running" || state === "waiting";
    const button = newPart("button", "", isAtWork ? "Stop" : "Segment");
    button.type = "button";
    button.dataset["focus"] = `slide-${number}`;
    button.setAttribute("aria-label", `${isAtWork ? "Stop" : "Segment"} ${name}`);
    button.addEventListener("click", () => void this.#act(number, isAtWork ? "stop" : "segment"));
    const link = newPart("a", "", training === null ? "Look at it" : "Look at its map");
    link.href = `/slides/${number}/`;
    link.target = "_blank";
    link.rel = "noopener";
    link.setAttribute("aria-label", `${link.textContent}: ${name}`);
    const words: Readonly<Record<LabelSlide["state"], string>> = {
      none: "",
      waiting: "waits",
      running: total === 0 ? "begins" : `${Math.floor((100 * done) / total)} %`,
      done: `segmented by training ${training ?? ""}`,
      failed: "could not be segmented; the program says why",
    };
    item.append(newPart("strong", "", name), newPart("span", "", words[state]), button, link);
    return item;
  }
}
