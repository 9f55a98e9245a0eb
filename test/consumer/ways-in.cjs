/* global __filename */
/**
 * A user's program of the older kind: takes the package by require, and uses it in the process itself, in a worker thread and
 * in a child process. Prints the error code of a refused option from each, which needs the addon to have been loaded.
 */
const { fork } = require("node:child_process");
const { once } = require("node:events");
const { isMainThread, parentPort, Worker } = require("node:worker_threads");
const { Classifier, packageVersion, WsssError } = require("wsss-tissue-native");

async function use() {
  const classes = [
    { name: "gland", colour: [200, 0, 0] },
    { name: "stroma", colour: [0, 200, 0] },
  ];
  const classifier = await Classifier.create({ classes, width: 1 / 16, device: "cpu", seed: 1 });
  await classifier.dispose();
  try {
    await Classifier.create({ classes, width: 7, device: "cpu" });
  } catch (error) {
    if (error instanceof WsssError) return error.code;
    throw error;
  }
  throw new Error("a width of 7 was taken");
}

async function main() {
  const here = await use();
  const [inWorker] = await once(new Worker(__filename), "message");
  const [inChild] = await once(fork(__filename, ["child"]), "message");
  console.log(JSON.stringify({ packageVersion, here, inWorker, inChild }));
}

if (!isMainThread) void use().then((code) => parentPort.postMessage(code));
else if (process.argv[2] === "child") void use().then((code) => process.send(code, () => process.disconnect()));
else void main();
