// A layer's map: its tiles in the colours of the legend, and what a tap finds.

import { colours, onSchemeChange } from "../map/colours.js";
import { sayFailures, zoomButtons } from "../map/controls.js";
import { VectorGrid } from "../map/tile-layer.js";

const REACH = 12; // px around a fingertip
const RADIUS = 6; // px of a point's sign
const SPECK = 3; // px of what is too small for its outline
const [TINY, SIGN, FEW] = [6, 7, 60]; // px of areas that get a sign, px of the sign, how many may have one
const REACHED = 4; // px that a tile's shapes reach beyond its edges: cut there, they look smaller than they are
const DASHES = [[], [8, 4], [2, 4], [10, 3, 2, 3], [5, 5], [1, 6]];
const HATCH = 8; // px of a hatch's edge
const [RISING, FALLING] = [[[-2, 10, 10, -2], [-2, 2, 2, -2], [6, 10, 10, 6]], [[-2, -2, 10, 10], [6, -2, 10, 2], [-2, 6, 2, 10]]];
const [LYING, STANDING] = [[[0, 4, 8, 4]], [[4, 0, 4, 8]]];
const HATCHES = [[], RISING, FALLING, LYING, STANDING, [...RISING, ...FALLING]];
const hatches = new Map();
const POINT = 1;
const LINE = 2;
const POLYGON = 3;

/**
 * The layer's tiles. `style`: see Style.options in layers/styling.py; `geometry`: point, line or polygon. A style of one
 * colour may have a `step` (among several layers on a map): points differ by shape then, lines by dashes, areas by hatches.
 * Areas too small to be seen get a sign above the names of places, where there are few of them.
 */
export function dataLayer({ url, query, style, geometry }) {
  let palette = read(style);
  const layer = new VectorGrid({
    url,
    query,
    pane: "overlayPane",
    className: `layer-tiles layer-tiles--${geometry}`,
    read(feature, _name, scale) {
      const lines = feature.loadGeometry().map((line) => line.map(({ x, y }) => [x * scale, y * scale]));
      const { step, colour } = classOf(feature.properties[style.field], style);
      return { id: feature.id, type: feature.type, lines, step, colour, box: boxOf(lines) };
    },
    arrange(list) {
      if (geometry === "polygon") markTiny(list);
      return list.sort((a, b) => b.type - a.type || area(b.box) - area(a.box));
    },
    paint(context, list, zoom) {
      context.lineJoin = context.lineCap = "round";
      for (const item of list) paintItem(context, item, palette, geometry, zoom, style.kind === "one");
    },
  });
  onSchemeChange(() => {
    palette = read(style);
    layer.repaint();
  });
  if (geometry === "polygon") signsOf(layer, (context, { box: [left, top, right, bottom], colour }) => {
    paintTiny(context, (left + right) / 2, (top + bottom) / 2, palette.colour(colour), palette);
  });
  return layer;
}

/** Mark what is too small to be seen. */
function markTiny(list) {
  for (const item of list) {
    const [left, top, right, bottom] = item.box;
    const whole = left > -REACHED && top > -REACHED && right < 256 + REACHED && bottom < 256 + REACHED;
    item.tiny = item.type !== LINE && whole && right - left < TINY && bottom - top < TINY;
  }
}

/**
 * Draw the signs of a layer's tiny areas in tiles of their own, above the names; `paint` draws one. There are none while
 * the tiles of the zoom hold so many that signs would cover each other and the names.
 */
