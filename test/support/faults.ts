// Builds the C library that makes system calls fail in tests.
import { execFile } from "node:child_process";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const source = fileURLToPath(new URL("faults.c", import.meta.url));

/** Compiles faults.c into a folder. Returns the library, for LD_PRELOAD. */
export async function compileFaults(folder: string): Promise<string> {
  const library = path.join(folder, "faults.so");
  await promisify(execFile)("gcc", ["-shared", "-fPIC", "-o", library, source, "-ldl"]);
  return library;
}
