/** The report of `inspect FILE`, as JSON or text: container, tensors, and the networks that fit. */
import type { NetworkFit, WeightInspection, WeightTensor } from "../model/inspect-weights.js";
import { alignColumns } from "../run/report-table.js";

/** Names that a line lists before it only counts. */
const shownNames = 5;

/** What `wsss-tissue inspect FILE --json` prints. */
export interface WeightsJson extends Omit<WeightInspection, "tensors"> {
  readonly tensors: Readonly<Record<string, WeightTensor>>;
}

/** A weight file as one JSON object. */
export function weightsJson({ tensors, ...rest }: WeightInspection): WeightsJson {
  return { ...rest, tensors: Object.fromEntries(tensors) };
}

function listed(names: readonly string[]): string {
  const rest = names.length - shownNames;
  return names.slice(0, shownNames).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
}

function describeFit(fit: NetworkFit): string {
  const { network, origin, width, matched, missing, unexpected, stripped, rivals, unread } = fit;
  const parts = [`${matched} tensors by name`, `width ${width}`];
  if (origin !== "") parts.push(`names of ${origin}`);
  if (stripped.length > 0) parts.push(`${stripped.join(", ")} taken off names`);
  if (rivals.length > 0) parts.push(`fits as well under ${rivals.join(", ")}: choose one with --weights-key`);
  if (unread.length > 0) parts.push(`${unread.length} of a kind that is not read (${listed(unread)})`);
  if (missing.length > 0) parts.push(`lacks ${missing.length} (${listed(missing)})`);
  if (unexpected.length > 0) parts.push(`has ${unexpected.length} others (${listed(unexpected)})`);
  return `  ${network}: ${parts.join("; ")}`;
}

const shortNumber = (value: number | null): string => (value === null ? "-" : value.toPrecision(7));

/** A weight file for people. */
export function describeWeights(inspection: WeightInspection): string {
  const { container, foundUnder, otherKeys, stateDicts, unread, skippedObjects, metadata, tensors, fits } = inspection;
  const lines = [`container  ${container}`];
  if (foundUnder !== "") lines.push(`found under  ${foundUnder}`);
  if (otherKeys.length > 0) lines.push(`also holds  ${listed(otherKeys)}`);
  if (stateDicts.length > 1) {
    const each = stateDicts.map(({ key, tensorCount }) => `${key} (${tensorCount})`);
    lines.push(`state dicts  ${listed(each)}; --weights-key chooses`);
  }
  if (skippedObjects.length > 0) lines.push(`skipped, not executed  ${listed(skippedObjects)}`);
  if (unread.length > 0) lines.push(`not read  ${listed(unread.map(({ name, kind }) => `${name}: ${kind}`))}`);
  for (const [key, value] of Object.entries(metadata)) lines.push(`${key}  ${value}`);
  lines.push("", fits.length === 0 ? "Fits none of our networks." : "Networks that it shares names with:");
  lines.push(...fits.map(describeFit), "", `${tensors.size} tensors:`);
  const rows = [...tensors].map(([name, { dtype, shape, sum, absMax }]) => [
    name,
    dtype,
    `[${shape.join(", ")}]`,
    shortNumber(sum),
    shortNumber(absMax),
  ]);
  lines.push(...alignColumns([["name", "type", "shape", "sum", "largest"], ...rows]).map((line) => `  ${line}`));
  return lines.join("\n");
}
