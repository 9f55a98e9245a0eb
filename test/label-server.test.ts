// The server of the labelling page: what it gives, what it refuses, and that nothing it said was saved is ever lost.
import { connect, type Socket } from "node:net";
import { request as ask } from "node:http";
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import sharp from "sharp";
import type { LabelProgress, LabelTask } from "../dist/labelling/label-facts.js";
import { serveLabelling } from "../dist/labelling/label-server.js";
import { LabelSlides } from "../dist/labelling/label-slides.js";
import { LabelTraining } from "../dist/labelling/label-training.js";
import { openDataset } from "../dist/index.js";
import { Labelling } from "../dist/labelling/labelling.js";
import type { LoopbackServer } from "../dist/server/loopback-server.js";
import { command, startCommand } from "./support/command-line.js";
import { changeOf, drawLabelPictures, pictureClasses, rightAnswers, tinyPlan } from "./support/label-pictures.js";
import { type Answer, askServer, enterServer, writerOf } from "./support/page-server.js";
import { drawn } from "./support/slides.js";

const folder = await drawLabelPictures(60);
afterAll(async () => await rm(folder, { recursive: true, force: true }));

const faults: unknown[] = [];
let requests = 0;
const nextRequest = (): string => `request-${(requests += 1)}`;
const parsed = ({ body }: Answer): unknown => JSON.parse(body.toString());

