// A planner's map: cells or kecamatan in the colours of their numbers, smooth heat, and an area drawn corner by corner.

import { colours, onSchemeChange } from "../map/colours.js";
import { problemNote, zoomButtons } from "../map/controls.js";
import { fitFreely } from "../map/whole.js";
import { dataLayer as kecamatanLayer, start as startKecamatan } from "./choropleth.js";
import { tellCells } from "./tips.js";

const CORNERS_MAX = 100;
const KECAMATAN = "simplify=";

/** Cells by URL; or, where the URL is that of outlines, the kecamatan in the colours of their rows in the table. */
export function dataLayer(options) {
  if (options.query.startsWith(KECAMATAN)) return Object.assign(kecamatanLayer(options), { areas: true });
  const layer = L.featureGroup();
  layer.load = async () => {
    const response = await fetch(`${options.url}?${options.query}`);
    if (!response.ok) throw new Error(`${response.status} for ${options.url}`);
    return (await response.json()).cells;
  };
  return layer;
}

/** Show everything, and let an area be drawn. */
export function start(map, layer, options) {
  if (layer.areas) startKecamatan(map, layer, options);
  else startCells(map, layer, options);
  if (options.within.length) L.polygon(options.within, { className: "planner-lasso", interactive: false }).addTo(map);
  draw(map, options);
}

function startCells(map, layer, { bounds, texts, smooth, list, within, near }) {
  const element = map.getContainer();
  const [west, south, east, north] = bounds;
  let corners = [[south, west], [north, east]];
  const showAll = () => fitFreely(map, corners, 8);
  showAll();
  element.after(zoomButtons(map, texts));
  map.on("resize", () => matchMedia("print").matches || showAll());
  map.scrollWheelZoom.disable(); // a page that scrolls must not stop here
  tellCells(map, layer, (shape) => shape.words);
  const note = problemNote(element, texts, load);
  async function load() {
    note.hidden = true;
    try {
      const cells = await layer.load();
      if (smooth) heat(cells).addTo(map);
      else for (const cell of cells) layer.addLayer(outline(cell, texts, list));
      const shown = within.length ? within : cells.flatMap((cell) => cell.ring);
      if (!shown.length || !near) return;
      corners = shown;
      showAll();
    } catch {
      note.hidden = false;
    }
  }
  load();
}

function outline({ id, ring, step, words }, texts, list) {
  const shape = L.polygon(ring, { className: "dash-area planner-cell", weight: 1 });
  shape.on("add", () => {
    shape.getElement().dataset.step = step;
  });
  shape.words = words;
  shape.bindPopup(() => {
    const box = document.createElement("div");
    const told = document.createElement("p");
    told.textContent = words;
    const link = document.createElement("a");
    link.href = `${list}&cell=${encodeURIComponent(id)}`;
    link.textContent = texts.reports;
    box.append(told, link);
    return box;
  });
  return shape;
}

// Smooth heat: each cell is a soft spot as strong as its number; where they add up, the colours of the scale follow.

function heat(cells) {
  const most = Math.max(1, ...cells.map(({ n }) => n));
  const spots = cells.map(({ ring, n }) => ({
    at: L.latLngBounds(ring).getCenter(),
    edge: L.latLng(ring[0]),
    strength: Math.sqrt(n / most),
  }));
  const layer = new L.Layer();
  let canvas;
  const paint = () => {
    const map = layer._map;
    if (!map) return;
    const size = map.getSize();
    if (!size.x || !size.y) return;
    L.DomUtil.setPosition(canvas, map.containerPointToLayerPoint([0, 0]));
    [canvas.width, canvas.height] = [size.x, size.y];
    const context = canvas.getContext("2d", { willReadFrequently: true });
    for (const { at, edge, strength } of spots) {
      const middle = map.latLngToContainerPoint(at);
      const radius = Math.max(10, 2 * middle.distanceTo(map.latLngToContainerPoint(edge)));
      if (middle.x < -radius || middle.y < -radius || middle.x > size.x + radius || middle.y > size.y + radius) continue;
      const soft = context.createRadialGradient(middle.x, middle.y, 0, middle.x, middle.y, radius);
      soft.addColorStop(0, `rgba(0,0,0,${0.15 + 0.7 * strength})`);
      soft.addColorStop(1, "rgba(0,0,0,0)");
      context.fillStyle = soft;
      context.fillRect(middle.x - radius, middle.y - radius, 2 * radius, 2 * radius);
    }
    colour(context, size);
  };
  layer.onAdd = (map) => {
    canvas = L.DomUtil.create("canvas", "planner-smooth leaflet-zoom-hide", map.getPane("overlayPane"));
    map.on("moveend resize", paint);
    paint();
  };
  layer.onRemove = (map) => {
    canvas.remove();
    map.off("moveend resize", paint);
  };
  onSchemeChange(paint);
  return layer;
}

