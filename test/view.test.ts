// The page on which slides are looked at: its server, which trusts nobody, and the page in a real browser.
import { createServer } from "node:http";
import { request as ask } from "node:http";
import { connect, type Socket } from "node:net";
import { mkdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { isWsssError, openSlide, Segmenter, type Slide } from "../dist/index.js";
import { loadAddon } from "../dist/native/load.js";
import type { LoopbackServer } from "../dist/server/loopback-server.js";
import { openSavedMap } from "../dist/slide-maps/saved-map.js";
import { serveView } from "../dist/view/view-server.js";
import { axeViolations, hasBrowser, startBrowser } from "./support/browser.js";
import { command, startCommand } from "./support/command-line.js";
import { askServer, enterServer, tokenOf } from "./support/page-server.js";
import { drawn, slideFolder } from "./support/slides.js";
import { tinyWidth } from "./support/tiny-models.js";

const folder = await slideFolder();
afterAll(async () => await rm(folder, { recursive: true, force: true }));
const place = (...names: string[]): string => path.join(folder, ...names);

/** 1400 x 900 px at 0.5 um: tissue in the middle. */
const scene = drawn(1400, 900, (x, y) => {
  if ((x - 700) ** 2 / 600 ** 2 + (y - 450) ** 2 / 400 ** 2 > 1) return [246, 245, 247];
  const wave = Math.sin(x / 17) * Math.cos(y / 23);
  return [190 + 40 * wave, 110 + 50 * Math.sin((x + y) / 31), 170 + 30 * wave].map((value) => Math.round(value));
});
const classes = [
  { name: "<b>gland</b>", colour: [200, 0, 0] },
  { name: "stroma", colour: [0, 160, 0] },
] as const;

let slide: Slide;
const faults: unknown[] = [];
const file = place("case 1.png");

beforeAll(async () => {
  const { width, height } = scene;
  await sharp(scene.rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(file);
  slide = await openSlide(file, { micronsPerPixel: 0.5 });
  await using segmenter = await Segmenter.create({ classes, width: tinyWidth, device: "cpu", seed: 3, threads: 1 });
  const work = segmenter.segmentSlide(slide, {
    output: place("maps", "case 1"),
    micronsPerPixel: 0.5,
    tilePx: 64,
    overlapPx: 8,
  });
  while ((await work.next()).done !== true);
});
afterAll(async () => await slide.close());

const serve = async (results: string | undefined = place("maps"), port = 0): Promise<LoopbackServer> =>
  await serveView({
    slide,
    results,
    port,
    signal: new AbortController().signal,
    onFault: (error) => faults.push(error),
  });

describe("the server", () => {
  let server: LoopbackServer;
  let visitor: Record<string, string>;
  beforeAll(async () => {
    server = await serve();
    visitor = await enterServer(server);
  });
  afterAll(async () => await server.close());

  test("listens on 127.0.0.1 only", async () => {
    expect(server.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/);
    const other = connect(server.port, "127.0.0.2");
    await expect(
      new Promise((resolve, reject) => other.once("connect", resolve).once("error", reject)),
    ).rejects.toThrow(/ECONNREFUSED/);
  });

  test("gives the page, what is known of the slide, and tiles", async () => {
    const page = await askServer(server, "/", visitor);
    expect([page.status, page.headers["content-type"]]).toEqual([200, "text/html; charset=utf-8"]);
    const facts = JSON.parse((await askServer(server, "/facts", visitor)).body.toString()) as Record<string, never>;
    expect(facts).toMatchObject({
      title: "case 1.png",
      slide: { width: 1400, height: 900, tilePx: 512, maxLevel: 11, mpp: 0.5 },
      map: {
        width: 1400,
        height: 900,
        maxLevel: 2,
        widthOnSlide: 1400,
        classes: [{ colour: [200, 0, 0] }, { name: "stroma" }],
      },
    });
    expect(JSON.stringify(facts)).not.toContain(folder);
    const tile = await sharp((await askServer(server, "/tiles/slide/11/1_0", visitor)).body).metadata();
    expect([tile.format, tile.width, tile.height]).toEqual(["jpeg", 512, 512]);
    const edge = await sharp((await askServer(server, "/tiles/slide/10/1_0", visitor)).body).metadata();
    expect([edge.width, edge.height]).toEqual([188, 450]);
    for (const script of ["/openseadragon.js", "/view-page.js", "/style.css"]) {
      expect((await askServer(server, script, visitor)).status).toBe(200);
    }
  });

  test("its tiles of the map are the map, hidden classes and background transparent", async () => {
    const tileOf = async (query: string): Promise<Buffer> =>
      await sharp((await askServer(server, `/tiles/map/2/1_0${query}`, visitor)).body)
        .raw()
        .toBuffer();
    const whole = await tileOf("");
    const part = await tileOf("?hidden=0");
    // The directories are chained, the finest first; libvips reads the colours of its palette.
    const stored = await sharp(place("maps", "case 1", "classes.ome.tif"), { page: 0 })
      .extract({ left: 512, top: 0, width: 512, height: 512 })
      .removeAlpha()
      .raw()
      .toBuffer();
    let different = 0;
    const seen = new Set<string>();
    for (let i = 0; i < 512 * 512; i++) {
      const colour = [...stored.subarray(3 * i, 3 * i + 3)].join();
      seen.add(colour);
      const isClass = colour !== "255,255,255";
      const expected = isClass ? `${colour},255` : "0,0,0,0";
      if ([...whole.subarray(4 * i, 4 * i + 4)].join() !== expected) different++;
      const shown = isClass && colour !== "200,0,0" ? 255 : 0;
      if (part[4 * i + 3] !== shown) different++;
    }
    expect(different).toBe(0);
    expect(seen.size).toBeGreaterThan(1);
  });

  test.each([
    ["a tile beyond the slide", "/tiles/slide/11/9_9", 404],
    ["a level beyond the finest", "/tiles/slide/12/0_0", 404],
    ["a tile beyond the map", "/tiles/map/2/9_0", 404],
    ["a level that the map does not have", "/tiles/map/3/0_0", 404],
    ["a label", "/tiles/label/0/0_0", 404],
    ["a macro image", "/tiles/macro", 404],
    ["a path that climbs", "/../../etc/passwd", 404],
    ["a path that climbs in code", "/%2e%2e/%2e%2e/etc/passwd", 404],
    ["a path of a tile that climbs", "/tiles/slide/11/..%2f..%2fetc", 404],
    ["a file of the machine", "/etc/passwd", 404],
    ["numbers without end", `/tiles/slide/${"9".repeat(40)}/0_0`, 404],
  ])("%s is not there", async (_, address, status) => {
    expect((await askServer(server, address, visitor)).status).toBe(status);
  });

  test.each<[string, Record<string, string>, string, number]>([
    ["no session", {}, "GET", 401],
    ["a session that was guessed", { cookie: "wsss-tissue-1=guess" }, "GET", 401],
    ["another Host (DNS rebinding)", { host: "evil.example" }, "GET", 403],
    ["a Host of another port", { host: "127.0.0.1:1" }, "GET", 403],
    ["another origin", { origin: "http://evil.example" }, "GET", 403],
    ["an origin of another port", { origin: "http://127.0.0.1:1" }, "GET", 403],
    ["the origin of a file", { origin: "null" }, "GET", 403],
    ["a wish to write that does not say where it comes from", {}, "POST", 403],
    ["a wish to remove", {}, "DELETE", 405],
    [
      "a question of another page",
      { origin: "http://evil.example", "access-control-request-method": "GET" },
      "OPTIONS",
      403,
    ],
  ])("%s is refused", async (_, headers, method, status) => {
    const given = status === 401 ? headers : { ...visitor, ...headers };
    const { status: found, headers: said, body } = await askServer(server, "/facts", given, method);
    expect([found, said["access-control-allow-origin"]]).toEqual([status, undefined]);
    expect(body.toString()).not.toContain("case 1");
  });

  test("a body of any size is refused before it is read", async () => {
    const headers = { ...visitor, "content-length": String(2 ** 30) };
    const status = await new Promise((resolve) => {
      const request = ask(
        { host: "127.0.0.1", port: server.port, path: "/facts", headers, agent: false },
        (response) => {
          resolve(response.statusCode);
          request.destroy();
        },
      );
      request.on("error", () => undefined);
      request.write("x");
    });
    expect(status).toBe(413);
  });

  test("looking whether the address is there does not use it up", async () => {
    const fresh = await serve();
    expect((await askServer(fresh, `/${tokenOf(fresh)}`, {}, "HEAD")).status).toBe(401);
    await enterServer(fresh);
    await fresh.close();
  });

  test("the token is good for one visit", async () => {
    const again = await askServer(server, `/${tokenOf(server)}`);
    expect([again.status, again.headers["set-cookie"]]).toEqual([403, undefined]);
    expect((await askServer(server, "/?token=guess")).status).toBe(403);
    expect((await askServer(server, "/facts", visitor)).status).toBe(200);
  });

  test("every answer forbids what a page could be made to do", async () => {
    for (const [address, headers] of [
      ["/", visitor],
      ["/nothing", visitor],
      ["/", {}],
    ] as const) {
      const { headers: said } = await askServer(server, address, headers);
      expect(said["content-security-policy"]).toMatch(/^default-src 'self'; .*frame-ancestors 'none'$/);
      expect(said).toMatchObject({
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
      });
    }
  });

  test("stays up under very many connections, nonsense and readers that do not read", async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 400; i++) {
      const socket = connect(server.port, "127.0.0.1");
      socket.on("error", () => undefined).resume();
      socket.write(i % 2 === 0 ? "GET /facts HTTP/1.1\r\nHost: x\r\n" : "\0\x16\x03nonsense\r\n\r\n");
      sockets.push(socket);
    }
    await new Promise((resolve) => sockets.at(-1)?.once("close", resolve));
    for (const socket of sockets) socket.destroy();
    let status = 0;
    // Its places are free again when the closed connections have been noticed.
    while (status !== 200) status = (await askServer(server, "/facts", visitor).catch(() => ({ status: 0 }))).status;
    const slow = connect(server.port, "127.0.0.1");
    slow.pause();
    slow.write(
      `GET /openseadragon.js HTTP/1.1\r\nHost: 127.0.0.1:${server.port}\r\nCookie: ${visitor["cookie"]}\r\n\r\n`,
    );
    expect((await askServer(server, "/facts", visitor)).status).toBe(200);
    slow.destroy();
  });

  test("nothing of this was a fault of ours", () => expect(faults).toEqual([]));
});