describe("the server", () => {
  let labelling: Labelling;
  let training: LabelTraining;
  let server: LoopbackServer;
  let visitor: Record<string, string>;
  let writer: Record<string, string>;
  beforeAll(async () => {
    const onFault = (error: unknown): void => void faults.push(error);
    const options = { folder, annotator: "Ada", classes: pictureClasses, makeClassifier: null, threads: 1, onFault };
    labelling = await Labelling.open(options);
    training = new LabelTraining({ labelling, plan: () => tinyPlan, device: "cpu", threads: 1, onFault });
    await training.begin();
    const slides = new LabelSlides({ dataset: labelling.dataset, training, device: "cpu", threads: 1, onFault });
    server = await serveLabelling({ labelling, training, slides, threads: 1, port: 0, onFault });
    visitor = await enterServer(server);
    writer = await writerOf(server, visitor);
  });
  afterAll(async () => {
    await server.close();
    await training.close();
    await labelling.close();
  });

  const get = async (address: string): Promise<Answer> => await askServer(server, address, visitor);
  const post = async (address: string, body: unknown, headers = writer): Promise<Answer> =>
    await askServer(server, address, headers, "POST", typeof body === "string" ? body : JSON.stringify(body));
  const firstTask = async (): Promise<LabelTask> => (parsed(await get("/next?count=1")) as LabelTask[])[0] as LabelTask;
  const commitOf = (task: LabelTask): object => ({
    ...{ request: nextRequest(), mode: "single", seconds: 1 },
    changes: [changeOf(task, rightAnswers(task, labelling.classes))],
  });

  test("gives the page with all its parts, facts, questions and pictures", async () => {
    const page = (await get("/")).body.toString();
    const names = ["/style.css", ...[...page.matchAll(/src="(\/[\w.-]+)"/g)].map(([, name = ""]) => name)];
    // Scripts ask for each other.
    for (const name of names) {
      const { status, body } = await get(name);
      expect([name, status]).toEqual([name, 200]);
      for (const [, other = ""] of body.toString().matchAll(/from "\.(\/[\w-]+\.js)"/g)) {
        if (!names.includes(other)) names.push(other);
      }
    }
    expect(names.length).toBeGreaterThan(8);
    expect(parsed(await get("/facts")) as object).toMatchObject({
      annotator: "Ada",
      count: 60,
      hasSurroundings: false,
    });
    const { patch } = await firstTask();
    const picture = await sharp((await get(`/patches/${patch}`)).body).metadata();
    expect([picture.format, picture.width, picture.height]).toEqual(["jpeg", 64, 64]);
    const small = await sharp((await get(`/patches/${patch}/32`)).body).metadata();
    expect([small.width, small.height]).toEqual([32, 32]);
  });

  test("takes a commit once, takes it back, and says what others have changed", async () => {
    const task = await firstTask();
    // The page was left open for ten days.
    const commit = { ...commitOf(task), seconds: 864_000 };
    const [first, second] = [await post("/commit", commit), await post("/commit", commit)];
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((parsed(second) as LabelProgress).labelled).toBe(1);
    const late = await post("/commit", commitOf(task));
    expect([late.status, (parsed(late) as { conflict: LabelTask[] }).conflict[0]?.patch]).toEqual([409, task.patch]);
    const undone = await post("/undo", { request: nextRequest() });
    expect([undone.status, (parsed(undone) as LabelTask[])[0]?.answers]).toEqual([200, {}]);
    const added = await post("/classes", { request: nextRequest(), id: null, name: "<b>third</b>", colour: null });
    expect((parsed(added) as LabelProgress).classes.at(-1)).toMatchObject({ name: "<b>third</b>" });
    const twice = await post("/classes", { request: nextRequest(), id: null, name: "dots", colour: null });
    expect([twice.status, (parsed(twice) as { problem: string }).problem]).toEqual([
      400,
      'class "dots" is there already',
    ]);
  });

  test.each([
    ["no object", 7],
    ["no request", { mode: "single", seconds: 1, changes: [] }],
    ["nothing changed", { request: "none at all", mode: "single", seconds: 1, changes: [] }],
    ["a mode that is none", { request: "another mode", mode: "undo", seconds: 1, changes: [] }],
    ["more than it knows", { request: "more of it", mode: "single", seconds: 1, changes: [], by: "Eve" }],
    ["a path as a patch", { request: "a path it is", mode: "single", seconds: 1, changes: [{ patch: "../x" }] }],
    ["time that runs back", { request: "back in time", mode: "single", seconds: -1, changes: [] }],
  ])("a commit with %s is refused", async (_, body) => {
    const { revision } = labelling.progress();
    expect((await post("/commit", body)).status).toBe(400);
    expect(labelling.progress().revision).toBe(revision);
  });

  test.each<[string, (headers: Record<string, string>) => Record<string, string>, number]>([
    ["no session", ({ cookie: _, ...rest }) => rest, 401],
    ["another session", (headers) => ({ ...headers, cookie: "wsss-tissue-1=guess" }), 401],
    ["no token of the page", ({ "x-wsss-token": _, ...rest }) => rest, 403],
    ["a guessed token", (headers) => ({ ...headers, "x-wsss-token": "guess" }), 403],
    [
      "the token of the address",
      (headers) => ({ ...headers, "x-wsss-token": new URL(server.url).searchParams.get("token") ?? "" }),
      403,
    ],
    ["another origin", (headers) => ({ ...headers, origin: "http://evil.example" }), 403],
    ["the origin of a file", (headers) => ({ ...headers, origin: "null" }), 403],
    ["no origin", ({ origin: _, ...rest }) => rest, 403],
    ["another Host (DNS rebinding)", (headers) => ({ ...headers, host: "evil.example" }), 403],
    ["a form, as other pages could send", (headers) => ({ ...headers, "content-type": "text/plain" }), 415],
  ])("a commit with %s is refused", async (_, change, status) => {
    const { revision } = labelling.progress();
    const answer = await post("/commit", commitOf(await firstTask()), change(writer));
    expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([status, undefined]);
    expect(labelling.progress().revision).toBe(revision);
  });

  test("trains only when there is something to learn, and gives up on request", async () => {
    const act = async (action: string): Promise<Answer> => await post("/training", { request: nextRequest(), action });
    expect(parsed(await get("/training"))).toMatchObject({ state: "none", number: null });
    for (const action of ["pause", "resume", "cancel"]) {
      const answer = await act(action);
      expect([answer.status, parsed(answer)]).toEqual([400, { problem: `there is no training to ${action}` }]);
    }
    const early = await act("start");
    expect([early.status, parsed(early)]).toEqual([
      400,
      { problem: "0 patches are labelled, and a training needs 8 at least, of two classes; label some more first" },
    ]);
    expect((await act("stop")).status).toBe(400);
    expect((await get("/layers/prediction/0")).status).toBe(404);
    expect(parsed(await get("/layers"))).toEqual({ training: null, levels: [], classes: [] });
    const third = labelling.classes[2]?.id ?? "";
    for (const task of parsed(await get("/next?count=20")) as LabelTask[]) {
      const answers = { ...rightAnswers(task, labelling.classes), [third]: 0 as const };
      const body = { request: nextRequest(), mode: "single", seconds: 1, changes: [changeOf(task, answers)] };
      expect((await post("/commit", body)).status).toBe(200);
    }
    expect(parsed(await act("start"))).toMatchObject({
      problem: "nothing shows <b>third</b> yet; label some more first",
    });
    const task = await firstTask();
    const shown = { ...rightAnswers(task, labelling.classes), [third]: 1 as const };
    await post("/commit", { request: nextRequest(), mode: "single", seconds: 1, changes: [changeOf(task, shown)] });
    expect(parsed(await act("start"))).toMatchObject({ state: "running", number: 1, labelled: 21 });
    expect((await act("start")).status).toBe(400);
    const given = await act("cancel");
    expect([given.status, parsed(given)]).toEqual([200, expect.objectContaining({ state: "none" })]);
    await expect(readFile(path.join(folder, "labels", "runs", "1", "run.json"))).rejects.toThrow(/ENOENT/);
    expect(faults).toEqual([]);
  });

  test("text that is no JSON, the wrong method, and a replayed address are refused", async () => {
    expect((await post("/commit", "{")).status).toBe(400);
    expect((await get("/commit")).status).toBe(405);
    expect((await post("/facts", {})).status).toBe(405);
    const again = await askServer(server, new URL(server.url).pathname + new URL(server.url).search);
    expect([again.status, again.headers["set-cookie"]]).toEqual([403, undefined]);
  });

  test.each(["said in its header", "found while it comes"])("a body of 1 GB is refused, %s", async (how) => {
    const length = how === "said in its header" ? { "content-length": String(2 ** 30) } : {};
    const status = await new Promise((resolve) => {
      const request = ask(
        {
          host: "127.0.0.1",
          port: server.port,
          path: "/commit",
          method: "POST",
          headers: { ...writer, ...length },
          agent: false,
        },
        (response) => {
          resolve(response.statusCode);
          request.destroy();
        },
      );
      request.on("error", () => undefined);
      const some = Buffer.alloc(16_384, " ");
      const more = (): void => {
        while (!request.destroyed && request.write(some));
      };
      request.on("drain", more);
      more();
    });
    expect(status).toBe(413);
    expect((await get("/progress")).status).toBe(200);
  });

  test.each([
    "/patches/99999",
    "/patches/-1",
    "/patches/0/99999",
    "/patches/..%2f..%2fetc%2fpasswd",
    "/patches/p000.png",
    "/surroundings/0",
    "/slides/0/",
    "/slides/0/facts",
    "/slides/0/../../etc/passwd",
    "/tasks/99999",
    "/label",
    "/macro",
    "/labels/journal.jsonl",
    "/patches.csv",
    "/../../etc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
  ])("%s is not there", async (address) => {
    expect((await get(address)).status).toBe(404);
  });

  test("no answer says where anything lies, not even when a picture can't be read", async () => {
    const position = labelling.dataset.patches.findIndex(({ name }) => name === "p010.png");
    await writeFile(path.join(folder, "p010.png"), "no picture");
    const broken = await get(`/patches/${position}`);
    expect([broken.status, broken.body.toString()]).toEqual([
      500,
      "This could not be shown (WSSS_ERR_DATASET); the program says why.\n",
    ]);
    expect(String(faults.pop())).toMatch(/p010\.png/);
    for (const address of [
      "/",
      "/facts",
      "/progress",
      "/next?count=100",
      "/sweep?class=class-1",
      "/look-again",
      "/nothing",
    ]) {
      expect((await get(address)).body.toString()).not.toContain(path.dirname(folder));
    }
  });

  test("stays up under 10,000 connections and readers that do not read", async () => {
    for (let round = 0; round < 25; round += 1) {
      const sockets: Socket[] = [];
      for (let i = 0; i < 400; i += 1) {
        const socket = connect(server.port, "127.0.0.1");
        socket.on("error", () => undefined);
        if (i % 2 === 0) socket.pause();
        else socket.resume();
        socket.write(i % 3 === 0 ? "\0\x16\x03nonsense\r\n\r\n" : "POST /commit HTTP/1.1\r\nHost: x\r\n");
        sockets.push(socket);
      }
      await new Promise((resolve) => sockets.at(-1)?.once("close", resolve).resume());
      for (const socket of sockets) socket.destroy();
    }
    let status = 0;
    while (status !== 200) status = (await get("/progress").catch(() => ({ status: 0 }))).status;
    expect(faults).toEqual([]);
  });
});

