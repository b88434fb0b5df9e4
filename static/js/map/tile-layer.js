// Vector tiles on a canvas, for Leaflet: fetched, decoded and painted by us, so that a failed tile can say so.

import Pbf from "pbf";
import { VectorTile } from "@mapbox/vector-tile";

const WAITS_MS = [800, 3000]; // before the second and the third try

/**
 * A grid of vector tiles. Options: `url` with {z}, {x}, {y}; `query` (without "?"); `read(feature)` gives what to keep
 * of a feature (with `points`: its geometry in tile units); `arrange(list, extent)` prepares a tile's list once;
 * `paint(context, list, scale, zoom)` draws it, in pixels of 256 to a tile; `ready`: a promise to wait for before painting.
 * Events: "tilesfailed" and "tilesmended", each with `count`, the number of tiles that are missing now; "tiledrawn" with
 * `tile`, whose `list` and `coords` are what was read and where.
 */
export const VectorGrid = L.GridLayer.extend({
  options: { url: "", query: "", read: (feature) => feature, arrange: (list) => list, paint: () => {}, ready: null, keepBuffer: 1 },

  initialize(options) {
    L.setOptions(this, options);
    this._missing = new Set();
    this.on("tileunload", ({ tile }) => {
      tile.abort?.abort();
      if (this._missing.delete(tile)) this._tell();
    });
  },

  onAdd(map) {
    L.GridLayer.prototype.onAdd.call(this, map);
    this._mend = () => this.retry();
    addEventListener("online", this._mend);
  },

  onRemove(map) {
    removeEventListener("online", this._mend);
    L.GridLayer.prototype.onRemove.call(this, map);
  },

  /** Show the tiles of another query. */
  setQuery(query) {
    if (query === this.options.query) return;
    this.options.query = query;
    this._missing.clear();
    this.redraw();
    this._tell();
  },

  /** Load again the tiles that are missing. */
  retry() {
    const tiles = [...this._missing];
    if (!tiles.length) return;
    this._missing.clear();
    this._tell();
    this.fire("loading");
    let waiting = tiles.length;
    for (const tile of tiles) this._load(tile, () => --waiting || this.fire("load"));
  },

  /** Paint all tiles again, for instance in other colours. */
  repaint() {
    for (const { el } of Object.values(this._tiles)) if (el.list) this._paint(el);
  },

  /** Yield [item, distance in px] for what the visible tiles hold near `latlng`; items need `x`, `y` in tile pixels. */
  *near(latlng, tolerance) {
    const at = this._map.project(latlng, this._tileZoom);
    for (const { el, coords, current } of Object.values(this._tiles)) {
      if (!current || !el.list || coords.z !== this._tileZoom) continue;
      const x = at.x - coords.x * 256;
      const y = at.y - coords.y * 256;
      for (const item of el.list) {
        const half = (item.size ?? 0) / 2; // a square's edge counts, not its middle
        const distance = Math.hypot(Math.max(0, Math.abs(item.x - x) - half), Math.max(0, Math.abs(item.y - y) - half));
        if (distance <= tolerance) yield [item, distance, coords];
      }
    }
  },

  createTile(coords, done) {
    const tile = document.createElement("canvas");
    tile.coords = coords;
    this._load(tile, done);
    return tile;
  },

  async _load(tile, done, attempt = 0) {
    const { z, x, y } = tile.coords;
    const address = L.Util.template(this.options.url, { z, x, y }) + (this.options.query ? `?${this.options.query}` : "");
    tile.abort = new AbortController();
    const { signal } = tile.abort;
    try {
      const response = await fetch(address, { signal });
      if (!response.ok) throw new Error(`${response.status} for ${address}`);
      const layers = response.status === 204 ? {} : new VectorTile(new Pbf(await response.arrayBuffer())).layers;
      const list = [];
      let extent = 4096;
      for (const [name, layer] of Object.entries(layers)) {
        extent = layer.extent;
        for (let i = 0; i < layer.length; i++) {
          const item = this.options.read(layer.feature(i), name, 256 / layer.extent);
          if (item) list.push(item);
        }
      }
      tile.list = this.options.arrange(list, 256 / extent);
      await this.options.ready;
      if (signal.aborted) return;
      this._paint(tile);
      this.fire("tiledrawn", { tile });
      tile.classList.remove("tile-missing");
      done(null, tile);
    } catch (error) {
      if (signal.aborted) return;
      if (attempt < WAITS_MS.length) {
        setTimeout(() => signal.aborted || this._load(tile, done, attempt + 1), WAITS_MS[attempt]);
        return;
      }
      tile.classList.add("tile-missing");
      this._missing.add(tile);
      this._tell();
      done(error, tile);
    }
  },

  _paint(tile) {
    // Whole pixels, and enough for a tile that is shown enlarged (see whole.js): no seams, no blur.
    const ratio = Math.min(4, Math.ceil((window.devicePixelRatio || 1) * 1.4));
    tile.width = tile.height = 256 * ratio;
    const context = tile.getContext("2d");
    context.scale(ratio, ratio);
    this.options.paint(context, tile.list, tile.coords.z);
  },

  _tell() {
    const count = this._missing.size;
    this.fire(count ? "tilesfailed" : "tilesmended", { count });
  },
});
