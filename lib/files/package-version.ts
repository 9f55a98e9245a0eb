/** The version in this package's `package.json`. */
import { readFileSync } from "node:fs";
import { z } from "zod";

const packageFile = z.object({ version: z.string() });

/** Version of this package, for example `0.1.0`. Read from `package.json`, two folders above the compiled file. */
export const packageVersion: string = packageFile.parse(
  JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")),
).version;
