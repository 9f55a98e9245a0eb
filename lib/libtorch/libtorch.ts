/** LibTorch, the C++ library of PyTorch: found on this machine or fetched, its version checked, loaded into the process. */
export { cacheFolder } from "../fetch/cache-folder.js";
export { cachedLibTorchFolder } from "./cached-folder.js";
export { type DriverReport, findDriver, judgeDriver } from "./driver.js";
export { describePlaces, findLibTorch, type FindLibTorchOptions } from "./find.js";
export type { LibTorchPlace, LibTorchSearch, LibTorchSource } from "./find.js";
export { type LibTorchFolder, problemOf, readLibTorchFolder } from "./folder.js";
export { inspectLibTorch, type LibTorchReport } from "./inspect.js";
export { libtorchVersion, type LibTorchVariant, setupCommand } from "./pinned.js";
export { planSetup, type SetupPlan } from "./setup-plan.js";
export { preloadLibTorch } from "./preload.js";
export type { SetupProgress } from "./install.js";
export { setupLibTorch, type SetupOptions, unusableLibTorch } from "./setup.js";
