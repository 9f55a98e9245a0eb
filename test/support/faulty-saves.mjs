/**
 * Run with faults.c preloaded: saves weights over an older file while each system call of the save fails in turn. Prints one JSON
 * object: {"tries": [{"fault", "fired", "code", "valid", "left"}]}.
 *
 *   node faulty-saves.mjs FOLDER
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { Classifier, inspectWeights } from "../../dist/index.js";

const folder = process.argv[2];
const file = path.join(folder, "weights.safetensors");
const classes = [
  { name: "a", colour: [1, 2, 3] },
  { name: "b", colour: [4, 5, 6] },
];
const digest = () => createHash("sha256").update(readFileSync(file)).digest("hex");
const old = await Classifier.create({ classes, width: 1 / 16, device: "cpu", seed: 1 });
const fresh = await Classifier.create({ classes, width: 1 / 16, device: "cpu", seed: 2 });
await fresh.save(file);
const freshDigest = digest();
await old.save(file);
const oldDigest = digest();

// More than a save of so small a network makes, so that the last tries have no fault.
const mostCalls = 12;
const tries = [];
for (const kind of ["28", "5", "short"]) {
  for (let call = 1; call <= mostCalls; call += 1) {
    await old.save(file);
    process.env.WSSS_FAULT = `${call}:${kind}`;
    delete process.env.WSSS_FAULT_FIRED;
    let code = null;
    try {
      await fresh.save(file);
    } catch (error) {
      code = error.code ?? String(error);
    }
    delete process.env.WSSS_FAULT;
    const fired = process.env.WSSS_FAULT_FIRED === "1";
    const now = digest();
    await inspectWeights(file);
    tries.push({
      fault: `${call}:${kind}`,
      fired,
      code,
      holds: now === oldDigest ? "old" : now === freshDigest ? "new" : "neither",
      left: readdirSync(folder).filter((name) => name !== path.basename(file)),
    });
  }
}
await old.dispose();
await fresh.dispose();
console.log(JSON.stringify({ tries }));
