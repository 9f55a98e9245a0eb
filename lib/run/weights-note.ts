/** What was taken from a weight file at the start of a training, as one line. */
import type { WeightsReport } from "../model/model-opening.js";

/** Names that a line lists before it only counts. */
const shownNames = 5;

function listed(names: readonly string[]): string {
  const rest = names.length - shownNames;
  return `${names.length} (${names.slice(0, shownNames).join(", ")}${rest > 0 ? ` and ${rest} more` : ""})`;
}

/** One line on what was taken of a weight file and what was not: nothing is left out in silence. */
export function describeWeightsReport(report: WeightsReport): string {
  const { path, foundUnder, origin, stripped, loaded, missing, misshapen, unexpected, dropped, unread, fresh } = report;
  const from = foundUnder === "" ? path : `${path} (${foundUnder})`;
  const parts = [`${from}: ${loaded.length} tensors taken`];
  if (origin !== "") parts.push(`names of ${origin}`);
  if (stripped.length > 0) parts.push(`${stripped.join(", ")} taken off names`);
  const left = [...unexpected, ...dropped, ...unread];
  if (left.length > 0) parts.push(`left out ${listed(left)}`);
  if (misshapen.length > 0) parts.push(`of another shape ${listed(misshapen)}`);
  const random = [...fresh, ...missing];
  if (random.length > 0) parts.push(`at random ${listed(random)}`);
  if (report.skippedObjects.length > 0) parts.push(`Python objects skipped ${listed(report.skippedObjects)}`);
  return parts.join("; ");
}