describe("what can be wrong", () => {
  const refusal = async (work: Promise<unknown>): Promise<{ code: string; message: string }> => {
    try {
      await work;
    } catch (error) {
      if (isWsssError(error)) return error;
      throw error;
    }
    throw new Error("it was not refused");
  };

  test("a port that is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const error = await refusal(serve(undefined, port));
    expect([error.code, error.message]).toEqual([
      "WSSS_ERR_IO",
      `cannot listen on 127.0.0.1:${port}: another program has it; choose another --port, or 0 for any`,
    ]);
    await new Promise((resolve) => taken.close(resolve));
  });

  test("no map, one of another slide, one of another version, and damaged ones", async () => {
    await mkdir(place("empty"));
    expect((await refusal(serve(place("empty")))).message).toMatch(/holds no map of case 1 \(result\.json\)/);
    expect((await refusal(serve(place("nowhere")))).code).toBe("WSSS_ERR_IO");
    const addon = await loadAddon();
    const copy = place("copy");
    await mkdir(copy);
    const result = await readFile(place("maps", "case 1", "result.json"), "utf8");
    const tiff = await readFile(place("maps", "case 1", "classes.ome.tif"));
    const tryOpening = async (text: string, bytes: Buffer): Promise<{ code: string; message: string }> => {
      await writeFile(path.join(copy, "result.json"), text);
      await writeFile(path.join(copy, "classes.ome.tif"), bytes);
      return await refusal(openSavedMap(addon, copy, slide));
    };
    expect((await tryOpening(result.replace("case 1.png", "other.svs"), tiff)).message).toMatch(
      /is of slide other\.svs, not of case 1\.png/,
    );
    expect((await tryOpening(result.replaceAll("colour", "color"), tiff)).message).toMatch(/is not what this version/);
    expect((await tryOpening("{", tiff)).message).toMatch(/is not what this version/);
    expect((await tryOpening(result.replace('"width": 1400', '"width": 1401'), tiff)).message).toMatch(
      /is not the map that result\.json/,
    );
    expect((await tryOpening(result, tiff.subarray(0, 5000))).message).toMatch(
      /is no map that wsss-tissue segment wrote/,
    );
    expect((await tryOpening(result, Buffer.from("II*\0 another kind of TIFF"))).message).toMatch(/it is no BigTIFF/);
    // Each byte of the head and of the directories may be anything.
    const { width } = scene;
    for (let at = 0; at < tiff.length; at += at < 16 || at > tiff.length - 6000 ? 1 : 4001) {
      const changed = Buffer.from(tiff);
      changed[at] = (changed[at] ?? 0) ^ 0xff;
      await writeFile(path.join(copy, "classes.ome.tif"), changed);
      const levels = await refusal(
        openSavedMap(addon, copy, slide).then(() => Promise.reject(new TypeError("fine"))),
      ).catch(() => null);
      if (levels !== null) expect(["WSSS_ERR_DATASET", "WSSS_ERR_IO"]).toContain(levels.code);
    }
    expect(width).toBe(1400);
  });

  test("a tile that is damaged meanwhile is told to the program, and not with its path to the browser", async () => {
    const server = await serve();
    const visitor = await enterServer(server);
    const tiff = place("maps", "case 1", "classes.ome.tif");
    const bytes = await readFile(tiff);
    await truncate(tiff, 3000);
    const { status, body } = await askServer(server, "/tiles/map/2/0_0", visitor);
    await writeFile(tiff, bytes);
    expect([status, body.toString()]).toEqual([
      500,
      "This could not be shown (WSSS_ERR_DATASET); the program says why.\n",
    ]);
    expect(faults.map(String).join("\n")).toMatch(/classes\.ome\.tif is no map/);
    faults.length = 0;
    await server.close();
  });
});

