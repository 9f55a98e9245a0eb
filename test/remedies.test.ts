// What the core calls remedies has words in lib, each of them, and nothing else has.
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "@jest/globals";
import { remedySentence } from "../dist/native/remedies.js";

const header = readFileSync(path.join(process.cwd(), "cpp/wsss/core/remedy.h"), "utf8");
const names = [...header.matchAll(/inline constexpr const char\* k(?!Remedies)\w+ = "(?<name>[a-z-]+)"/g)].map(
  ({ groups }) => groups!["name"]!,
);

test("every remedy of the core is said in the words of who can use it", () => {
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) expect(remedySentence({ remedies: [name] })).toMatch(/^\. [A-Z]/);
});

test("several remedies are one sentence, and none is none", () => {
  expect(remedySentence({ remedies: ["smaller-patches", "partial-load"] })).toBe(
    ". Use smaller patches or a smaller width, or ask for a partial load: --partial-load on the command line, strict: false in the API",
  );
  expect(remedySentence({})).toBe("");
  expect(remedySentence({ remedies: ["unheard-of"] })).toBe("");
});
