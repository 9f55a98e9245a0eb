/** Tests import the compiled library from dist/, as a user would; only the tests themselves are compiled by jest. */
export default {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  moduleFileExtensions: ["ts", "js", "mjs", "cjs", "json", "node"],
  transform: { "\\.ts$": "<rootDir>/test/support/transform.mjs" },
  resolver: "<rootDir>/test/support/resolver.cjs",
  // Native tests compute on all cores: side by side they would only take turns, and time-outs would mean nothing.
  maxWorkers: 1,
  // Full-size golden cases run for minutes on two cores.
  testTimeout: 600_000,
  // A handle left open is a defect of ours (a thread that outlives its object), not something to be cut off.
  forceExit: false,
  openHandlesTimeout: 5_000,
};
