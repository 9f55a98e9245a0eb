#!/usr/bin/env node
/** Stands in for node-gyp when prebuildify calls it: ignores the arguments, and brings the addon up to date by cmake-js. */
process.argv.splice(2, Infinity, "--if-stale");
await import("./build-addon.mjs");
