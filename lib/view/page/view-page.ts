/** The page of `wsss-tissue view`: the slide, its map over it, and what both are. Runs in the browser. */
import type * as OpenSeadragonLibrary from "openseadragon";
import type { TiledImage, TileSource, Viewer } from "openseadragon";
import type { TilePyramid, ViewedClass, ViewFacts } from "../view-facts.js";

/** The library comes by a script of its own, before this one. */
declare const OpenSeadragon: typeof OpenSeadragonLibrary.default;

const opacityStep = 10;
/** Widest scale bar, in px of the screen. */
const longestBarPx = 140;
const coarsestLevel = 8;

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

function input(id: string): HTMLInputElement {
  return element(id) as HTMLInputElement;
}

function tileSource({ width, height, tilePx, maxLevel }: TilePyramid, urlOf: (place: string) => string): TileSource {
  return {
    ...{ width, height, maxLevel },
    tileSize: tilePx,
    tileOverlap: 0,
    minLevel: Math.min(coarsestLevel, maxLevel),
    getTileUrl: (level: number, x: number, y: number) => urlOf(`${level}/${x}_${y}`),
  } as unknown as TileSource;
}

function say(problem: string): void {
  const place = element("problem");
  place.textContent = problem;
  place.hidden = false;
}

/** `0.52 mm2`, `104 mm2`: three digits. */
function area(mm2: number): string {
  return `${Number(mm2.toPrecision(3))} mm²`;
}

/** The map over the slide: which classes are seen, and how much. */
class MapLayer {
  readonly #viewer: Viewer;
  readonly #map: NonNullable<ViewFacts["map"]>;
  readonly #widthInView: number;
  readonly #hidden = new Set<number>();
  #image: TiledImage | undefined;
  #change = 0;

  constructor(viewer: Viewer, map: NonNullable<ViewFacts["map"]>, slideWidth: number) {
    this.#viewer = viewer;
    this.#map = map;
    this.#widthInView = map.widthOnSlide / slideWidth;
    viewer.addHandler(
      "tile-drawing",
      ({ context, tiledImage }: { context?: CanvasRenderingContext2D; tiledImage: TiledImage }) => {
        // Between two classes there is no third one.
        if (context !== undefined) context.imageSmoothingEnabled = tiledImage !== this.#image;
      },
    );
  }

  /** The boxes of the classes, in their order. */
  boxes(): HTMLInputElement[] {
    return [...document.querySelectorAll<HTMLInputElement>("#classes input")];
  }

  setShown(index: number, isShown: boolean): void {
    if (isShown) this.#hidden.delete(index);
    else this.#hidden.add(index);
  }

  /** Draws it anew, after classes were switched. */
  redraw(): void {
    const change = ++this.#change;
    const hidden = [...this.#hidden].sort((one, other) => one - other).join(",");
    const before = this.#image;
    this.#viewer.addTiledImage({
      tileSource: tileSource(this.#map, (place) => `tiles/map/${place}${hidden === "" ? "" : `?hidden=${hidden}`}`),
      ...{ x: 0, y: 0, width: this.#widthInView, opacity: this.opacity() },
      success: (event: Event) => {
        const { item } = event as unknown as { item: TiledImage };
        // A key that is held down asks for more than is drawn.
        if (change !== this.#change) {
          this.#viewer.world.removeItem(item);
          return;
        }
        this.#image = item;
        if (before !== undefined) this.#viewer.world.removeItem(before);
        document.body.dataset["hidden"] = hidden;
      },
    });
  }

  /** 0 to 1. */
  opacity(): number {
    return input("shown").checked ? Number(input("opacity").value) / 100 : 0;
  }

  applyOpacity(): void {
    element("opacity-text").textContent = `${input("opacity").value} %`;
    this.#image?.setOpacity(this.opacity());
  }

  changeOpacity(by: number): void {
    const slider = input("opacity");
    slider.value = String(Number(slider.value) + by);
    this.applyOpacity();
  }
}

function listClass({ name, colour, areaMm2, share }: ViewedClass, index: number, layer: MapLayer): HTMLLIElement {
  const box = document.createElement("input");
  box.type = "checkbox";
  box.checked = true;
  box.addEventListener("change", () => {
    layer.setShown(index, box.checked);
    layer.redraw();
  });
  const swatch = document.createElement("span");
  swatch.className = "swatch";
  swatch.style.backgroundColor = `rgb(${colour.join(", ")})`;
  const text = document.createElement("span");
  text.className = "name";
  text.textContent = name;
  const key = document.createElement("kbd");
  key.textContent = String(index + 1);
  key.hidden = index >= 9;
  const amount = document.createElement("span");
  amount.className = "area";
  amount.textContent = `${area(areaMm2)}, ${(100 * share).toFixed(1)} %`;
  const label = document.createElement("label");
  label.append(box, swatch, text, key, amount);
  const item = document.createElement("li");
  item.append(label);
  return item;
}

function showMap(viewer: Viewer, { map, slide }: ViewFacts): void {
  for (const row of document.querySelectorAll<HTMLElement>(".of-map")) row.hidden = map === null;
  if (map === null) return;
  const layer = new MapLayer(viewer, map, slide.width);
  element("classes").append(...map.classes.map((one, index) => listClass(one, index, layer)));
  element("tissue").textContent = `tissue ${area(map.tissueMm2)}`;
  element("map").hidden = false;
  element("opacity").addEventListener("input", () => layer.applyOpacity());
  element("shown").addEventListener("change", () => layer.applyOpacity());
  layer.applyOpacity();
  layer.redraw();
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const boxes = layer.boxes();
    if (/^[1-9]$/.test(event.key)) boxes[Number(event.key) - 1]?.click();
    else if (event.key === "o") input("shown").click();
    else if (event.key === ",") layer.changeOpacity(-opacityStep);
    else if (event.key === ".") layer.changeOpacity(opacityStep);
    else if (event.key === "a") {
      for (const [index, box] of boxes.entries()) {
        box.checked = true;
        layer.setShown(index, true);
      }
      layer.redraw();
    } else return;
    event.preventDefault();
  });
}

