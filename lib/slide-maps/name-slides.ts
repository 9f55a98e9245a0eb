/** The folders of many slides' results: named after the slides, each another. */
import path from "node:path";
import { WsssError } from "../errors.js";

/** A slide and the folder for its results. */
export interface NamedSlide {
  readonly file: string;
  /** File name without its ending. */
  readonly name: string;
}

/** Names slides. @throws WsssError `WSSS_ERR_OPTION` if two would go into one folder */
export function nameSlides(files: readonly string[]): NamedSlide[] {
  const seen = new Map<string, string>();
  return files.map((file) => {
    const { name } = path.parse(file);
    const other = seen.get(name);
    if (other !== undefined) {
      const message = `${other} and ${file} would both be written into a folder ${name}; segment them into two folders`;
      throw new WsssError("WSSS_ERR_OPTION", message, { option: "slides", paths: [other, file] });
    }
    seen.set(name, file);
    return { file, name };
  });
}