function signsOf(layer, paint) {
  const key = ({ x, y, z }) => `${z}/${x}/${y}`;
  const drawn = new Map();
  const areFew = () => {
    const lists = Object.values(layer._tiles).filter(({ coords }) => coords.z === layer._tileZoom).map(({ el }) => el.list ?? []);
    return lists.flat().filter(({ tiny }) => tiny).length <= FEW;
  };
  let few = true;
  const draw = (canvas) => {
    const tile = Object.values(layer._tiles).find(({ coords }) => key(coords) === key(canvas.coords))?.el;
    if (!tile?.list || !tile.width) return;
    canvas.width = canvas.height = tile.width;
    const context = canvas.getContext("2d");
    context.scale(tile.width / 256, tile.width / 256);
    if (few) for (const item of tile.list) if (item.tiny) paint(context, item);
  };
  const signs = new L.GridLayer({ pane: "signs", keepBuffer: layer.options.keepBuffer, className: "layer-signs" });
  signs.createTile = (coords) => {
    const canvas = document.createElement("canvas");
    canvas.coords = coords;
    drawn.set(key(coords), canvas);
    draw(canvas);
    return canvas;
  };
  signs.on("tileunload", ({ tile }) => drawn.get(key(tile.coords)) === tile && drawn.delete(key(tile.coords)));
  layer.on("add", () => {
    const map = layer._map;
    if (!map.getPane("signs")) map.createPane("signs").style.zIndex = 450; // names are at 400, what is tapped at 600
    signs.addTo(map);
  });
  layer.on("remove", () => signs.remove());
  layer.on("tiledrawn", ({ tile }) => {
    const were = few;
    few = areFew();
    if (few !== were) drawn.forEach(draw);
    else if (drawn.has(key(tile.coords))) draw(drawn.get(key(tile.coords)));
  });
  onSchemeChange(() => drawn.forEach(draw));
}

/** Frame the layer, and show what is known of a feature that is tapped, chosen in the table, or under the cross. */
export function start(map, layer, options) {
  const { texts } = options;
  const element = map.getContainer();
  const panel = new FeaturePanel(map, texts);
  const [west, south, east, north] = options.extent;
  map.fitBounds([[south, west], [north, east]], { padding: [24, 24], maxZoom: 15, animate: false });
  element.after(zoomButtons(map, texts));
  sayFailures(map, texts);
  const show = (fid, move) =>
    panel.show(options.feature.replace("{fid}", fid) + (options.query ? `?${options.query}` : ""), { move });
  onTap(map, (latlng) => {
    const found = pick(layer, latlng);
    return found ? show(found.id, false) : panel.tell(texts.nothing);
  });
  map.on("mousemove", ({ latlng }) => element.classList.toggle("is-over", Boolean(pick(layer, latlng, 4))));
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => show(button.dataset.show, true));
  }
}

/** Call `then` with the place that is tapped, or that lies under the cross when Enter is pressed. */
export function onTap(map, then) {
  const element = map.getContainer();
  map.on("click", ({ latlng }) => then(latlng));
  element.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target === element) then(map.getCenter());
  });
}

/** The panel beside a map that tells what is known of a feature (templates/layers/feature.html). */
export class FeaturePanel {
  constructor(map, texts) {
    Object.assign(this, { map, texts, ring: null });
    this.element = document.querySelector("[data-feature]");
    this.told = document.querySelector("[data-told]");
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.element.querySelector("[data-feature-close]").addEventListener("click", () => this.close());
    this.element.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
  }

  /** Fetch a feature and show it; `move`: go there; `of`: the title of the layer that it is of. */
  async show(address, { move = false, of = "" } = {}) {
    try {
      const response = await fetch(address, { headers: { Accept: "application/json" } });
      if (!response.ok) throw new Error(`${response.status} for ${address}`);
      const found = await response.json();
      this.fill({ ...found, fields: of ? [{ title: this.texts.layer, value: of }, ...found.fields] : found.fields }, move);
    } catch {
      this.tell(this.texts.featureFailed);
    }
  }

  fill({ label, fields, lon, lat, report }, move = false) {
    const { element: panel, map } = this;
    panel.querySelector("[data-feature-title]").textContent = label;
    panel.querySelector("[data-feature-fields]").replaceChildren(
      ...fields.flatMap(({ title, value, href }) => [text("dt", title), href ? link(value, href) : text("dd", value)]),
    );
    const mistake = panel.querySelector("[data-feature-report]");
    mistake.hidden = !report;
    if (report) mistake.href = report;
    panel.hidden = false;
    this.told.textContent = "";
    this.ring?.remove();
    this.ring = null;
    if (lat === null || lat === undefined) {
      this.tell(this.texts.noPlace);
      if (move) panel.scrollIntoView({ block: "center", behavior: this.calm ? "auto" : "smooth" });
      return;
    }
    this.ring = L.circleMarker([lat, lon], { radius: 14, className: "map-here__reach", interactive: false }).addTo(map);
    if (move) {
      map.setView([lat, lon], Math.max(map.getZoom(), 12), { animate: !this.calm });
      map.getContainer().scrollIntoView({ block: "center", behavior: this.calm ? "auto" : "smooth" });
      panel.focus({ preventScroll: true });
    }
  }