function colour(context, size) {
  const steps = colours().scale.slice(1).map(rgb);
  const image = context.getImageData(0, 0, size.x, size.y);
  const { data } = image;
  for (let i = 0; i < data.length; i += 4) {
    const strength = data[i + 3];
    if (strength < 12) {
      data[i + 3] = 0;
      continue;
    }
    const [red, green, blue] = steps[Math.min(steps.length - 1, Math.floor((strength / 256) * steps.length))];
    [data[i], data[i + 1], data[i + 2], data[i + 3]] = [red, green, blue, 255];
  }
  context.putImageData(image, 0, 0);
}

function rgb(token) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = token;
  probe.fillRect(0, 0, 1, 1);
  return probe.getImageData(0, 0, 1, 1).data;
}

// Drawing: taps, or the button for the middle of the map, set corners; no dragging is needed.

function draw(map, { texts, list }) {
  const box = document.querySelector("[data-draw]");
  if (!box) return;
  const part = (name) => box.querySelector(`[data-draw-${name}]`);
  const canvas = map.getContainer().closest(".planner__canvas");
  const told = part("told");
  const shape = L.polygon([], { className: "planner-lasso", interactive: false });
  const signs = L.layerGroup();
  let corners = [];

  const show = () => {
    shape.setLatLngs(corners);
    signs.clearLayers();
    for (const corner of corners) L.circleMarker(corner, { radius: 6, className: "planner-corner", interactive: false }).addTo(signs);
    part("undo").disabled = !corners.length;
    part("done").disabled = corners.length < 3;
    told.textContent = corners.length ? texts.next.replace("{n}", corners.length) : texts.first;
  };
  const add = (place) => {
    if (corners.length >= CORNERS_MAX) return;
    corners.push(place);
    show();
  };
  const tapped = (event) => add(event.latlng);
  const drawing = (on) => {
    corners = [];
    for (const name of ["middle", "undo", "done", "cancel"]) part(name).hidden = !on;
    part("start").hidden = on;
    canvas.classList.toggle("planner__canvas--drawing", on);
    for (const layer of [shape, signs]) on ? layer.addTo(map) : layer.remove();
    map.closePopup();
    map[on ? "on" : "off"]("click", tapped);
    map.doubleClickZoom[on ? "disable" : "enable"]();
    if (on) show();
    else told.textContent = "";
    (on ? part("middle") : part("start")).focus({ preventScroll: true });
  };
  part("start").addEventListener("click", () => drawing(true));
  part("cancel").addEventListener("click", () => drawing(false));
  part("middle").addEventListener("click", () => add(map.getCenter()));
  part("undo").addEventListener("click", () => {
    corners.pop();
    show();
  });
  part("done").addEventListener("click", () => {
    if (crosses(corners)) {
      told.textContent = texts.crossed;
      return;
    }
    const within = corners.map(({ lng, lat }) => `${lng.toFixed(5)},${lat.toFixed(5)}`).join(";");
    location.assign(`${list}&within=${within}`);
  });
}

/** Tell whether two sides of a ring that are no neighbours meet. */
function crosses(ring) {
  const turn = (a, b, c) => Math.sign((b.lng - a.lng) * (c.lat - a.lat) - (b.lat - a.lat) * (c.lng - a.lng));
  const sides = ring.map((from, i) => [from, ring[(i + 1) % ring.length]]);
  return sides.some(([a, b], i) =>
    sides.some(([c, d], j) => {
      if (j <= i + 1 || (i === 0 && j === sides.length - 1)) return false;
      return turn(a, b, c) !== turn(a, b, d) && turn(c, d, a) !== turn(c, d, b);
    }),
  );
}
