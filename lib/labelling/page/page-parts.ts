/** Finding, making and filling the parts of the page. */

/** The part of that id, which the page has. */
export function part(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

/** The input of that id. */
export function inputPart(id: string): HTMLInputElement {
  return part(id) as HTMLInputElement;
}

/** The picture of that id. */
export function picturePart(id: string): HTMLImageElement {
  return part(id) as HTMLImageElement;
}

/** A new element with a class and, if given, a text; a text is never HTML. */
export function newPart<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  className: string,
  text = "",
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}

/** Why something failed, for people. */
export function reasonOf(error: unknown): string {
  // What browsers say of a server that is not there differs, and tells nobody anything.
  if (error instanceof TypeError) return "the program that serves this page does not answer";
  return error instanceof Error ? error.message : String(error);
}

/** Shows what went wrong; null takes it away. */
export function say(problem: string | null): void {
  const place = part("problem");
  place.textContent = problem ?? "";
  place.hidden = problem === null;
}

/** Whether a key is meant for a field that somebody types into. */
export function isTyping(event: KeyboardEvent): boolean {
  const { target } = event;
  return target instanceof HTMLSelectElement || (target instanceof HTMLInputElement && target.type !== "range");
}
