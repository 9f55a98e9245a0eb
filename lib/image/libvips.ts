/** The path of the libvips that sharp brings, which the addon opens for pictures that are too large to decode whole. */
import { createRequire } from "node:module";
import { WsssError } from "../errors.js";

/**
 * Path of libvips' library.
 * @throws WsssError `WSSS_ERR_BINARY_NOT_FOUND` if sharp was built without its own, against one of the system.
 */
export function libvipsFile(): string {
  try {
    const ofSharp = createRequire(createRequire(import.meta.url).resolve("sharp"));
    return ofSharp.resolve("@img/sharp-libvips-linux-x64/binary");
  } catch (error) {
    const message =
      "the libvips that sharp brings is not installed, which reads pictures that are no scanner's slides: install the package " +
      "again without --omit=optional";
    throw new WsssError("WSSS_ERR_BINARY_NOT_FOUND", message, {}, { cause: error });
  }
}