/** Keys that move the view, by the part of it that they move; zoom by a factor. */
const moves: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-0.2, 0],
  ArrowRight: [0.2, 0],
  ArrowUp: [0, -0.2],
  ArrowDown: [0, 0.2],
};
const zoomStep = 1.5;
const zooms: Readonly<Record<string, number>> = { "+": zoomStep, "=": zoomStep, "-": 1 / zoomStep };

/** Keys wherever the focus is, but in the slider, which has arrows of its own. */
function moveByKeys(viewer: Viewer): void {
  // The library's own keys need the focus, and count presses in quick succession as one.
  viewer.addHandler("canvas-key", (event) => {
    event.preventDefaultAction = true;
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { viewport } = viewer;
    const move = event.target === element("opacity") ? undefined : moves[event.key];
    const zoom = zooms[event.key];
    if (move !== undefined) {
      const { width, height } = viewport.getBounds();
      viewport.panBy(new OpenSeadragon.Point(move[0] * width, move[1] * height));
    } else if (zoom !== undefined) viewport.zoomBy(zoom);
    else if (event.key === "0") viewport.goHome();
    else return;
    viewport.applyConstraints();
    event.preventDefault();
  });
}

/** The longest round length that fits, with its width on the screen. */
function scaleBar(umPerScreenPx: number): { readonly widthPx: number; readonly text: string } {
  const longestUm = longestBarPx * umPerScreenPx;
  const power = 10 ** Math.floor(Math.log10(longestUm));
  const um = [5, 2, 1].map((factor) => factor * power).find((length) => length <= longestUm) ?? power;
  return { widthPx: um / umPerScreenPx, text: um >= 1000 ? `${um / 1000} mm` : `${Number(um.toPrecision(1))} µm` };
}

function showScale(viewer: Viewer, mpp: number | null): void {
  if (mpp === null) return;
  const bar = element("scale-bar");
  const update = (): void => {
    const image = viewer.world.getItemAt(0) as TiledImage | undefined;
    if (image === undefined) return;
    const { widthPx, text } = scaleBar(mpp / image.viewportToImageZoom(viewer.viewport.getZoom(true)));
    element("scale-line").style.width = `${widthPx}px`;
    element("scale-text").textContent = text;
    bar.setAttribute("aria-label", `The scale bar is ${text} long`);
    bar.hidden = false;
  };
  viewer.addHandler("open", update);
  viewer.addHandler("update-viewport", update);
}

/** The library puts a style into the page, which the page's policy forbids; where it finds this one it leaves it. */
function forestallInlineStyle(): void {
  // Of no namespace that styles are of: even an empty one of HTML would be against the policy.
  const style = document.createElementNS("urn:none", "style");
  style.setAttribute("data-openseadragon-mobile-css", "");
  document.head.append(style);
}

async function begin(): Promise<void> {
  forestallInlineStyle();
  const answer = await fetch("facts");
  if (!answer.ok) {
    say(await answer.text());
    return;
  }
  const facts = (await answer.json()) as ViewFacts;
  const { title, slide } = facts;
  document.title = `${title} - wsss-tissue`;
  element("title").textContent = title;
  const size =
    slide.mpp === null
      ? ""
      : `, ${((slide.width * slide.mpp) / 1000).toFixed(1)} x ${((slide.height * slide.mpp) / 1000).toFixed(1)} mm`;
  element("size").textContent = `${slide.width} x ${slide.height} px${size}`;
  const viewer = OpenSeadragon({
    element: element("slide"),
    tileSources: [tileSource(slide, (place) => `tiles/slide/${place}`)],
    // Its buttons are pictures from elsewhere, and keys and wheel do the same.
    showNavigationControl: false,
    showNavigator: false,
    drawer: "canvas",
    maxZoomPixelRatio: 4,
    animationTime: 0.4,
    gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
  });
  viewer.addHandler("open-failed", () => say("The slide could not be shown; the program says why."));
  viewer.addHandler("tile-load-failed", () => say("A part could not be shown; the program says why."));
  viewer.addHandler("open", () => {
    viewer.canvas.focus();
    document.body.dataset["open"] = "yes";
  });
  moveByKeys(viewer);
  showScale(viewer, slide.mpp);
  viewer.addOnceHandler("open", () => showMap(viewer, facts));
}

begin().catch((error: unknown) => say(`The page could not begin: ${String(error)}`));
