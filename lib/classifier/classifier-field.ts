/** The zod rule of an option that must be a classifier. */
import { z } from "zod";
import type { Classifier } from "./classifier.js";
import { classifierHandle } from "./known-classifiers.js";

/** A classifier of this copy of the library. */
export const classifierField = z.custom<Classifier>((value) => classifierHandle(value) !== undefined, "a Classifier");