describe("the command", () => {
  const started: ReturnType<typeof startCommand>[] = [];
  // Of a test that failed.
  afterAll(() => started.forEach(({ child }) => child.kill("SIGKILL")));

  /** Starts to label a folder; ends with the port, and what a browser would bring. */
  async function startLabelling(
    data: string,
    more: readonly string[] = [],
  ): Promise<{
    readonly running: ReturnType<typeof startCommand>;
    readonly server: { url: string; port: number };
    readonly writer: Record<string, string>;
  }> {
    const words = [
      "label",
      data,
      "--classes",
      pictureClasses.join(),
      "--annotator",
      "Ada",
      "--no-suggestions",
      "--json",
    ];
    const running = startCommand([...words, ...more]);
    started.push(running);
    const { url } = await new Promise<{ url: string }>((resolve) => {
      running.child.stdout?.once("data", (line: Buffer) => resolve(JSON.parse(line.toString()) as { url: string }));
    });
    const server = { url, port: Number(new URL(url).port) };
    return { running, server, writer: await writerOf(server, await enterServer(server)) };
  }

  test("prints one line of JSON, keeps others out, and ends by a signal with the dataset written", async () => {
    const data = `${folder}-command`;
    await cp(folder, data, { recursive: true, filter: (file) => !/labels|csv|json/.test(path.relative(folder, file)) });
    const { running, server, writer } = await startLabelling(data);
    const second = await command("label", data, "--no-suggestions", "--json");
    expect([second.code, second.stderr]).toEqual([3, expect.stringMatching(/is at work in .*labels/)]);
    for (const task of parsed(await askServer(server, "/next?count=5", writer)) as LabelTask[]) {
      const changes = [changeOf(task, { "class-1": 1, "class-2": 0 })];
      const body = { request: nextRequest(), mode: "single", seconds: 1, changes };
      expect((await askServer(server, "/commit", writer, "POST", JSON.stringify(body))).status).toBe(200);
    }
    running.child.kill("SIGINT");
    const { code, stdout } = await running.ended;
    expect([code, stdout.trim().split("\n").length]).toEqual([0, 1]);
    expect((await readFile(path.join(data, "patches.csv"), "utf8")).match(/,stripes$/gm)).toHaveLength(5);
    await rm(data, { recursive: true });
  });

  test("after kill -9 at any point every label that was acknowledged is there, once", async () => {
    const kills = Number(process.env["WSSS_KILLS"] ?? 3);
    const data = `${folder}-kills`;
    await cp(folder, data, { recursive: true, filter: (file) => !/labels|csv|json/.test(path.relative(folder, file)) });
    const acknowledged = new Map<string, number>();
    let state = 12_345;
    const below = (most: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * most);
    };
    for (let kill = 0; kill < kills; kill += 1) {
      const { running, server, writer } = await startLabelling(data);
      const before = parsed(await askServer(server, "/progress", writer)) as LabelProgress;
      expect(before.revision).toBeGreaterThanOrEqual(2 + acknowledged.size);
      const killAt = below(12);
      const onTheWay: Promise<void>[] = [];
      for (let i = 0; i <= killAt + 3; i += 1) {
        const task = parsed(
          await askServer(server, `/tasks/${below(60)}`, writer).catch(() => ({ body: Buffer.from("null") }) as Answer),
        ) as LabelTask | null;
        if (task === null) break;
        const answers = { "class-1": below(2) as 0 | 1, "class-2": below(2) as 0 | 1 };
        const request = nextRequest();
        const body = JSON.stringify({ request, mode: "single", seconds: 1, changes: [changeOf(task, answers)] });
        onTheWay.push(
          askServer(server, "/commit", writer, "POST", body).then(
            ({ status }) => {
              if (status === 200) acknowledged.set(request, (acknowledged.get(request) ?? 0) + 1);
            },
            () => undefined,
          ),
        );
        if (i >= killAt) {
          // Before, while, or after it is written: as many turns of the event loop as are drawn.
          for (let turn = below(20); turn > 0; turn -= 1) await new Promise(setImmediate);
          running.child.kill("SIGKILL");
        } else await onTheWay.at(-1);
      }
      await Promise.all(onTheWay);
      await running.ended;
      const journal = await readFile(path.join(data, "labels", "journal.jsonl"), "utf8");
      const written = journal
        .slice(0, journal.lastIndexOf("\n") + 1)
        .split("\n")
        .filter((line) => line !== "");
      const requestsThere = written.map((line) => (JSON.parse(line) as { request: string }).request);
      expect(new Set(requestsThere).size).toBe(requestsThere.length);
      for (const request of acknowledged.keys()) expect(requestsThere).toContain(request);
    }
    expect(acknowledged.size).toBeGreaterThan(0);
    // Opened once more, the dataset is as the journal says.
    const { running, server, writer } = await startLabelling(data);
    const { labelled } = parsed(await askServer(server, "/progress", writer)) as LabelProgress;
    running.child.kill("SIGTERM");
    expect((await running.ended).code).toBe(0);
    const manifest = await readFile(path.join(data, "patches.csv"), "utf8");
    expect(manifest.split("\n").filter((line) => /,train,./.test(line))).toHaveLength(labelled);
    await rm(data, { recursive: true });
  });

  test("slides are cut once, and their patches are shown with what lies around them", async () => {
    const slide = path.join(folder, "case, 1.png");
    const scene = drawn(900, 700, (x, y) => {
      if ((x - 450) ** 2 / 400 ** 2 + (y - 350) ** 2 / 300 ** 2 > 1) return [246, 245, 247];
      return [190 + ((x * 3) % 50), 110 + ((y * 5) % 40), 170 + ((x + y) % 60)];
    });
    await sharp(scene.rgb, { raw: { width: 900, height: 700, channels: 3 } })
      .png()
      .toFile(slide);
    const data = `${folder}-slides`;
    const words = ["--out", data, "--patch-px", "64", "--slide-mpp", "0.5", "--limit", "12", "--seed", "3"];
    const { running, server, writer } = await startLabelling(slide, words);
    expect(parsed(await askServer(server, "/facts", writer))).toMatchObject({ count: 12, hasSurroundings: true });
    const [task] = parsed(await askServer(server, "/next?count=1", writer)) as LabelTask[];
    expect(task?.name).toMatch(/^case, 1_x\d+_y\d+$/);
    const pixelsOf = async (address: string, side: number): Promise<Buffer> =>
      await sharp((await askServer(server, address, writer)).body)
        .resize(side, side)
        .raw()
        .toBuffer();
    const patch = await pixelsOf(`/patches/${task?.patch}`, 64);
    expect(patch).toHaveLength(64 * 64 * 3);
    // The patch is the middle third of its surroundings.
    const around = await sharp((await askServer(server, `/surroundings/${task?.patch}`, writer)).body)
      .resize(192, 192)
      .extract({ left: 64, top: 64, width: 64, height: 64 })
      .raw()
      .toBuffer();
    const difference = patch.reduce((sum, value, at) => sum + Math.abs(value - (around[at] ?? 0)), 0) / patch.length;
    expect(difference).toBeLessThan(25);
    const changes = [changeOf(task as LabelTask, { "class-1": 1, "class-2": 1 })];
    const body = JSON.stringify({ request: nextRequest(), mode: "single", seconds: 1, changes });
    expect((await askServer(server, "/commit", writer, "POST", body)).status).toBe(200);
    running.child.kill("SIGINT");
    expect((await running.ended).code).toBe(0);
    const manifest = await readFile(path.join(data, "patches.csv"), "utf8");
    expect(manifest.match(/,stripes;dots\b/g)).toHaveLength(1);
    // The same command opens it again, with the labels that it has.
    const again = await startLabelling(slide, words);
    expect(parsed(await askServer(again.server, "/progress", again.writer))).toMatchObject({ count: 12, labelled: 1 });
    again.running.child.kill("SIGINT");
    await again.running.ended;
    expect((await openDataset(data)).train.files.map(({ labels }) => labels)).toEqual([[1, 1]]);
    await rm(data, { recursive: true });
  });

  test.each<[string, string[], number, RegExp]>([
    [
      "a folder that is not there",
      ["label", "/nowhere/at/all", "--json"],
      2,
      /is no folder; of slides patches are cut first/,
    ],
    ["two folders", ["label", folder, folder], 2, /name one folder only/],
    [
      "slides without classes",
      ["label", path.join(folder, "p001.png"), "--out", `${folder}-out`],
      2,
      /classes is missing/,
    ],
    ["a port that is none", ["label", folder, "--port", "99999"], 2, /--port/],
    ["another network", ["label", folder, "--backbone", "vgg"], 2, /--backbone/],
  ])("%s is a wrong option", async (_, words, expected, problem) => {
    const { code, stderr } = await command(...words);
    expect([code, stderr]).toEqual([expected, expect.stringMatching(problem)]);
  });
});