  tell(words) {
    this.told.textContent = words;
  }

  close() {
    this.element.hidden = true;
    this.ring?.remove();
    this.map.getContainer().focus({ preventScroll: true });
  }
}

/** Return the topmost item of the visible tiles at `latlng`: one that it lies in, else the nearest within reach. */
export function pick(layer, latlng, reach = REACH) {
  const at = layer._map.project(latlng, layer._tileZoom);
  let best = null;
  let least = reach;
  for (const { el, coords, current } of Object.values(layer._tiles)) {
    if (!current || !el.list || coords.z !== layer._tileZoom) continue;
    const [x, y] = [at.x - coords.x * 256, at.y - coords.y * 256];
    if (x < -reach || y < -reach || x > 256 + reach || y > 256 + reach) continue;
    for (let i = el.list.length - 1; i >= 0; i--) {
      const item = el.list[i];
      const [left, top, right, bottom] = item.box;
      if (x < left - reach || y < top - reach || x > right + reach || y > bottom + reach) continue;
      const distance = item.type === POLYGON && inside(x, y, item.lines) ? 0 : distanceTo(x, y, item);
      if (distance < least || (distance === 0 && !best)) [best, least] = [item, distance];
    }
  }
  return best;
}

function distanceTo(x, y, { type, lines }) {
  let least = Infinity;
  for (const line of lines) {
    if (type === POINT) {
      for (const [px, py] of line) least = Math.min(least, Math.max(0, Math.hypot(px - x, py - y) - RADIUS));
      continue;
    }
    for (let i = 1; i < line.length; i++) least = Math.min(least, toSegment(x, y, line[i - 1], line[i]));
  }
  return least;
}

function toSegment(x, y, [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay];
  const length = dx * dx + dy * dy;
  const along = length ? Math.max(0, Math.min(1, ((x - ax) * dx + (y - ay) * dy) / length)) : 0;
  return Math.hypot(ax + along * dx - x, ay + along * dy - y);
}

function inside(x, y, rings) {
  let within = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [[ax, ay], [bx, by]] = [ring[i], ring[j]];
      if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
    }
  }
  return within;
}

function boxOf(lines) {
  const box = [Infinity, Infinity, -Infinity, -Infinity];
  for (const line of lines) {
    for (const [x, y] of line) {
      if (x < box[0]) box[0] = x;
      if (y < box[1]) box[1] = y;
      if (x > box[2]) box[2] = x;
      if (y > box[3]) box[3] = y;
    }
  }
  return box;
}

function area([left, top, right, bottom]) {
  return (right - left) * (bottom - top);
}

/** Return the class of a value: its place among the tokens, and its token. */
function classOf(value, { kind, tokens, values, upper, step: own = 0 }) {
  if (kind === "one") return { step: own, colour: tokens[0] ?? "layer-0" };
  if (value === undefined || value === null || value === "") return { step: 0, colour: "scale-none" };
  if (kind === "breaks") {
    const step = upper.findIndex((end) => Number(value) <= end);
    return { step: 0, colour: step < 0 ? tokens[tokens.length - 1] : tokens[step] };
  }
  const step = values.indexOf(String(value));
  if (step >= 0) return { step, colour: tokens[step] };
  return { step: tokens.length - 1, colour: tokens[tokens.length - 1] };
}

function read({ tokens }) {
  const style = getComputedStyle(document.documentElement);
  const { surface, boundary } = colours();
  const named = new Map();
  for (const token of ["layer-0", "scale-none", ...tokens]) named.set(token, style.getPropertyValue(`--${token}`).trim());
  return { colour: (token) => named.get(token), surface, edge: style.getPropertyValue("--line-strong").trim() || boundary };
}

