// What our map layers show: reports as counts or signs, and the kecamatan.

import { VectorGrid } from "./tile-layer.js";
import { colours, onSchemeChange } from "./colours.js";
import { loadSigns } from "./signs.js";

const BLOCK = 32; // px: cells of a tile are joined to blocks of this edge, wide enough for a number and a finger
const SIGN = 20; // px
const compact = new Intl.NumberFormat(document.documentElement.lang || "id", { notation: "compact", maximumFractionDigits: 1 });

/** Reports: blocks with exact counts at low zooms, a sign for each report at high ones. */
export function reportsLayer({ url, query, icons, breaks }) {
  let signs = new Map();
  const ready = loadSigns(icons, SIGN).then((loaded) => (signs = loaded));
  const layer = new VectorGrid({
    url,
    query,
    ready,
    pane: "overlayPane",
    className: "map-reports",
    read: readReport,
    arrange: joinCells,
    paint(context, list) {
      const palette = colours();
      for (const item of list) {
        if (item.n) paintBlock(context, item, palette, breaks);
        else paintSign(context, item, signs, palette);
      }
    },
  });
  onSchemeChange(async () => {
    signs = await loadSigns(icons, SIGN);
    layer.repaint();
  });
  return layer;
}

function readReport(feature, layer, scale) {
  const [[point]] = feature.loadGeometry();
  const place = { x: point.x * scale, y: point.y * scale };
  const { n, s, t, c } = feature.properties;
  return layer === "cells" ? { ...place, n, size: s * scale } : { ...place, ticket: t, status: s, category: c };
}

/** Join cells to blocks: counts add up, so a block is as exact as its cells. */
function joinCells(list) {
  if (!list.length || !list[0].n) return list;
  const blocks = new Map();
  for (const { x, y, n, size } of list) {
    const edge = Math.max(BLOCK, size);
    const [column, row] = [Math.floor(x / edge), Math.floor(y / edge)];
    const block = blocks.get(`${column}/${row}`);
    if (block) block.n += n;
    else blocks.set(`${column}/${row}`, { x: (column + 0.5) * edge, y: (row + 0.5) * edge, n, size: edge });
  }
  return [...blocks.values()];
}

function paintBlock(context, { x, y, n, size }, palette, breaks) {
  const step = breaks.findLastIndex((first) => n >= first);
  const edge = size - 3;
  context.beginPath();
  context.roundRect(x - edge / 2, y - edge / 2, edge, edge, 5);
  context.fillStyle = palette.scale[step];
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = palette.edge;
  context.stroke();
  context.fillStyle = palette.onScale[step];
  context.font = `600 ${n < 1000 ? 12 : 10}px ${palette.font}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillText(compact.format(n), x, y + 0.5, edge - 2);
}

function paintSign(context, { x, y, status }, signs) {
  const sign = signs.get(status);
  if (sign) context.drawImage(sign, x - SIGN / 2, y - SIGN / 2, SIGN, SIGN);
}

/** Kecamatan: surface and lines from our tiles, and their names as far as they have room. */
export function areasLayer({ url, query, kind, names }) {
  const layer = new VectorGrid({
    url,
    query,
    pane: "tilePane",
    read(feature, _name, scale) {
      if (feature.type === 1) return null;
      const lines = feature.loadGeometry().map((line) => line.map(({ x, y }) => [x * scale, y * scale]));
      return { lines, land: feature.type === 3 };
    },
    paint(context, list, zoom) {
      const palette = colours();
      const [land, path] = [new Path2D(), new Path2D()];
      for (const item of list) {
        const to = item.land ? land : path;
        for (const line of item.lines) line.forEach(([x, y], i) => (i ? to.lineTo(x, y) : to.moveTo(x, y)));
      }
      context.lineJoin = "round";
      context.fillStyle = context.strokeStyle = palette.land;
      context.fill(land);
      context.stroke(land); // no hair's breadth stays open between neighbours
      context.strokeStyle = palette.halo;
      context.lineWidth = 4;
      context.stroke(path);
      context.strokeStyle = palette.boundary;
      context.lineWidth = zoom < 9 ? 1 : 1.5;
      if (kind === "schematic") context.setLineDash([6, 3]); // these lines are not firm, and do not look so
      context.stroke(path);
    },
  });
  onSchemeChange(() => layer.repaint());
  layer.on("add", () => writeNames(layer._map, names));
  return layer;
}

function writeNames(map, names) {
  const pane = map.createPane("names");
  pane.setAttribute("aria-hidden", "true");
  const written = [...names]
    .sort((a, b) => b.people - a.people)
    .map(({ name, lat, lon }) => {
      const element = document.createElement("span");
      element.className = "map-name__text";
      element.textContent = name;
      const icon = L.divIcon({ className: "map-name", html: element, iconSize: [0, 0] });
      L.marker([lat, lon], { icon, pane: "names", interactive: false, keyboard: false }).addTo(map);
      return { element, lat, lon };
    });
  // The most populous first; a name that would touch another stays away at this zoom.
  const arrange = () => {
    const taken = [];
    const zoom = map.getZoom();
    const edge = BLOCK * map.getZoomScale(zoom, Math.round(zoom));
    for (const { element, lat, lon } of written) {
      const place = map.project([lat, lon]);
      const x = place.x;
      const y = zoom < 14 ? Math.round(place.y / edge) * edge : place.y; // between two rows of numbers
      element.style.top = `${y - place.y}px`;
      const box = { x, y, w: element.offsetWidth / 2 + 4, h: element.offsetHeight / 2 + 2 };
      const free = taken.every((other) => Math.abs(other.x - x) > other.w + box.w || Math.abs(other.y - y) > other.h + box.h);
      element.classList.toggle("map-name__text--away", !free);
      if (free) taken.push(box);
    }
  };
  map.on("zoomend", arrange);
  map.whenReady(() => requestAnimationFrame(arrange));
}
