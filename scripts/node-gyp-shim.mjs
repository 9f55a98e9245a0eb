#!/usr/bin/env node
/**
 * Stands in for node-gyp when prebuildify calls it: ignores the arguments and builds by cmake-js, from an empty folder,
 * because prebuildify takes whatever addon lies in build/Release, and moves it away.
 */
process.argv.splice(2, Infinity, "--clean");
await import("./build-addon.mjs");
