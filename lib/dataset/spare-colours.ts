/** Colours for classes that have none of their own. */
import type { Colour } from "./tissue-class.js";

/** Colours that a colour-blind eye tells apart (Okabe & Ito 2008). */
const namedColours: readonly Colour[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [0, 114, 178],
  [213, 94, 0],
  [204, 121, 167],
  [0, 0, 0],
];

/** Gives each class a colour that no other has, and that is not the white of the background. */
export class ColourChoice {
  readonly #used = new Set<string>(["255,255,255"]);

  /**
   * The colour of the next class.
   * @param wished - taken if it is free.
   */
  next(wished?: Colour): Colour {
    const candidates = [...(wished === undefined ? [] : [wished]), ...namedColours];
    const colour = candidates.find((one) => !this.#used.has(one.join())) ?? this.#spare();
    this.#used.add(colour.join());
    return colour;
  }

  #spare(): Colour {
    // The steps have no period below 256, and after each round the last part goes on by one: no colour comes twice.
    for (let index = 0; ; index += 1) {
      const round = Math.floor(index / 256);
      const colour: Colour = [(index * 67) % 256, (index * 151 + 64) % 256, (index * 29 + 128 + round) % 256];
      if (!this.#used.has(colour.join())) return colour;
    }
  }
}
