// Made by `npm run generate` from the table of options beside it; changed there, not here.

/** What a trained segmenter looks at; what a run records. */
export interface ViewSettings {
  /**
   * What the segmenter looks at, known as test-time augmentation: the patch alone (`"one"`), the patch and its three
   * mirror images (`"flips"`), whose logits are averaged, at four times the work, or all eight ways to lay a square
   * patch (`"symmetries"`), at eight times; of a patch that is not square the four.
   * @defaultValue `"one"` (as published; where each pixel is seen several times already, the others gain little
   *   (docs/notes/real-tissue.md))
   */
  readonly views?: "one" | "flips" | "symmetries" | undefined;
}
