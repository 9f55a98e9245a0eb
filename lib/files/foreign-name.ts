/** File names and texts that are not UTF-8: the likely encoding, and the command that mends them. */
import { isUtf8 } from "node:buffer";

/**
 * The letters of code page 850 from 0x80 on, as DOS and the archives of Western Windows spell names; Node has no decoder
 * for it.
 */
const letters850 = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑ";

/** Encodings in which names are looked for, as `iconv` and `convmv` call them; the commoner ones first. */
const encodings = ["gbk", "latin1", "cp850", "big5", "shift_jis", "euc-kr", "utf-16le", "utf-16be"] as const;

/** One of {@link encodings}. */
export type Encoding = (typeof encodings)[number];

/** An encoding that bytes may be in. */
export interface EncodingGuess {
  readonly encoding: Encoding;
  /** What the bytes say in it. */
  readonly text: string;
}

/** Runs of bytes above 127, each with the byte behind it left out. */
function highRuns(bytes: Uint8Array): number[][] {
  const runs: number[][] = [];
  let inside = false;
  for (const byte of bytes) {
    if (byte >= 0x80 && inside) runs.at(-1)?.push(byte);
    else if (byte >= 0x80) runs.push([byte]);
    inside = byte >= 0x80;
  }
  return runs;
}

/**
 * Whether bytes look like Chinese: pairs of high bytes, most of which are among the commoner characters. Accented letters of
 * Western encodings mostly stand alone.
 */
function looksChinese(bytes: Uint8Array): boolean {
  const runs = highRuns(bytes);
  if (runs.some((run) => run.length % 2 === 1 || run.some((byte) => byte < 0xa1))) return false;
  const leads = runs.flatMap((run) => run.filter((_, at) => at % 2 === 0));
  return leads.filter((lead) => lead >= 0xb0 && lead <= 0xd7).length * 2 >= leads.length;
}

function of850(bytes: Uint8Array): string {
  const letter = (byte: number): string => (byte === 0xe1 ? "ß" : (letters850[byte - 0x80] ?? "?"));
  return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : letter(byte))).join("");
}

/** What bytes say in an encoding; undefined if they are none of it. */
function decoded(bytes: Uint8Array, encoding: Encoding): string | undefined {
  if (encoding === "cp850") return of850(bytes);
  if (encoding === "latin1") return Buffer.from(bytes).toString("latin1");
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** The encoding that bytes which are not UTF-8 are most likely in. The text tells whoever reads it whether that is right. */
export function guessEncoding(bytes: Uint8Array): EncodingGuess {
  const guess = (encoding: Encoding): EncodingGuess => ({ encoding, text: decoded(bytes, encoding) ?? "" });
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return guess("utf-16le");
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return guess("utf-16be");
  if (looksChinese(bytes) && decoded(bytes, "gbk") !== undefined) return guess("gbk");
  // 0x80 to 0x9f are no letters in Latin-1.
  return guess(highRuns(bytes).some((run) => run.some((byte) => byte < 0xa0)) ? "cp850" : "latin1");
}

/** The encoding in which bytes say a certain text; undefined if there is none. */
export function encodingThatSays(bytes: Uint8Array, text: string): Encoding | undefined {
  return encodings.find((encoding) => decoded(bytes, encoding)?.normalize("NFC") === text.normalize("NFC"));
}

/** A name of bytes that are no UTF-8, readable and unmistakable: `\xb7\xce01.png`. */
export function escapeBytes(bytes: Uint8Array): string {
  const escaped = (byte: number): string => `\\x${byte.toString(16).padStart(2, "0")}`;
  return Array.from(bytes, (byte) => (byte < 0x80 ? String.fromCharCode(byte) : escaped(byte))).join("");
}

/** What a name of other bytes than UTF-8 probably is, to be read behind it. */
export function foreignNameProblem(bytes: Uint8Array): string {
  const { encoding, text } = guessEncoding(bytes);
  return `has a name that is not UTF-8 and can't be read; in ${encoding.toUpperCase()} it would be ${JSON.stringify(text)}`;
}

/** How all such names below a folder are mended. */
export function foreignNameRemedy(encoding: Encoding, folder: string): string {
  const command = `convmv -r -f ${encoding} -t utf-8 --notest ${shellQuoted(folder)}`;
  return `rename it: ${command} (without --notest it only shows what it would do; if the names look wrong, try another encoding)`;
}

/** A hint for a path from outside in which Node has replaced bytes that are not UTF-8; empty if there is none. */
export function replacedBytesHint(path: string): string {
  if (!path.includes("\ufffd")) return "";
  return "; a name in this path is not UTF-8, so that it can't be found: rename it, as by convmv -r -f gbk -t utf-8 --notest";
}

/** The command that renames all files of a folder whose names are decomposed (NFD). */
export function composeNamesRemedy(folder: string): string {
  return `convmv -r -f utf-8 -t utf-8 --nfc --notest ${shellQuoted(folder)}`;
}

/**
 * Why a text is not UTF-8, to be read behind the file's name, or null if it is.
 * @param name - the file, for the command that mends it.
 */
export function foreignTextProblem(bytes: Uint8Array, name: string): string | null {
  if (isUtf8(bytes)) return null;
  const mark = guessEncoding(bytes.subarray(0, 2)).encoding;
  if (mark.startsWith("utf-16")) return `is UTF-16, not UTF-8; save it as UTF-8, ${converted("utf-16", name)}`;
  const { line, at } = firstForeignLine(bytes);
  const { encoding, text } = guessEncoding(line);
  const shown = JSON.stringify(text.trim().slice(0, 60));
  return (
    `is not UTF-8, first in line ${at}, which in ${encoding.toUpperCase()} would be ${shown}; ` +
    `save it as UTF-8, ${converted(encoding, name)}`
  );
}

function converted(encoding: string, name: string): string {
  return `as by iconv -f ${encoding} -t utf-8 ${shellQuoted(name)} > new, and give the new file the old name`;
}

/** The first line that is not UTF-8, and its number, from 1. */
function firstForeignLine(bytes: Uint8Array): { readonly line: Uint8Array; readonly at: number } {
  let start = 0;
  for (let at = 1; start <= bytes.length; at++) {
    const end = bytes.indexOf(0x0a, start);
    const line = bytes.subarray(start, end === -1 ? bytes.length : end);
    if (!isUtf8(line) || end === -1) return { line, at };
    start = end + 1;
  }
  return { line: bytes, at: 1 };
}

/** A path as a shell takes it. */
function shellQuoted(path: string): string {
  return /^[\w./@%+:,-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
