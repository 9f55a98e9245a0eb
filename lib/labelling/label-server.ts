/** The server of the labelling page: what it can be asked, and what is believed of what it is told. */
import { z } from "zod";
import { isWsssError } from "../errors.js";
import {
  type Asked,
  type LoopbackServer,
  type Reply,
  type Route,
  startLoopbackServer,
} from "../server/loopback-server.js";
import { routesBelow } from "../server/nested-routes.js";
import { pageFiles } from "../server/page-files.js";
import type { LabelFacts, LearnedLayers } from "./label-facts.js";
import type { LabelSlides } from "./label-slides.js";
import type { LabelTraining } from "./label-training.js";
import type { Labelling } from "./labelling.js";
import { LatestLayers } from "./learned-layers.js";
import { PatchPictures } from "./patch-pictures.js";
import type { PatchToLabel } from "./patches-to-label.js";

/** What is labelled, and where the page is. */
export interface LabelServerOptions {
  readonly labelling: Labelling;
  readonly training: LabelTraining;
  readonly slides: LabelSlides;
  /** Threads of predictions that the page asks for. */
  readonly threads: number;
  /** 0 = any that is free. */
  readonly port: number;
  readonly onFault: (error: unknown) => void;
}

/** Most patches that are asked about at once. */
const mostTasks = 100;

const request = z.string().min(8).max(100);
const position = z
  .int()
  .min(0)
  .max(2 ** 31);
const byte = z.int().min(0).max(255);

const commitBody = z.strictObject({
  request,
  mode: z.enum(["single", "sweep"]),
  // A page may be left open for days, and what is said then counts all the same.
  seconds: z
    .number()
    .min(0)
    .transform((seconds) => Math.min(seconds, 86_400)),
  changes: z
    .array(
      z.strictObject({
        patch: position,
        revision: z.int().min(0),
        answers: z.record(z.string().max(100), z.union([z.literal(0), z.literal(1)])),
        isUnsure: z.boolean(),
        wasPrefilled: z.boolean(),
      }),
    )
    .min(1)
    .max(mostTasks)
    .refine((changes) => new Set(changes.map(({ patch }) => patch)).size === changes.length, "one change a patch"),
});

const undoBody = z.strictObject({ request });

const classBody = z.strictObject({
  request,
  id: z.string().max(100).nullable(),
  name: z.string().max(200),
  colour: z.tuple([byte, byte, byte]).nullable(),
});

const slideBody = z.strictObject({ request, slide: position, action: z.enum(["segment", "stop"]) });

const trainingBody = z.strictObject({ request, action: z.enum(["start", "pause", "resume", "cancel"]) });

/**
 * Serves the page until it is closed.
 * @throws WsssError as `startLoopbackServer`.
 */
export async function serveLabelling(options: LabelServerOptions): Promise<LoopbackServer> {
  const { labelling, training, slides, threads, port, onFault } = options;
  const pictures = new PatchPictures();
  const layers = new LatestLayers(() => training.finished, threads);
  const page = await pageFiles(new URL("page/", import.meta.url), [
    "index.html",
    "style.css",
    "label-page.js",
    "label-requests.js",
    "label-pictures.js",
    "single-mode.js",
    "sweep-mode.js",
    "class-editor.js",
    "page-parts.js",
    "side-panel.js",
    "training-panel.js",
    "patch-layers.js",
    "slide-list.js",
  ]);
  const server = await startLoopbackServer({
    port,
    routes: [
      ...page,
      ...questions(labelling),
      ...pictureRoutes(labelling, pictures),
      ...writings(labelling),
      ...trainingRoutes(training, layers, labelling),
      ...slideRoutes(slides),
    ],
    onFault,
  });
  return {
    ...server,
    close: async () => {
      await server.close();
      await pictures.close();
      await layers.close();
    },
  };
}

function questions(labelling: Labelling): Route[] {
  return [
    {
      path: /^\/facts$/,
      answer: async ({ writeToken }) => {
        const { dataset, annotator, hasSurroundings } = labelling;
        const count = dataset.patches.length;
        const facts: LabelFacts = { title: dataset.title, annotator, writeToken, count, hasSurroundings };
        return await Promise.resolve(json(facts));
      },
    },
    { path: /^\/progress$/, answer: async () => await Promise.resolve(json(labelling.progress())) },
    { path: /^\/look-again$/, answer: async () => await Promise.resolve(json(labelling.lookAgain())) },
    {
      path: /^\/next$/,
      answer: async ({ query }) => {
        const held = new Set(numbersIn(query.get("held") ?? ""));
        return await Promise.resolve(json(labelling.questions.next(countIn(query), held)));
      },
    },
    {
      path: /^\/sweep$/,
      answer: async ({ query }) => {
        const [like = null] = numbersIn(query.get("like") ?? "");
        return json(await labelling.questions.sweep(query.get("class") ?? "", countIn(query), like));
      },
    },
    {
      path: /^\/tasks\/(?<patch>\d{1,9})$/,
      answer: async ({ groups }) => await Promise.resolve(json(labelling.questions.task(Number(groups["patch"])))),
    },
  ];
}

