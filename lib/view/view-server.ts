/** The page on which a slide and its map are looked at, and the server that gives it to one browser. */
import { createRequire } from "node:module";
import path from "node:path";
import { throwIfAborted } from "../async/cancellation.js";
import { loadAddon } from "../native/load.js";
import {
  type Asked,
  type LoopbackServer,
  type Reply,
  type Route,
  startLoopbackServer,
} from "../server/loopback-server.js";
import { pageFiles } from "../server/page-files.js";
import type { Slide } from "../slide/slide.js";
import { openSavedMap, type SavedMap } from "../slide-maps/saved-map.js";
import { mapTile } from "./map-tiles.js";
import { pyramidOf, slideTile, slideTilePx, type TileAddress } from "./slide-tiles.js";
import type { ViewFacts } from "./view-facts.js";

/** What is looked at, and where. */
export interface ViewOptions {
  readonly slide: Slide;
  /** Folder that `segment` wrote into; undefined = the slide alone. */
  readonly results: string | undefined;
  /** 0 = any that is free. */
  readonly port: number;
  readonly signal: AbortSignal;
  readonly onFault: (error: unknown) => void;
}

/**
 * Serves the page until it is closed.
 * @throws WsssError as `openSavedMap` and `startLoopbackServer`.
 */
export async function serveView({ slide, results, port, signal, onFault }: ViewOptions): Promise<LoopbackServer> {
  const routes = await viewRoutes(slide, results);
  throwIfAborted(signal);
  return await startLoopbackServer({ port, routes, onFault });
}

/**
 * The page of a slide and all that it asks for, at `/` or below any address that ends with one.
 * @param results - folder that `segment` wrote into; undefined = the slide alone.
 * @throws WsssError as `openSavedMap`.
 */
export async function viewRoutes(slide: Slide, results: string | undefined): Promise<Route[]> {
  const addon = await loadAddon();
  const map = results === undefined ? null : await openSavedMap(addon, results, slide);
  const facts = factsOf(slide, map);
  const tile = /^\/tiles\/(?<what>slide|map)\/(?<level>\d{1,2})\/(?<column>\d{1,7})_(?<row>\d{1,7})$/;
  const tiles: Route = {
    path: tile,
    answer: async (asked) => {
      const address = addressOf(asked);
      if (asked.groups["what"] === "slide") return jpeg(await slideTile(slide, address, asked.signal));
      if (map === null) return { status: 404, type: "text/plain", body: "There is no map.\n" };
      return png(await mapTile(addon, map, address, hiddenIn(asked), asked.signal));
    },
  };
  const told: Route = {
    path: /^\/facts$/,
    answer: async () => await Promise.resolve({ type: "application/json", body: JSON.stringify(facts) }),
  };
  return [...(await pageRoutes()), told, tiles];
}

function factsOf(slide: Slide, map: SavedMap | null): ViewFacts {
  return {
    title: path.basename(slide.path),
    slide: { ...pyramidOf(slide), mpp: slide.mpp?.x ?? null },
    map: map && factsOfMap(map),
  };
}

function factsOfMap({ width, height, levels, scale, tissueMm2, classes }: SavedMap): NonNullable<ViewFacts["map"]> {
  const pyramid = { width, height, tilePx: slideTilePx, maxLevel: levels - 1 };
  return { ...pyramid, widthOnSlide: width * scale.x, tissueMm2, classes };
}

function addressOf({ groups }: Asked): TileAddress {
  return { level: Number(groups["level"]), column: Number(groups["column"]), row: Number(groups["row"]) };
}

function hiddenIn({ query }: Asked): ReadonlySet<number> {
  const given = query.get("hidden") ?? "";
  return new Set(/^\d{1,3}(,\d{1,3})*$/.test(given) ? given.split(",").map(Number) : []);
}

function jpeg(body: Uint8Array): Reply {
  return { type: "image/jpeg", body };
}

function png(body: Uint8Array): Reply {
  return { type: "image/png", body };
}

async function pageRoutes(): Promise<Route[]> {
  const viewer = createRequire(import.meta.url).resolve("openseadragon/build/openseadragon/openseadragon.min.js");
  const names = ["index.html", "style.css", "view-page.js"];
  return await pageFiles(new URL("page/", import.meta.url), names, { "/openseadragon.js": viewer });
}
