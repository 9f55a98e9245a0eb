/** Keeps patches in memory that others may attach, says where, and waits to be killed. */
import { setInterval } from "node:timers";
import { loadAddon } from "../../dist/native/load.js";

const { PatchStore } = await loadAddon();
const patches = new PatchStore(2, 3, 4, 5, true);
patches.setPatch(1, new Uint8Array(36).fill(9));
console.log(patches.address);
setInterval(() => patches.count, 60_000);
