// Breaks a recording on a GPU and says what follows; a program of its own, for test/gpu/recording.test.ts.
//   node broken-recording.mjs ROOT
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [root] = process.argv.slice(2);
const fromDist = async (name) => await import(pathToFileURL(path.join(root, "dist", name)).href);
const { buildFolder } = await fromDist("native/binary.js");
const { loadAddon } = await fromDist("native/load.js");
await loadAddon();
const testAddon = path.join(buildFolder(root), "test-addon", "wsss_test.node");
const { Workspace } = createRequire(path.join(root, "package.json"))(testAddon);
const workspace = new Workspace();
workspace.run("forced_failure", { device: "cuda" });
const text = (name) => Buffer.from(workspace.get(name).data).toString("utf8");
const [sum] = new Float64Array(workspace.get("sum").data);
console.log(JSON.stringify({ why: text("why"), again: text("again"), sum }));
