/** What a caller can do about a failure of the core, which names remedies and does not know how they are asked for. */

/** A remedy by the name that `cpp/wsss/core/remedy.h` gives it, in the words of the API and of the command line. */
const words: Readonly<Record<string, string>> = {
  "smaller-batch": "set the batch size to that (batchSize in the API, --batch-size on the command line)",
  "auto-batch": 'set the batch size to "auto"',
  "smaller-patches": "use smaller patches or a smaller width",
  "gradient-checkpointing":
    "turn gradient checkpointing on (gradientCheckpointing in the API, --grad-checkpointing on the command line)",
  "choose-state-dict": "choose one by its key: --weights-key on the command line, weightsKey in the API",
  "partial-load": "ask for a partial load: --partial-load on the command line, strict: false in the API",
};

/**
 * The remedies of a failure as a sentence to end its message with; `""` without any.
 * @param details - of the failure: `remedies` lists their names.
 */
export function remedySentence(details: Readonly<Record<string, unknown>>): string {
  const { remedies } = details;
  const known = Array.isArray(remedies) ? remedies.flatMap((name) => words[String(name)] ?? []) : [];
  if (known.length === 0) return "";
  const sentence = known.join(", or ");
  return `. ${sentence.charAt(0).toUpperCase()}${sentence.slice(1)}`;
}
