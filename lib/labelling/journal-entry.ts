/** The lines of the journal: what may stand in one. */
import { z } from "zod";

const id = z.string().min(1).max(100);
const byte = z.int().min(0).max(255);
const answer = z.union([z.literal(0), z.literal(1), z.null()]);
const answers = z.record(id, answer);

/** What every line says: when, who, and which request of a page it answers. */
const common = { at: z.iso.datetime(), annotator: z.string().min(1).max(60), request: z.string().min(1).max(100) };

const classEntry = z.strictObject({
  kind: z.literal("class"),
  ...common,
  /** A new id is a new class, a known one gets this name and colour. */
  class: z.strictObject({ id, name: z.string().min(1).max(60), colour: z.tuple([byte, byte, byte]) }),
});

const change = z.strictObject({
  patch: z.string().min(1),
  set: answers,
  before: answers,
  /** What the annotator had said before, of these classes. */
  ownBefore: answers,
  unsure: z.boolean(),
  wasUnsure: z.boolean(),
  /** Probabilities that the classifier gave at that time, shown or not. */
  suggested: z.record(id, z.number().min(0).max(1)).optional(),
  prefilled: z.boolean(),
});

const answersEntry = z.strictObject({
  kind: z.literal("answers"),
  ...common,
  /** `"given"`: labels that the dataset had, taken over when it was opened. */
  mode: z.enum(["single", "sweep", "undo", "given"]),
  seconds: z.number().min(0),
  changes: z.array(change).min(1),
  /** The request that an undo takes back. */
  undoes: z.string().optional(),
});

export const journalEntrySchema = z.discriminatedUnion("kind", [classEntry, answersEntry]);

/** A line of the journal. */
export type JournalEntry = z.output<typeof journalEntrySchema>;
/** A class was added or changed. */
export type ClassEntry = z.output<typeof classEntry>;
/** Patches were labelled. */
export type AnswersEntry = z.output<typeof answersEntry>;
/** What became of one patch. */
export type PatchChange = z.output<typeof change>;
