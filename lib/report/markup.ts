/** HTML as text in which everything is escaped, unless it is markup already. */

/** A piece of a page that is markup already. */
export class Markup {
  readonly text: string;

  /** @param text - is trusted as it stands: {@link html} is the way to make markup of anything else. */
  constructor(text: string) {
    this.text = text;
  }
}

/** What a page can hold; null, undefined and false are nothing. */
export type Content = Markup | string | number | null | undefined | false | readonly Content[];

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Characters that no HTML may hold, even written as a reference. */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const forbidden = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g;

function textOf(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "object") return content.map(textOf).join("");
  return String(content)
    .replaceAll(forbidden, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => escapes[character] ?? "");
}

/** Markup from a template: every value in it is escaped, in text and in quoted attributes, unless it is {@link Markup}. */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(parts.map((part, index) => part + textOf(values[index])).join(""));
}
