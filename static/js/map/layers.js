// What our map layers show: reports as counts or signs, kecamatan, and desa from near by.

import { VectorGrid } from "./tile-layer.js";
import { colours, onSchemeChange, scheme } from "./colours.js";
import { BLOCK, Names } from "./names.js";
import { keepSizeForPaper } from "./paper.js";
import { loadSigns } from "./signs.js";

const SIGN = 20; // px
export const DESA_FROM = 12; // zoom, as geo/maps.py has it
const compact = new Intl.NumberFormat(document.documentElement.lang || "id", { notation: "compact", maximumFractionDigits: 1 });

/**
 * Reports: blocks with exact counts at low zooms, a sign for each report at high ones. Names lie above them, between the
 * rows of numbers.
 */
export function reportsLayer({ url, query, icons, breaks }) {
  // Both at once: on paper the light ones are needed without waiting.
  const signs = new Map();
  const load = async (of) => signs.set(of, await loadSigns(icons, SIGN, colours(of)));
  const ready = Promise.all(["light", "dark"].map(load));
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
        else paintSign(context, item, signs.get(scheme()));
      }
    },
  });
  onSchemeChange(() => layer.repaint());
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

/**
 * Kecamatan: surface and lines from our tiles, and their names as far as they have room; from a zoom with those of desa.
 * `land`: whether the surface is painted; over a base map it is not.
 */
export function areasLayer({ url, query, kind, land, areas, desa, desaFrom }) {
  const layer = new VectorGrid({
    url,
    query,
    pane: "tilePane",
    zIndex: 2,
    read(feature, _name, scale) {
      if (feature.type === 1) return null;
      return { lines: linesOf(feature, scale), land: feature.type === 3 };
    },
    paint(context, list, zoom) {
      const palette = colours();
      const [surface, path] = [new Path2D(), new Path2D()];
      for (const item of list) draw(item.land ? surface : path, item.lines);
      context.lineJoin = "round";
      if (land) {
        context.fillStyle = context.strokeStyle = palette.land;
        context.fill(surface);
        context.stroke(surface); // no hair's breadth stays open between neighbours
      }
      context.strokeStyle = palette.halo;
      context.lineWidth = 4;
      context.stroke(path);
      context.strokeStyle = palette.boundary;
      context.lineWidth = zoom < 9 ? 1 : zoom < desaFrom ? 1.5 : 2.5;
      if (kind === "schematic") context.setLineDash([6, 3]); // these lines are not firm, and do not look so
      context.stroke(path);
    },
  });
  onSchemeChange(() => layer.repaint());
  layer.on("add", () => {
    const map = layer._map;
    keepSizeForPaper(map);
    const names = new Names(map);
    for (const { code, name, lat, lon, people } of areas) names.add(layer, { code, name, lat, lon, people });
    desaLayer(desa, desaFrom, names).addTo(map);
    if (map.options.keyboard) L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map); // a still map has none
  });
  return layer;
}

/** Desa, near by only: lines below those of the kecamatan, and names. */
function desaLayer(url, minZoom, names) {
  const layer = new VectorGrid({
    url,
    pane: "tilePane",
    zIndex: 3,
    minZoom,
    read(feature, _name, scale) {
      if (feature.type === 3) return null;
      const lines = linesOf(feature, scale);
      if (feature.type === 2) return { lines };
      const [[[x, y]]] = lines;
      return { x, y, lines: [], ...feature.properties };
    },
    paint(context, list) {
      const path = new Path2D();
      for (const { lines } of list) draw(path, lines);
      context.lineJoin = "round";
      context.strokeStyle = colours().boundary;
      context.lineWidth = 1;
      context.setLineDash([2, 3]);
      context.stroke(path);
    },
  });
  onSchemeChange(() => layer.repaint());
  layer.on("tiledrawn", ({ tile }) => {
    for (const { code, name, x, y } of tile.list) {
      if (!name) continue;
      const { lat, lng } = layer._map.unproject([tile.coords.x * 256 + x, tile.coords.y * 256 + y], tile.coords.z);
      names.add(tile, { code, name, lat, lon: lng, people: 0 });
    }
  });
  layer.on("tileunload", ({ tile }) => names.drop(tile));
  return layer;
}

function linesOf(feature, scale) {
  return feature.loadGeometry().map((line) => line.map(({ x, y }) => [x * scale, y * scale]));
}

function draw(path, lines) {
  for (const line of lines) line.forEach(([x, y], i) => (i ? path.lineTo(x, y) : path.moveTo(x, y)));
}