(hasBrowser ? describe : describe.skip)("the page in a browser", () => {
  let browser: Browser;
  let server: LoopbackServer;
  let page: Page;
  const said: string[] = [];
  const asked: string[] = [];

  beforeAll(async () => {
    browser = await startBrowser();
    server = await serve();
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on("console", (message) => said.push(message.text()));
    page.on("pageerror", (error) => said.push(error.message));
    page.on("request", (request) => asked.push(request.url()));
    // Not as a script of the page, whose policy forbids it.
    await page.addInitScript({ path: path.resolve("node_modules", "axe-core", "axe.min.js") });
    await page.goto(server.url);
    await page.waitForSelector("body[data-hidden]");
    await page.waitForLoadState("networkidle");
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });

  /** The colour in the middle of what is seen of the slide, once it stands still. */
  async function colourInTheMiddle(): Promise<number[]> {
    await page.waitForLoadState("networkidle");
    let last = "";
    for (;;) {
      const picture = await page.locator("#slide").screenshot();
      const { data, info } = await sharp(picture).removeAlpha().raw().toBuffer({ resolveWithObject: true });
      const at = 3 * (Math.floor(info.height / 2) * info.width + Math.floor(info.width / 2));
      const now = [...data.subarray(at, at + 3)];
      if (now.join() === last) return now;
      last = now.join();
    }
  }

  test("draws the slide with the map over it", async () => {
    await page.locator("#opacity").fill("100");
    const full = await colourInTheMiddle();
    const index = classes.findIndex(({ colour }) => colour.join() === full.join());
    expect(index).toBeGreaterThanOrEqual(0);
    await page.keyboard.press("o");
    const bare = await colourInTheMiddle();
    expect(bare.join()).not.toBe(full.join());
    await page.keyboard.press("o");
    // Its class goes and comes by its digit.
    await page.keyboard.press(String(index + 1));
    await page.waitForSelector(`body[data-hidden="${index}"]`);
    expect(await colourInTheMiddle()).toEqual(bare);
    await page.keyboard.press("a");
    await page.waitForSelector('body[data-hidden=""]');
    expect(await colourInTheMiddle()).toEqual(full);
  });

  test("opacity by keys, zoom with its scale bar", async () => {
    await page.keyboard.press(",");
    await page.keyboard.press(",");
    expect(await page.locator("#opacity-text").textContent()).toBe("80 %");
    const before = await page.locator("#scale-text").textContent();
    for (let i = 0; i < 3; i++) await page.keyboard.press("+");
    await page
      .locator("#scale-text")
      .filter({ hasNotText: before ?? "" })
      .waitFor();
    expect(await page.locator("#scale-text").textContent()).toMatch(/^\d+ µm$/);
  });

  test("classes with their areas; a name that looks like HTML is a name", async () => {
    const list = await page.locator("#classes li").allInnerTexts();
    expect(list).toHaveLength(2);
    expect(list[0]).toMatch(/^<b>gland<\/b>/);
    expect(list.join()).toMatch(/mm², \d+\.\d %/);
  });

  test.each([
    ["light", 1280],
    ["dark", 1280],
    ["light", 600],
  ] as const)("is accessible, %s, %d px wide", async (colorScheme, width) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    expect(await axeViolations(page)).toEqual([]);
  });

  test("asked nobody else, and complained of nothing", () => {
    expect(said).toEqual([]);
    expect(
      asked.filter((url) => !url.startsWith(`http://127.0.0.1:${server.port}/`) && !/^(data|blob):/.test(url)),
    ).toEqual([]);
    expect(faults).toEqual([]);
  });
});

test.each(["99999", "-1", "x"])("port %s is a wrong option", async (wrong) => {
  const { code, stderr } = await command("view", file, `--port=${wrong}`);
  expect([code, stderr]).toEqual([2, expect.stringMatching(/--port/)]);
});

test("the command prints one line of JSON, serves, and ends by a signal", async () => {
  const running = startCommand(["view", file, place("maps"), "--slide-mpp", "0.5", "--json"]);
  const { url } = await new Promise<{ url: string }>((resolve) => {
    running.child.stdout?.once("data", (line: Buffer) => resolve(JSON.parse(line.toString()) as { url: string }));
  });
  expect((await fetch(url)).status).toBe(200);
  running.child.kill("SIGINT");
  expect((await running.ended).code).toBe(0);
});
