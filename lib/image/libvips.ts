/** The path of the libvips that sharp brings, which the addon opens for pictures that are too large to decode whole. */
import { createRequire } from "node:module";

/** Path of libvips' library; null if sharp was built without its own, against one of the system. */
export function libvipsFile(): string | null {
  try {
    const ofSharp = createRequire(createRequire(import.meta.url).resolve("sharp"));
    return ofSharp.resolve("@img/sharp-libvips-linux-x64/binary");
  } catch {
    return null;
  }
}
