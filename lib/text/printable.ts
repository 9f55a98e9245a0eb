/** Short spellings of control characters, as in C and JavaScript. */
const shortSpellings: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * What must not reach a line of text as it is: control characters, line separators, and marks that turn the direction of
 * writing. They would break the line, or make a terminal show another name.
 */
// eslint-disable-next-line no-control-regex -- they are what is looked for
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A name, or another text of one line, as messages show it: control characters are escaped, `a\nb` for a line break. */
export function printable(text: string): string {
  return text.replaceAll(unprintable, escaped);
}

/** Like {@link printable} for a text of several lines, whose line breaks are meant. */
export function printableLines(text: string): string {
  return text.replaceAll(unprintable, (character) => (character === "\n" ? character : escaped(character)));
}

/** Whether a name has characters that {@link printable} escapes. */
export function hasUnprintable(text: string): boolean {
  return printable(text) !== text;
}

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const spelled = code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16)}`;
  return shortSpellings[character] ?? spelled;
}