function paintItem(context, { type, lines, step, colour }, palette, geometry, zoom, hatched) {
  const fill = palette.colour(colour);
  const pale = colour.startsWith("scale-"); // some of these are hardly darker than the ground: they need an edge, as in the legend
  if (type === POINT) {
    const sign = geometry === "point" ? step : -1;
    for (const line of lines) for (const [x, y] of line) paintPoint(context, x, y, sign, fill, palette, pale);
    return;
  }
  const path = new Path2D();
  for (const line of lines) line.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
  if (type === POLYGON) {
    context.fillStyle = fill;
    context.fill(path, "evenodd");
    if (hatched && step) {
      context.fillStyle = hatch(context, step, palette.surface);
      context.fill(path, "evenodd");
    }
    context.lineWidth = zoom < 12 ? 0.5 : 1;
    context.strokeStyle = palette.edge;
    context.stroke(path);
    return;
  }
  const width = zoom < 11 ? 2 : 3.5;
  context.strokeStyle = pale ? palette.edge : palette.surface;
  context.lineWidth = width + 2;
  context.setLineDash([]);
  context.stroke(path);
  context.strokeStyle = fill;
  context.lineWidth = width;
  context.setLineDash(DASHES[step] ?? []);
  context.stroke(path);
  context.setLineDash([]);
}

/** Return a pattern of lines; its edge divides a tile's, so that it goes on from tile to tile. */
function hatch(context, step, colour) {
  const key = `${step} ${colour}`;
  if (!hatches.has(key)) {
    const piece = document.createElement("canvas");
    piece.width = piece.height = HATCH * 4;
    const lines = piece.getContext("2d");
    lines.scale(4, 4);
    lines.strokeStyle = colour;
    lines.lineWidth = 1.5;
    for (const [ax, ay, bx, by] of HATCHES[step] ?? []) {
      lines.beginPath();
      lines.moveTo(ax, ay);
      lines.lineTo(bx, by);
      lines.stroke();
    }
    hatches.set(key, piece);
  }
  const pattern = context.createPattern(hatches.get(key), "repeat");
  pattern.setTransform(new DOMMatrix().scale(0.25));
  return pattern;
}

/** Paint the sign of an area that is too small to be seen: a square with an edge, on what lies below it. */
function paintTiny(context, x, y, fill, palette) {
  const square = (edge, colour) => {
    context.fillStyle = colour;
    context.fillRect(x - edge / 2, y - edge / 2, edge, edge);
  };
  square(SIGN + 4, palette.surface);
  square(SIGN + 2, palette.edge);
  square(SIGN, fill);
}

/** Paint a point: a sign whose shape tells its class too, as in the legend; a speck (-1) is a small square. */
function paintPoint(context, x, y, step, fill, palette, pale) {
  if (step < 0 && pale) {
    context.fillStyle = palette.edge;
    context.fillRect(x - SPECK / 2 - 1, y - SPECK / 2 - 1, SPECK + 2, SPECK + 2);
  }
  context.fillStyle = fill;
  if (step < 0) {
    context.fillRect(x - SPECK / 2, y - SPECK / 2, SPECK, SPECK);
    return;
  }
  const r = RADIUS;
  context.beginPath();
  if (step === 1) context.rect(x - r + 1, y - r + 1, 2 * r - 2, 2 * r - 2);
  else if (step === 2) polygon(context, x, y, [[0, -r], [r, r], [-r, r]]);
  else if (step === 3) polygon(context, x, y, [[0, -r], [r, 0], [0, r], [-r, 0]]);
  else if (step === 4) polygon(context, x, y, [[-r, -r], [r, -r], [0, r]]);
  else if (step === 5) polygon(context, x, y, [[-2, -r], [2, -r], [2, -2], [r, -2], [r, 2], [2, 2], [2, r], [-2, r], [-2, 2], [-r, 2], [-r, -2], [-2, -2]]);
  else context.arc(x, y, r, 0, 2 * Math.PI);
  context.fill();
  context.lineWidth = 1.5;
  context.strokeStyle = pale ? palette.edge : palette.surface;
  context.stroke();
}

function polygon(context, x, y, corners) {
  corners.forEach(([dx, dy], i) => (i ? context.lineTo(x + dx, y + dy) : context.moveTo(x + dx, y + dy)));
  context.closePath();
}

function text(name, words) {
  const element = document.createElement(name);
  element.textContent = words;
  return element;
}

function link(words, href) {
  const element = document.createElement("dd");
  const anchor = document.createElement("a");
  anchor.textContent = words;
  anchor.href = href;
  element.append(anchor);
  return element;
}
