/** Pictures of the patches that come next, fetched and decoded before they are needed. */

interface Held {
  readonly patch: Promise<string>;
  readonly around: Promise<string> | null;
}

/** Keeps the pictures of some patches ready. */
export class LabelPictures {
  readonly #hasSurroundings: boolean;
  readonly #held = new Map<number, Held>();

  constructor(hasSurroundings: boolean) {
    this.#hasSurroundings = hasSurroundings;
  }

  /** Begins to fetch the pictures of a patch, unless they are there. */
  prepare(patch: number): Held {
    const before = this.#held.get(patch);
    if (before !== undefined) return before;
    const held = {
      patch: fetched(`/patches/${patch}`),
      around: this.#hasSurroundings ? fetched(`/surroundings/${patch}`) : null,
    };
    // Whoever shows it is told.
    held.patch.catch(() => this.#held.delete(patch));
    held.around?.catch(() => undefined);
    this.#held.set(patch, held);
    return held;
  }

  /** Lets go of all but some. */
  keepOnly(patches: ReadonlySet<number>): void {
    for (const [patch, held] of this.#held) {
      if (patches.has(patch)) continue;
      this.#held.delete(patch);
      for (const picture of [held.patch, held.around])
        picture?.then((url) => URL.revokeObjectURL(url)).catch(() => undefined);
    }
  }
}

async function fetched(address: string): Promise<string> {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await answer.text());
  const url = URL.createObjectURL(await answer.blob());
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  return url;
}