function pictureRoutes(labelling: Labelling, pictures: PatchPictures): Route[] {
  const patchOf = ({ groups }: Asked): PatchToLabel => labelling.patch(Number(groups["patch"]));
  return [
    {
      path: /^\/patches\/(?<patch>\d{1,9})(\/(?<side>\d{1,4}))?$/,
      answer: async (asked) =>
        jpeg(await pictures.patch(patchOf(asked), Number(asked.groups["side"] ?? 0), asked.signal)),
    },
    {
      path: /^\/surroundings\/(?<patch>\d{1,9})$/,
      answer: async (asked) => jpeg(await pictures.surroundings(patchOf(asked), asked.signal)),
    },
  ];
}

function writings(labelling: Labelling): Route[] {
  return [
    writing(/^\/commit$/, commitBody, async (body) => await labelling.commit(body)),
    writing(/^\/undo$/, undoBody, async (body) => await labelling.undo(body.request)),
    writing(/^\/classes$/, classBody, async ({ request: id, ...wanted }) => await labelling.setClass(id, wanted)),
  ];
}

function trainingRoutes(training: LabelTraining, layers: LatestLayers, labelling: Labelling): Route[] {
  const patchOf = ({ groups }: Asked): PatchToLabel => labelling.patch(Number(groups["patch"]));
  return [
    { path: /^\/training$/, answer: async () => await Promise.resolve(json(training.state)) },
    writing(/^\/training$/, trainingBody, async ({ action }) => {
      await training[action]();
      return training.state;
    }),
    {
      path: /^\/layers$/,
      answer: async () => {
        const nothing: LearnedLayers = { training: null, levels: [], classes: [] };
        return json(training.finished === null ? nothing : await layers.current.describe(training.finishedNumber));
      },
    },
    {
      path: /^\/layers\/prediction\/(?<patch>\d{1,9})$/,
      answer: async (asked) => png(await layers.current.prediction(patchOf(asked))),
    },
    {
      path: /^\/layers\/(?<level>\w{1,20})\/(?<patch>\d{1,9})$/,
      answer: async (asked) => png(await layers.current.pseudoMask(patchOf(asked), asked.groups["level"] ?? "")),
    },
  ];
}

function slideRoutes(slides: LabelSlides): Route[] {
  return [
    { path: /^\/slides$/, answer: async () => await Promise.resolve(json(slides.states)) },
    writing(/^\/slides$/, slideBody, async ({ slide, action }) => {
      slides[action](slide);
      return await Promise.resolve(slides.states);
    }),
    routesBelow(
      /^\/slides\/(?<slide>\d{1,6})(?<rest>\/.*)$/,
      async ({ groups }) => await slides.viewOf(Number(groups["slide"])),
    ),
  ];
}

/** A route that takes a checked body; what is wrong with it is told to the page. */
function writing<Body>(path: RegExp, schema: z.ZodType<Body>, take: (body: Body) => Promise<object>): Route {
  return {
    path,
    method: "POST",
    answer: async ({ body }) => {
      const checked = schema.safeParse(body);
      if (!checked.success) return json({ problem: "The request is not what this version of the page sends." }, 400);
      try {
        const taken = await take(checked.data);
        return json(taken, "conflict" in taken ? 409 : 200);
      } catch (error) {
        // Of our own words only those about what was asked: they name no file.
        if (isWsssError(error, "WSSS_ERR_OPTION")) return json({ problem: error.message }, 400);
        throw error;
      }
    },
  };
}

function json(value: unknown, status = 200): Reply {
  return { status, type: "application/json", body: JSON.stringify(value) };
}

function png(body: Uint8Array): Reply {
  return { type: "image/png", body };
}

function jpeg(body: Uint8Array): Reply {
  return { type: "image/jpeg", body };
}

function countIn(query: URLSearchParams): number {
  const count = Number(query.get("count") ?? 10);
  return Number.isInteger(count) ? Math.min(Math.max(count, 1), mostTasks) : 10;
}

function numbersIn(text: string): number[] {
  return /^\d{1,9}(,\d{1,9}){0,500}$/.test(text) ? text.split(",").map(Number) : [];
}
