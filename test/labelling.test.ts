// A labelling: what is asked and taken, the dataset that comes of it, and what the classifier makes of it meanwhile.
import { chmod, cp, mkdir, readFile, rm, writeFile, readdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { readDatasetDescription } from "../dist/dataset/description.js";
import { Classifier, openDataset } from "../dist/index.js";
import type { LabelCommit, LabelProgress, LabelTask } from "../dist/labelling/label-facts.js";
import { Labelling, type LabellingOptions } from "../dist/labelling/labelling.js";
import {
  changeOf,
  drawLabelPictures,
  labelRight,
  numberIn,
  pictureClasses,
  rightAnswers,
  truthOf,
} from "./support/label-pictures.js";

const count = 120;
const source = await drawLabelPictures(count);
const folders = [source];
afterAll(async () => await Promise.all(folders.map(async (one) => await rm(one, { recursive: true, force: true }))));

/** A folder with the pictures, that a test may write into. */
async function copyOfPictures(): Promise<string> {
  const folder = `${source}-${folders.length}`;
  await cp(source, folder, { recursive: true });
  folders.push(folder);
  return folder;
}

const faults: unknown[] = [];
const open = async (folder: string, options: Partial<LabellingOptions> = {}): Promise<Labelling> =>
  await Labelling.open({
    ...{ folder, annotator: "Ada", classes: pictureClasses, makeClassifier: null, threads: 1 },
    onFault: (error) => faults.push(error),
    ...options,
  });

let requests = 0;
const commit = async (
  labelling: Labelling,
  mode: LabelCommit["mode"],
  changes: LabelCommit["changes"],
): Promise<LabelProgress> => {
  const outcome = await labelling.commit({ request: `request-${(requests += 1)}`, mode, seconds: 2, changes });
  if ("conflict" in outcome) throw new Error("a conflict");
  return outcome;
};
const next = (labelling: Labelling): LabelTask => labelling.questions.next(1, new Set())[0] as LabelTask;
const manifestOf = async (folder: string): Promise<Map<string, string>> => {
  const lines = (await readFile(path.join(folder, "patches.csv"), "utf8")).trim().split("\n");
  expect(lines[0]).toBe("image,split,labels");
  return new Map(lines.slice(1).map((line) => [line.split(",")[0] ?? "", line.split(",")[2] ?? ""]));
};

describe("a folder of pictures", () => {
  let folder: string;
  let labelling: Labelling;
  beforeAll(async () => {
    folder = await copyOfPictures();
    labelling = await open(folder);
  });
  afterAll(async () => await labelling.close());

  test("becomes a dataset of the patches that are labelled", async () => {
    for (let i = 0; i < 40; i += 1) await labelRight(labelling, next(labelling));
    await labelling.saved();
    const manifest = await manifestOf(folder);
    expect(manifest.size).toBe(count);
    const labelled = [...manifest].filter(([, labels]) => labels !== "");
    expect(labelled).toHaveLength(40);
    for (const [image, labels] of labelled) {
      const shown = pictureClasses.filter((_, k) => truthOf(numberIn(image))[k] === 1);
      expect(labels).toBe(shown.length === 0 ? "background" : shown.join(";"));
    }
    const { train, classes } = await openDataset(folder);
    expect([train.count, train.unlabelled, classes.map(({ name }) => name)]).toEqual([40, 80, [...pictureClasses]]);
    for (const { stem, labels } of train.files) expect(labels).toEqual(truthOf(numberIn(stem)));
  });

  test("asks about no patch twice, in an order that its names do not say", async () => {
    const tasks = labelling.questions.next(100, new Set([1, 2]));
    const patches = tasks.map(({ patch }) => patch);
    expect(new Set(patches).size).toBe(patches.length);
    expect(patches).not.toContain(1);
    expect(patches).not.toEqual([...patches].sort((one, other) => one - other));
    expect(tasks.every(({ answers }) => Object.keys(answers).length === 0)).toBe(true);
  });

  test("a request that comes twice counts once; one that is old is told what is there now", async () => {
    const task = next(labelling);
    const given: LabelCommit = {
      ...{ request: "sent twice", mode: "single", seconds: 1 },
      changes: [changeOf(task, rightAnswers(task, labelling.classes))],
    };
    const first = (await labelling.commit(given)) as LabelProgress;
    const second = (await labelling.commit(given)) as LabelProgress;
    expect([second.revision, second.labelled]).toEqual([first.revision, first.labelled]);
    const late = await labelling.commit({ ...given, request: "from another tab" });
    expect(late).toMatchObject({ conflict: [{ patch: task.patch, answers: rightAnswers(task, labelling.classes) }] });
    expect(labelling.progress().revision).toBe(first.revision);
  });

  test("undo takes back the last commit, then the one before", async () => {
    const one = next(labelling);
    const before = labelling.progress().labelled;
    await labelRight(labelling, one);
    await labelRight(labelling, { ...labelling.questions.task(one.patch) });
    const wrong = labelling.questions.task(one.patch);
    await commit(labelling, "single", [changeOf(wrong, { "class-1": 1, "class-2": 1 })]);
    for (const expected of [rightAnswers(one, labelling.classes), rightAnswers(one, labelling.classes), {}]) {
      const undone = await labelling.undo(`undo-${(requests += 1)}`);
      expect(undone).toMatchObject([{ patch: one.patch, answers: expected }]);
    }
    expect(labelling.progress().labelled).toBe(before);
  });

  test("an unsure patch is set aside, and comes back when somebody is sure", async () => {
    const task = next(labelling);
    const { unsure, labelled } = await commit(labelling, "single", [changeOf(task, {}, true)]);
    expect(unsure).toBe(1);
    expect(labelling.questions.next(100, new Set()).map(({ patch }) => patch)).not.toContain(task.patch);
    const again = labelling.questions.task(task.patch);
    expect(again.isUnsure).toBe(true);
    const sure = await labelRight(labelling, again);
    expect([sure.unsure, sure.labelled]).toEqual([0, labelled + 1]);
  });

  test("a sweep answers one class of many patches", async () => {
    const [first] = labelling.classes;
    const id = first?.id ?? "";
    const tasks = await labelling.questions.sweep(id, 12, null);
    const before = labelling.progress();
    const after = await commit(
      labelling,
      "sweep",
      tasks.map((task) => changeOf(task, { [id]: rightAnswers(task, labelling.classes)[id] ?? 0 })),
    );
    expect(after.labelled).toBe(before.labelled);
    const answered = ({ balance }: LabelProgress): number => (balance[0]?.present ?? 0) + (balance[0]?.absent ?? 0);
    expect(answered(after) - answered(before)).toBe(12);
    expect(after.notes).toContain(
      `dots has been answered for ${answered(before)} of ${answered(after)} patches; a sweep of dots does the rest.`,
    );
    const others = await labelling.questions.sweep(id, 100, null);
    expect(others.some(({ patch }) => tasks.some((task) => task.patch === patch))).toBe(false);
    await labelling.undo(`undo-${(requests += 1)}`);
    expect(answered(labelling.progress())).toBe(answered(before));
  });

  test.each<[string, (task: LabelTask) => LabelCommit["changes"], RegExp]>([
    ["a class that is not there", (task) => [changeOf(task, { "class-1": 1, "class-9": 0 })], /no class class-9/],
    [
      "an answer that is missing",
      (task) => [changeOf(task, { "class-1": 1 })],
      /the answer to dots is missing, a class that was added/,
    ],
    ["a patch that is not there", (task) => [{ ...changeOf(task, {}), patch: 9999 }], /no such patch/],
  ])("%s is refused, and nothing is written", async (_, changes, problem) => {
    const { revision } = labelling.progress();
    await expect(commit(labelling, "single", changes(next(labelling)))).rejects.toThrow(problem);
    expect(labelling.progress().revision).toBe(revision);
  });

  test("is as it was when it is opened again", async () => {
    const before = labelling.progress();
    await labelling.close();
    labelling = await open(folder);
    const after = labelling.progress();
    expect({ ...after, notes: [] }).toEqual({ ...before, notes: [] });
  });
});

describe("classes", () => {
  test("are added and renamed; the dataset follows", async () => {
    const folder = await copyOfPictures();
    const labelling = await open(folder, { classes: [] });
    expect(labelling.progress().notes[0]).toMatch(/before there are two classes/);
    await labelling.setClass("c1", { id: null, name: "stripes", colour: null });
    await labelling.saved();
    await expect(openDataset(folder)).rejects.toThrow(/nothing says which classes/);
    const { classes } = await labelling.setClass("c2", { id: null, name: " dots ", colour: [9, 9, 9] });
    expect(classes).toMatchObject([{ name: "stripes" }, { name: "dots", colour: [9, 9, 9] }]);
    for (let i = 0; i < 8; i += 1) await labelRight(labelling, next(labelling));
    await labelling.setClass("c3", { id: classes[1]?.id ?? "", name: "spots", colour: null });
    await labelling.saved();
    expect((await openDataset(folder)).classes.map(({ name }) => name)).toEqual(["stripes", "spots"]);
    expect([...(await manifestOf(folder)).values()].join()).toMatch(/spots/);
    expect([...(await manifestOf(folder)).values()].join()).not.toMatch(/dots/);
    const third = await labelling.setClass("c4", { id: null, name: "third", colour: null });
    expect([third.labelled, third.classes[2]?.name]).toEqual([0, "third"]);
    await labelling.close();
    const again = await open(folder, { classes: ["dots"] });
    // The name that a class had is no new class.
    expect(again.classes.map(({ name }) => name)).toEqual(["stripes", "spots", "third"]);
    await again.close();
  });

  test("one of those to begin with that can't be had is refused before anything is written", async () => {
    const folder = await copyOfPictures();
    const before = await readdir(folder);
    await expect(open(folder, { classes: ["stroma", "tu\tmour"] })).rejects.toMatchObject({
      code: "WSSS_ERR_OPTION",
      message:
        'class "tu\\tmour" can\'t be written into a manifest: names have 1 to 60 characters, no ; and no tab or line break',
    });
    expect(await readdir(folder)).toEqual(before);
  });

  test.each<[string, { id: string | null; name: string; colour: [number, number, number] | null }, RegExp]>([
    ["a name that is there", { id: null, name: "dots", colour: null }, /is there already/],
    ["a renaming to one that is there", { id: "class-1", name: "dots", colour: null }, /is there already/],
    ["the background's name", { id: null, name: "background", colour: null }, /choose another name/],
    ["no name", { id: null, name: "  ", colour: null }, /1 to 60 characters/],
    ["a separator in it", { id: null, name: "a;b", colour: null }, /no ; and no tab or line break/],
    ["a line break in it", { id: null, name: "a\nb", colour: null }, /no ; and no tab or line break/],
    ["the background's colour", { id: null, name: "third", colour: [255, 255, 255] }, /has the colour of background/],
    ["a colour that is there", { id: null, name: "third", colour: [230, 159, 0] }, /has the colour of stripes/],
    [
      "a class that is not there",
      { id: "class-7", name: "third", colour: null },
      /is to replace one that is not there/,
    ],
  ])("%s is refused", async (_, wanted, problem) => {
    const labelling = await open(await copyOfPictures());
    await expect(labelling.setClass("wrong", wanted)).rejects.toMatchObject({
      code: "WSSS_ERR_OPTION",
      message: expect.stringMatching(problem) as unknown,
    });
    expect(labelling.classes).toHaveLength(2);
    await labelling.close();
  });
});

describe("several annotators", () => {
  test("see a part of each other's patches again, without being told what was said", async () => {
    const folder = await copyOfPictures();
    const ada = await open(folder);
    for (let i = 0; i < count; i += 1) await labelRight(ada, next(ada));
    expect(ada.questions.next(10, new Set())).toEqual([]);
    await ada.close();
    const ben = await open(folder, { annotator: "Ben" });
    const shared = ben.questions.next(100, new Set());
    expect(shared.length).toBeGreaterThan(2);
    expect(shared.length).toBeLessThan(count / 4);
    for (const [index, task] of shared.entries()) {
      expect([task.answers, task.suggested]).toEqual([{}, null]);
      const right = rightAnswers(task, ben.classes);
      await commit(ben, "single", [
        changeOf(task, index === 0 ? { ...right, "class-1": right["class-1"] === 1 ? 0 : 1 } : right),
      ]);
    }
    const { agreement, labelled } = ben.progress();
    expect(labelled).toBe(count);
    expect(agreement.map(({ annotators, classId, patches }) => [annotators, classId, patches])).toEqual([
      [["Ada", "Ben"], "class-1", shared.length],
      [["Ada", "Ben"], "class-2", shared.length],
    ]);
    expect(agreement[0]?.kappa).toBeLessThan(1);
    expect(agreement[1]?.kappa).toBe(1);
    expect(ben.lookAgain()).toMatchObject([
      { patch: shared[0]?.patch, why: expect.stringMatching(/^stripes: Ada says (yes|no), Ben says/) as unknown },
    ]);
    await ben.close();
  });
});

describe("a dataset with a manifest", () => {
  const described = {
    name: "mine",
    classes: [
      { name: "stripes", colour: [1, 2, 3] },
      { name: "dots", colour: [4, 5, 6] },
    ],
    labels: { rule: "manifest", file: "patches.csv" },
    glass: {},
  };
  const manifest = [
    "patient,image,mask,split,labels,remark",
    'P1,p001.png,,train,stripes,"a, b"',
    "P1,p002.png,,train,,",
    "P2,p003.png,,val,,",
    "P3,p005.png,m.png,test,,",
  ];
  const prepare = async (lines = manifest, description: object = described): Promise<string> => {
    const folder = await copyOfPictures();
    await writeFile(path.join(folder, "patches.csv"), `${lines.join("\n")}\n`);
    await writeFile(path.join(folder, "wsss-dataset.json"), JSON.stringify(description));
    return folder;
  };

  test("keeps its columns, rows and settings; patches with true masks are not asked about", async () => {
    const folder = await prepare();
    const labelling = await open(folder, { classes: [] });
    expect(labelling.dataset.patches.map(({ name }) => name)).toEqual(["p001.png", "p002.png", "p003.png"]);
    expect(labelling.progress().labelled).toBe(1);
    for (const task of labelling.questions.next(10, new Set())) await labelRight(labelling, task);
    await labelling.close();
    expect(await readFile(path.join(folder, "patches.csv"), "utf8")).toBe(
      [manifest[0], manifest[1], "P1,p002.png,,train,dots,", "P2,p003.png,,val,stripes;dots,", manifest[4], ""].join(
        "\n",
      ),
    );
    const description = JSON.parse(await readFile(path.join(folder, "wsss-dataset.json"), "utf8")) as object;
    expect(description).toEqual({ ...described, labels: { ...described.labels, unlabelled: "skip" } });
  });

  test("pictures that no row names are told of, and asked about where that is wished", async () => {
    const listed = ["image,split,labels", "p001.png,train,stripes", "p002.png,train,"];
    const folder = await prepare(listed);
    const others = (await readdir(folder)).filter((name) => name.endsWith(".png") && !/^p00[12]/.test(name));
    const before = await open(folder, { classes: [] });
    expect(before.dataset.patches.map(({ name }) => name)).toEqual(["p001.png", "p002.png"]);
    expect(before.dataset.unlisted).toEqual(others.sort());
    await before.close();
    const labelling = await open(folder, { classes: [], addsNew: true });
    expect(labelling.dataset.unlisted).toEqual([]);
    expect(labelling.dataset.patches.map(({ name }) => name)).toEqual(["p001.png", "p002.png", ...others]);
    await labelRight(labelling, labelling.questions.task(labelling.dataset.patches.length - 1));
    await labelling.close();
    const lines = (await readFile(path.join(folder, "patches.csv"), "utf8")).trim().split("\n");
    expect(lines).toHaveLength(3 + others.length);
    expect(lines.slice(0, 3)).toEqual(listed);
    expect(lines.at(-1)).toMatch(new RegExp(`^${others.at(-1)},train,.+`));
    expect(lines.at(-2)).toBe(`${others.at(-2)},train,`);
  });

  test("a new picture whose patient nobody names, or that is called like another, is refused", async () => {
    const folder = await prepare();
    await expect(open(folder, { classes: [], addsNew: true })).rejects.toThrow(/only you know; add its row there/);
    const alone = await prepare(["image,split,labels", "p001.png,train,stripes"]);
    await mkdir(path.join(alone, "more"));
    await cp(path.join(source, "p002.png"), path.join(alone, "more", "p001.png"));
    await expect(open(alone, { classes: [], addsNew: true })).rejects.toThrow(
      /holds both p001\.png and more\/p001\.png/,
    );
    const before = await readFile(path.join(alone, "patches.csv"), "utf8");
    expect(before).toBe("image,split,labels\np001.png,train,stripes\n");
  });

  test("labels that it has are in the journal before anything is written, and outlive a new class", async () => {
    const folder = await prepare([
      "image,split,labels",
      "p001.png,train,stripes",
      "p002.png,train,dots",
      "p003.png,train,",
    ]);
    const first = await open(folder, { classes: ["third"] });
    expect(first.progress().labelled).toBe(0);
    const { id } = first.classes[2] ?? { id: "" };
    const tasks = await first.questions.sweep(id, 10, null);
    await commit(
      first,
      "sweep",
      tasks.slice(0, 1).map((task) => changeOf(task, { [id]: 1 })),
    );
    await first.close();
    const second = await open(folder, { classes: [] });
    expect(second.questions.task(0).answers).toEqual({ "class-1": 1, "class-2": 0, [id]: 1 });
    expect(second.questions.task(1).answers).toEqual({ "class-1": 0, "class-2": 1 });
    // Taken over once: an undo is not undone by the manifest of before.
    await commit(second, "single", [changeOf(second.questions.task(0), {}, true)]);
    await second.close();
    const third = await open(folder, { classes: [] });
    await third.undo("undo of unsure");
    expect(third.progress().labelled).toBe(1);
    await third.close();
    expect(await readFile(path.join(folder, "patches.csv"), "utf8")).toMatch(/^p001\.png,train,stripes;third$/m);
  });

  test("a new class leaves the numbers of true masks what they are", async () => {
    const lines = ["image,mask,split,labels", "p001.png,,train,stripes;dots", "p002.png,m.png,test,stripes"];
    const folder = await prepare(lines);
    await writeFile(path.join(folder, "m.png"), "");
    const labelling = await open(folder, { classes: ["third"] });
    await labelling.close();
    const { maskIndices } = await readDatasetDescription(path.join(folder, "wsss-dataset.json"));
    expect(maskIndices).toEqual({ "0": "stripes", "1": "dots", "2": "background", "3": "third" });
    const again = await open(folder, { classes: ["fourth"] });
    await again.setClass("renaming", { id: "class-1", name: "bands", colour: null });
    await again.close();
    const later = await readDatasetDescription(path.join(folder, "wsss-dataset.json"));
    expect(later.maskIndices).toEqual({ "0": "bands", "1": "dots", "2": "background", "3": "third", "4": "fourth" });
    expect(await readFile(path.join(folder, "patches.csv"), "utf8")).toMatch(/^p002\.png,m\.png,test,bands$/m);
  });

  test("a crash between the two files of a renaming leaves a dataset that opens", async () => {
    const folder = await prepare(["image,split,labels", "p001.png,train,stripes", "p002.png,train,dots"]);
    const labelling = await open(folder, { classes: [] });
    const before = await readFile(path.join(folder, "patches.csv"), "utf8");
    await labelling.setClass("renaming", { id: "class-1", name: "bands", colour: null });
    await labelling.close();
    // The description is of after, the manifest of before.
    await writeFile(path.join(folder, "patches.csv"), before);
    const again = await open(folder, { classes: [] });
    expect(again.progress().labelled).toBe(2);
    await again.close();
    expect(await readFile(path.join(folder, "patches.csv"), "utf8")).toMatch(/^p001\.png,train,bands$/m);
  });

  test.each<[string, readonly string[] | undefined, object | undefined, RegExp]>([
    [
      "one patch twice",
      ["image,split,labels", "p001.png,train,", "p001.png,train,"],
      undefined,
      /line 3 and line 2 of its manifest are one patch/,
    ],
    [
      "labels in names of files",
      undefined,
      { ...described, labels: { rule: "separated" } },
      /are in the names of its files.*train$/,
    ],
    [
      "columns of classes",
      ["image,split,stripes,dots", "p001.png,train,1,0"],
      undefined,
      /has a column for each class/,
    ],
    ["a row that can't be read", ["image,split,labels", "p001.png,train,strips"], undefined, /strips/],
    [
      "masks for all",
      ["image,mask,split,labels", "p001.png,m.png,val,"],
      undefined,
      /all patches of its manifest have true masks/,
    ],
  ])("%s can't be labelled so, and nothing is changed", async (_, lines, description, problem) => {
    const folder = await prepare(lines === undefined ? undefined : [...lines], description);
    const before = await readFile(path.join(folder, "patches.csv"), "utf8");
    await expect(open(folder, { classes: [] })).rejects.toMatchObject({
      code: "WSSS_ERR_DATASET",
      message: expect.stringMatching(problem) as unknown,
    });
    expect(await readFile(path.join(folder, "patches.csv"), "utf8")).toBe(before);
  });
});

describe("what can be wrong", () => {
  test("an empty folder, and one that looks like a dataset", async () => {
    const folder = await copyOfPictures();
    await mkdir(path.join(folder, "empty"));
    await expect(open(path.join(folder, "empty"))).rejects.toThrow(/holds no patches .*wsss-tissue label SLIDES/);
    await expect(open(path.join(folder, "nowhere"))).rejects.toThrow(/no such folder/);
    await mkdir(path.join(folder, "train"));
    await cp(path.join(source, "p001.png"), path.join(folder, "train", "x.png"));
    await expect(open(folder)).rejects.toThrow(/folders for its splits/);
    await cp(path.join(source, "p001.png"), path.join(folder, "empty", "p002.png"));
    await rm(path.join(folder, "train"), { recursive: true });
    await expect(open(folder)).rejects.toThrow(/holds both empty\/p002\.png and p002\.png/);
  });

  test.each(["", " Ada", "a".repeat(61), "a\nb"])("an annotator called %j is refused", async (annotator) => {
    await expect(open(await copyOfPictures(), { annotator })).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
  });

  test.each(["back\\slash.png", " lead.png", "C:drive.png", "new\nline.png"])(
    "a picture called %j is refused before anything is labelled",
    async (name) => {
      const folder = await copyOfPictures();
      await cp(path.join(source, "p001.png"), path.join(folder, name));
      await expect(open(folder)).rejects.toThrow(/which a manifest can't name: it must/);
    },
  );

  test("a manifest that can't be written is told, and no label is lost", async () => {
    const folder = await copyOfPictures();
    const labelling = await open(folder);
    await labelling.saved();
    const isRoot = process.getuid?.() === 0;
    // A folder in the manifest's place stops everybody.
    await rm(path.join(folder, "patches.csv"));
    await mkdir(path.join(folder, "patches.csv", "in the way"), { recursive: true });
    if (!isRoot) await chmod(folder, 0o755);
    await labelRight(labelling, next(labelling));
    await labelling.saved();
    expect(labelling.progress().notes[0]).toMatch(/could not be written; the program says why\. No label is lost/);
    expect(String(faults.at(-1))).toMatch(/labels are safe in the journal, but not in the manifest: cannot write/);
    faults.length = 0;
    await rm(path.join(folder, "patches.csv"), { recursive: true });
    await labelRight(labelling, next(labelling));
    await labelling.saved();
    expect(labelling.progress().notes.join()).not.toMatch(/could not be written/);
    expect([...(await manifestOf(folder)).values()].filter((labels) => labels !== "")).toHaveLength(2);
    await labelling.close();
  });
});

describe("with a classifier", () => {
  let folder: string;
  let labelling: Labelling;
  beforeAll(async () => {
    folder = await copyOfPictures();
    await writeFile(path.join(folder, "p900.png"), "no picture");
    await cp(path.join(source, "p003.png"), path.join(folder, "p907.png"));
    labelling = await open(folder, {
      makeClassifier: async (signal) =>
        await Classifier.create({
          classes: [{ name: "any", colour: [0, 0, 0] }],
          backbone: "resnet38",
          width: 0.125,
          device: "cpu",
          threads: 1,
          signal,
        }),
    });
    await labelling.suggester?.settled();
  });
  afterAll(async () => await labelling.close());

  test("it reads all patches, and first asks about those that cover the set", () => {
    const { suggestions, unreadable, notes } = labelling.progress();
    expect([suggestions.state, suggestions.described, unreadable]).toEqual(["waiting", count + 1, 1]);
    expect(notes.join()).toMatch(/1 patches can't be read/);
    const first = labelling.questions.next(8, new Set()).map(({ name }) => truthOf(numberIn(name)).join());
    // Four kinds of pictures: the first eight show all of them.
    expect(new Set(first).size).toBe(4);
  });

  test("then it suggests, and is right about what nobody has labelled", async () => {
    for (let i = 0; i < 40; i += 1) {
      await labelRight(labelling, next(labelling));
      if (i % 10 === 9) await labelling.suggester?.settled();
    }
    labelling.suggester?.learn();
    await labelling.suggester?.settled();
    let right = 0;
    let of = 0;
    for (const [patch, { name }] of labelling.dataset.patches.entries()) {
      if (name === "p900.png" || name === "p907.png") continue;
      for (const [k, { id }] of labelling.classes.entries()) {
        const probability = labelling.suggester?.probability(patch, id) ?? null;
        expect(probability).not.toBeNull();
        of += 1;
        if (((probability ?? 0) > 0.5 ? 1 : 0) === truthOf(numberIn(name))[k]) right += 1;
      }
    }
    expect(right / of).toBeGreaterThan(0.95);
    const { suggestions } = labelling.progress();
    expect(suggestions.state).toBe("ready");
    expect(suggestions.found.of).toBe(80);
    expect(suggestions.found.right / suggestions.found.of).toBeGreaterThan(0.9);
    expect(suggestions.shown.of).toBeGreaterThan(0);
  });

  test("a sweep begins with the likeliest, or with those most like a patch", async () => {
    const { id } = labelling.classes[0] as { id: string };
    const tasks = await labelling.questions.sweep(id, 48, null);
    const probabilities = tasks.flatMap(({ suggested }) => suggested?.[id] ?? []);
    expect(probabilities).toEqual([...probabilities].sort((one, other) => other - one));
    const [leader] = tasks;
    const alike = await labelling.questions.sweep(id, 48, leader?.patch ?? 0);
    expect(alike[0]?.patch).toBe(leader?.patch);
    expect(alike.map(({ patch }) => patch)).not.toEqual(tasks.map(({ patch }) => patch));
  });

  test("some patches are asked about without a suggestion in sight", () => {
    const tasks = labelling.dataset.patches.map((_, patch) => labelling.questions.task(patch));
    const hidden = tasks.filter(({ suggested, name }) => suggested === null && name !== "p900.png").length;
    expect(hidden).toBeGreaterThan(0);
    expect(hidden).toBeLessThan(count / 5);
  });

  test("labels that contradict each other are on the list: a twin, and one that the others deny", async () => {
    expect(labelling.lookAgain()).toEqual([]);
    const position = (name: string): number => labelling.dataset.patches.findIndex((one) => one.name === name);
    for (const name of ["p003.png", "p907.png"]) {
      const task = labelling.questions.task(position(name));
      await commit(labelling, "single", [changeOf(task, { "class-1": name === "p003.png" ? 1 : 0, "class-2": 1 })]);
    }
    const list = labelling.lookAgain();
    expect(list[0]).toMatchObject({
      name: "p907.png",
      why: expect.stringMatching(/the same picture as p003\.png, labelled otherwise \(stripes\)/) as unknown,
    });
    const { id } = labelling.classes[0] as { id: string };
    const [likeliest] = await labelling.questions.sweep(id, 1, null);
    if (likeliest === undefined) throw new Error("there is nothing to sweep");
    const { "class-2": dots = 0 } = rightAnswers(likeliest, labelling.classes);
    await commit(labelling, "single", [changeOf(likeliest, { "class-1": 0, "class-2": dots })]);
    labelling.suggester?.learn();
    await labelling.suggester?.settled();
    const doubted = labelling.lookAgain().find(({ patch }) => patch === likeliest.patch);
    expect(doubted?.why).toMatch(/^labelled without stripes, which it has with 9\d % by the other labels$/);
    // Who says it again has looked.
    await commit(labelling, "single", [
      changeOf(labelling.questions.task(likeliest.patch), { "class-1": 0, "class-2": dots }),
    ]);
    expect(labelling.lookAgain().map(({ patch }) => patch)).not.toContain(likeliest.patch);
  });

  test("labels of two sweeps are doubted as those of one commit are; unsure patches are on the list", async () => {
    const [first, second] = labelling.classes.map(({ id }) => id) as [string, string];
    const tasks = await labelling.questions.sweep(first, 40, null);
    const wrong = tasks.slice(0, 3).map(({ patch }) => patch);
    const right = (task: LabelTask, id: string): 0 | 1 => rightAnswers(task, labelling.classes)[id] ?? 0;
    const flipped = (task: LabelTask): 0 | 1 =>
      wrong.includes(task.patch) ? ((1 - right(task, first)) as 0 | 1) : right(task, first);
    await commit(
      labelling,
      "sweep",
      tasks.map((task) => changeOf(task, { [first]: flipped(task) })),
    );
    const again = tasks.map(({ patch }) => labelling.questions.task(patch));
    await commit(
      labelling,
      "sweep",
      again.map((task) => changeOf(task, { [second]: right(task, second) })),
    );
    labelling.suggester?.learn();
    await labelling.suggester?.settled();
    const listed = labelling.lookAgain().map(({ patch }) => patch);
    expect(listed).toEqual(expect.arrayContaining(wrong));
    const task = next(labelling);
    await commit(labelling, "single", [changeOf(task, {}, true)]);
    expect(labelling.lookAgain()).toContainEqual(
      expect.objectContaining({ patch: task.patch, why: "set aside as unsure" }),
    );
  });

  test("nothing went wrong in the background", () => expect(faults).toEqual([]));
});
