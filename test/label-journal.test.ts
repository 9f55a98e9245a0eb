// The journal of a labelling: what it holds after crashes, and what its entries add up to.
import { appendFile, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { agreementIn, cohensKappa } from "../dist/labelling/agreement.js";
import type { AnswersEntry, JournalEntry } from "../dist/labelling/journal-entry.js";
import { LabelJournal } from "../dist/labelling/label-journal.js";
import { LabelState } from "../dist/labelling/label-state.js";

const folder = await mkdtemp(path.join(tmpdir(), "journal-"));
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const at = "2026-01-02T03:04:05.678Z";
let requests = 0;
const signed = (annotator = "Ada"): { at: string; annotator: string; request: string } => ({
  ...{ at, annotator },
  request: `request-${(requests += 1)}`,
});
const classEntry = (id: string, name = id): JournalEntry => ({
  kind: "class",
  ...signed(),
  class: { id, name, colour: [1, 2, 3] },
});
const answers = (patch: string, set: Record<string, 0 | 1>, more: Partial<AnswersEntry> = {}): AnswersEntry => ({
  kind: "answers",
  ...signed(),
  mode: "single",
  seconds: 2,
  changes: [{ patch, set, before: {}, ownBefore: {}, unsure: false, wasUnsure: false, prefilled: false }],
  ...more,
});

describe("the file", () => {
  test("keeps entries in their order, also those that come at once", async () => {
    const file = path.join(folder, "a.jsonl");
    const { journal, entries } = await LabelJournal.open(file);
    expect(entries).toEqual([]);
    const written = Array.from({ length: 50 }, (_, index) => answers(`p${index}`, { a: 1 }));
    await Promise.all(written.map(async (entry) => await journal.append(entry)));
    await journal.close();
    const again = await LabelJournal.open(file);
    expect(again.entries).toEqual(written);
    await again.journal.close();
  });

  test("a last line that was cut off at any byte is dropped, and what comes after it is whole", async () => {
    const file = path.join(folder, "b.jsonl");
    const [first, second, third] = [answers("p1", { a: 1 }), answers("ü 漢", { a: 0 }), answers("p3", { a: 1 })];
    const lines = [first, second].map((entry) => `${JSON.stringify(entry)}\n`);
    const whole = Buffer.from(lines.join(""));
    const begin = Buffer.byteLength(lines[0] ?? "");
    for (let end = begin; end < whole.length; end += end > whole.length - 30 ? 1 : 13) {
      await writeFile(file, whole.subarray(0, end));
      const { journal, entries } = await LabelJournal.open(file);
      expect(entries).toEqual([first]);
      await journal.append(third);
      await journal.close();
      expect(await readFile(file, "utf8")).toBe(`${lines[0]}${JSON.stringify(third)}\n`);
    }
    await writeFile(file, whole);
    const { journal, entries } = await LabelJournal.open(file);
    expect(entries).toEqual([first, second]);
    await journal.close();
  });

  test("a damaged line in the middle is refused with its number, and the file is left as it is", async () => {
    const file = path.join(folder, "c.jsonl");
    const lines = [answers("p1", { a: 1 }), answers("p2", { a: 1 })].map((entry) => JSON.stringify(entry));
    for (const wrong of [
      "",
      "{",
      '{"kind":"answers"}',
      `${lines[1]}x`,
      lines[1]?.replace('"single"', '"twice"') ?? "",
    ]) {
      const text = `${lines[0]}\n${wrong}\n${lines[1]}\n`;
      await writeFile(file, text);
      await expect(LabelJournal.open(file)).rejects.toMatchObject({
        code: "WSSS_ERR_DATASET",
        message: expect.stringMatching(/^line 2 of .*c\.jsonl is not what wsss-tissue label writes/) as unknown,
      });
      expect(await readFile(file, "utf8")).toBe(text);
    }
  });

  test("an entry that can't be written is told, is not there, and later ones are", async () => {
    const file = path.join(folder, "d.jsonl");
    const { journal } = await LabelJournal.open(file);
    const kept = answers("p1", { a: 1 });
    await journal.append(kept);
    await journal.close();
    await expect(journal.append(answers("p2", { a: 1 }))).rejects.toThrow();
    const again = await LabelJournal.open(file);
    expect(again.entries).toEqual([kept]);
    const later = answers("p3", { a: 0 });
    await again.journal.append(later);
    await again.journal.close();
    const last = await LabelJournal.open(file);
    expect(last.entries).toEqual([kept, later]);
    await last.journal.close();
  });

  test("a folder that is not there is an error of the system", async () => {
    await expect(LabelJournal.open(path.join(folder, "nowhere", "x.jsonl"))).rejects.toMatchObject({
      code: "WSSS_ERR_IO",
    });
  });

  test("zeros behind the last line, as a power failure leaves them, are cut off", async () => {
    const file = path.join(folder, "e.jsonl");
    const entry = answers("p1", { a: 1 });
    await writeFile(file, `${JSON.stringify(entry)}\n`);
    await appendFile(file, Buffer.alloc(200));
    const { journal, entries } = await LabelJournal.open(file);
    await journal.close();
    expect(entries).toEqual([entry]);
    expect((await readFile(file)).includes(0)).toBe(false);
    await truncate(file, 0);
  });
});

describe("what entries add up to", () => {
  const stateOf = (entries: readonly JournalEntry[], names = ["p", "q"]): LabelState => {
    const state = new LabelState(names);
    for (const entry of entries) state.add(entry);
    return state;
  };

  test("a patch is labelled when every class has an answer, and no longer when there is a new class", () => {
    const state = stateOf([classEntry("a"), classEntry("b"), answers("p", { a: 1 })]);
    expect(state.isLabelled(0)).toBe(false);
    state.add(answers("p", { b: 0 }));
    expect([state.isLabelled(0), state.isLabelled(1), state.answersOf(0)]).toEqual([true, false, { a: 1, b: 0 }]);
    state.add(classEntry("c"));
    expect(state.isLabelled(0)).toBe(false);
  });

  test("a renamed class keeps its answers, and is known by both names until another takes the old one", () => {
    const state = stateOf([
      classEntry("a", "old"),
      classEntry("b"),
      answers("p", { a: 1, b: 0 }),
      classEntry("a", "new"),
    ]);
    expect(state.classes.map(({ name }) => name)).toEqual(["new", "b"]);
    expect([state.isLabelled(0), state.classEverNamed("old")?.id, state.classEverNamed("new")?.id]).toEqual([
      true,
      "a",
      "a",
    ]);
    state.add(classEntry("c", "old"));
    expect(state.classEverNamed("old")?.id).toBe("c");
  });

  test("an undo brings back what was there, one entry after the other", () => {
    const first = answers("p", { a: 1 });
    const second = answers("p", { a: 0 });
    const state = stateOf([
      classEntry("a"),
      first,
      { ...second, changes: second.changes.map((one) => ({ ...one, before: { a: 1 }, ownBefore: { a: 1 } })) },
    ]);
    expect([state.answer(0, "a"), state.lastOf("Ada")?.number, state.isLastWord(0, 3)]).toEqual([0, 3, true]);
    state.add(answers("p", { a: 1 }, { mode: "undo", undoes: second.request }));
    expect([state.answer(0, "a"), state.lastOf("Ada")?.number, state.isLastWord(0, 2)]).toEqual([1, 2, true]);
    // It says what was there before, whatever the undoing entry says.
    const nothing = first.changes.map((one) => ({ ...one, before: { a: null }, ownBefore: { a: null } }));
    const whole = stateOf([classEntry("a"), { ...first, changes: nothing }]);
    whole.add(answers("p", {}, { mode: "undo", undoes: first.request }));
    expect([whole.answer(0, "a"), whole.answerOf("Ada", 0, "a"), whole.lastOf("Ada")]).toEqual([null, null, undefined]);
  });

  test("patches that are gone are counted, and nothing else comes of them", () => {
    const state = stateOf([classEntry("a"), answers("gone", { a: 1 })]);
    expect([[...state.lost], state.answer(0, "a")]).toEqual([["gone"], null]);
  });

  test("suggestions are counted where they met an answer, shown or not", () => {
    const met = (prefilled: boolean, set: Record<string, 0 | 1>): AnswersEntry => {
      const entry = answers("p", set);
      return { ...entry, changes: entry.changes.map((one) => ({ ...one, prefilled, suggested: { a: 0.9, b: 0.2 } })) };
    };
    const state = stateOf([
      classEntry("a"),
      classEntry("b"),
      met(true, { a: 1, b: 0 }),
      met(true, { a: 0 }),
      met(false, { b: 1 }),
    ]);
    expect(state.meetings).toEqual({ shown: { right: 2, of: 3 }, hidden: { right: 0, of: 1 } });
  });

  test("the pace counts an answer to one of two classes as half a patch", () => {
    const entries = [
      classEntry("a"),
      classEntry("b"),
      ...Array.from({ length: 9 }, () => answers("p", { a: 1, b: 1 })),
    ];
    expect(stateOf(entries).paceOf("Ada")).toBeNull();
    const sweep = answers("p", { a: 1 }, { mode: "sweep", seconds: 3 });
    const both = {
      ...sweep,
      changes: [...sweep.changes, { ...(sweep.changes[0] as AnswersEntry["changes"][number]), patch: "q" }],
    };
    // Ten patches in 9 * 2 + 3 seconds.
    expect(stateOf([...entries, both]).paceOf("Ada")).toBeCloseTo(600 / 21);
  });
});

describe("agreement", () => {
  test("Cohen's kappa of his own example: 20 both yes, 15 both no, 5 and 10 apart", () => {
    const pairs = [
      ...Array.from({ length: 20 }, () => [1, 1] as const),
      ...Array.from({ length: 5 }, () => [1, 0] as const),
      ...Array.from({ length: 10 }, () => [0, 1] as const),
      ...Array.from({ length: 15 }, () => [0, 0] as const),
    ];
    expect(cohensKappa(pairs)).toBeCloseTo(0.4);
  });

  test("nothing is said of nothing, nor where all answers are one", () => {
    expect([cohensKappa([]), cohensKappa([[1, 1]])]).toEqual([null, null]);
    expect(
      cohensKappa([
        [1, 0],
        [0, 1],
      ]),
    ).toBeCloseTo(-1);
  });

  test("is of the patches that both have answered, by their last answers", () => {
    const state = new LabelState(["p", "q", "r"]);
    const by = (annotator: string, patch: string, set: Record<string, 0 | 1>): AnswersEntry => ({
      ...answers(patch, set),
      ...signed(annotator),
    });
    for (const entry of [
      classEntry("a"),
      by("Ada", "p", { a: 1 }),
      by("Ben", "p", { a: 0 }),
      by("Ben", "p", { a: 1 }),
      by("Ada", "q", { a: 0 }),
      by("Ben", "q", { a: 0 }),
      by("Ben", "r", { a: 1 }),
    ]) {
      state.add(entry);
    }
    expect(agreementIn(state)).toEqual([{ annotators: ["Ada", "Ben"], classId: "a", patches: 2, kappa: 1 }]);
  });
});
