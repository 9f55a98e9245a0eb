/** What was learned, laid over the patch that is shown: a pseudo mask, or the prediction. */
import type { LearnedLayers } from "../label-facts.js";
import { inputPart, newPart, part, picturePart, reasonOf } from "./page-parts.js";

const opacityStep = 10;
/** The layer of the segmenter; the others are feature levels. */
const prediction = "prediction";

/** Chooses and shows a layer. */
export class PatchLayers {
  #layers: readonly string[] = [];
  #training: number | null = null;
  #patch: number | null = null;
  #asked = 0;

  constructor() {
    part("layer").addEventListener("change", () => {
      this.#draw();
      // The next keys are meant for the patch again.
      part("layer").blur();
    });
    part("layer-opacity").addEventListener("input", () => this.#applyOpacity());
    this.#applyOpacity();
  }

  /** Takes what a training has left. */
  offer({ training, levels, classes }: LearnedLayers): void {
    this.#training = training;
    this.#layers = training === null ? [] : [prediction, ...levels];
    part("layers").hidden = training === null;
    const chosen = this.#chosen();
    const options = ["", ...this.#layers].map((layer) => {
      const text = layer === "" ? "nothing" : layer === prediction ? "prediction" : `pseudo mask ${layer}`;
      const option = newPart("option", "", text);
      option.value = layer;
      return option;
    });
    part("layer").replaceChildren(...options);
    (part("layer") as HTMLSelectElement).value = this.#layers.includes(chosen) ? chosen : "";
    const legend = classes.map(({ name, colour }) => {
      const item = newPart("li", "");
      const swatch = newPart("span", "swatch");
      swatch.style.backgroundColor = `rgb(${colour.join(", ")})`;
      item.append(swatch, newPart("span", "", name));
      return item;
    });
    part("layer-legend").replaceChildren(...legend);
    this.#draw();
  }

  /** The patch that the layer is of; null for none. */
  show(patch: number | null): void {
    this.#patch = patch;
    this.#draw();
  }

  /** The next layer, or nothing after the last. */
  turn(): void {
    const choices = ["", ...this.#layers];
    const next = choices[(choices.indexOf(this.#chosen()) + 1) % choices.length] ?? "";
    (part("layer") as HTMLSelectElement).value = next;
    this.#draw();
  }

  /** @param by - steps, to the more or to the less opaque. */
  changeOpacity(by: number): void {
    const slider = inputPart("layer-opacity");
    slider.value = String(Number(slider.value) + by * opacityStep);
    this.#applyOpacity();
  }

  #chosen(): string {
    return (part("layer") as HTMLSelectElement).value;
  }

  #applyOpacity(): void {
    const { value } = inputPart("layer-opacity");
    part("layer-opacity-text").textContent = `${value} %`;
    picturePart("over").style.opacity = String(Number(value) / 100);
  }

  #draw(): void {
    const over = picturePart("over");
    const layer = this.#chosen();
    const asked = ++this.#asked;
    over.hidden = true;
    part("layer-note").textContent = "";
    delete document.body.dataset["layer"];
    if (layer === "" || this.#patch === null) return;
    // The number of the training makes the address another one.
    const address = `/layers/${layer}/${this.#patch}?training=${this.#training}`;
    layerAt(address).then(
      (url) => {
        if (asked !== this.#asked) {
          if (url !== null) URL.revokeObjectURL(url);
          return;
        }
        if (url === null) {
          part("layer-note").textContent = "There is none of this patch: it was not labelled when the training began.";
          return;
        }
        URL.revokeObjectURL(over.src);
        over.src = url;
        over.hidden = false;
        document.body.dataset["layer"] = layer;
      },
      (error: unknown) => {
        if (asked === this.#asked) part("layer-note").textContent = reasonOf(error);
      },
    );
  }
}

/** The picture of an address; null if there is none. */
async function layerAt(address: string): Promise<string | null> {
  const answer = await fetch(address);
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(await answer.text());
  return URL.createObjectURL(await answer.blob());
}
