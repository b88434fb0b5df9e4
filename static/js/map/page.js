// The public map: what is tapped, what the list beside it shows, and the address that keeps both.

import { setSheet } from "../base.js";
import { setZoomFreely, showWhole } from "./whole.js";

const TOLERANCE = 22; // px around a fingertip
const HERE_MAX = 10; // reports told at once where many lie on one spot

export function start(map, layer, options) {
  const page = new MapPage(map, layer, options);
  page.begin();
}

class MapPage {
  constructor(map, layer, options) {
    Object.assign(this, { map, layer, options, texts: options.texts });
    this.calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.sheet = document.querySelector(".sheet");
    this.list = document.querySelector("[data-list]");
    this.card = document.querySelector("[data-card]");
    this.told = document.querySelector("[data-told]");
    this.number = new Intl.NumberFormat(options.language);
  }

  begin() {
    const { map } = this;
    if (this.calm) map._zoomAnimated = map._fadeAnimated = false;
    if (!this.viewFromAddress()) showWhole(map, this.asked(), this.padding());
    this.bindButtons();
    this.bindProblems();
    map.on("click", (event) => this.tapped(event.latlng));
    map.on("mousemove", ({ latlng }) => {
      map.getContainer().classList.toggle("is-over", !this.layer.near(latlng, 3).next().done);
    });
    map.on("moveend", () => this.moved());
    addEventListener("hashchange", () => this.viewFromAddress());
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.tapped(map.getCenter()); // the cross in the middle shows where
    });
    this.keepHash();
    this.fetchList();
  }

  /** Read #zoom/lat/lon; false if the address has none. */
  viewFromAddress() {
    const [zoom, lat, lon] = location.hash.slice(1).split("/").map(Number);
    if (![zoom, lat, lon].every(Number.isFinite) || Math.abs(lat) > 85 || !location.hash) return false;
    setZoomFreely(this.map, () => this.map.setView([lat, lon], zoom, { animate: false }));
    return true;
  }

  /** The bounds of the kecamatan among the conditions; without one, of the regency. */
  asked() {
    const codes = new URLSearchParams(this.options.query).getAll("kecamatan");
    const chosen = this.options.areas.filter(({ code }) => codes.includes(code)).map(({ bounds }) => bounds);
    if (!chosen.length) return this.options.bounds;
    return [Math.min, Math.min, Math.max, Math.max].map((pick, i) => pick(...chosen.map((bounds) => bounds[i])));
  }

  moved() {
    const { lat, lng } = this.map.getCenter();
    const hash = `#${Number(this.map.getZoom().toFixed(2))}/${lat.toFixed(5)}/${lng.toFixed(5)}`;
    if (hash !== location.hash) history.replaceState(null, "", location.pathname + location.search + hash);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.fetchList(), 250);
  }

  /** Links and forms of the panel change the conditions and keep the place. */
  keepHash() {
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-keep-place]");
      if (link) link.hash = location.hash;
    });
    for (const form of document.querySelectorAll("form.filter")) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        const given = [...new FormData(form)].filter(([, value]) => value);
        location.assign(`${form.action.split("?")[0]}?${new URLSearchParams(given)}${location.hash}`);
        if (location.search === `?${new URLSearchParams(given)}`) location.reload();
      });
    }
  }

  // The list twin ---------------------------------------------------------------------------------------------------

  /** West, south, east, north of what can be seen: the map without what the sheet covers. */
  visible() {
    const { x, y } = this.map.getSize();
    const covered = this.sheet && getComputedStyle(this.sheet).position === "absolute" ? peek(this.sheet) : 0;
    const northWest = this.map.containerPointToLatLng([0, 0]);
    const southEast = this.map.containerPointToLatLng([x, Math.max(1, y - covered)]);
    return [northWest.lng, southEast.lat, southEast.lng, northWest.lat].map((number) => clip(number).toFixed(5));
  }

  padding() {
    const covered = this.sheet && getComputedStyle(this.sheet).position === "absolute" ? peek(this.sheet) : 0;
    return { paddingTopLeft: [20, 64], paddingBottomRight: [innerWidth < 960 ? 24 : 72, covered + 12] };
  }

  async fetchList() {
    this.fetching?.abort();
    this.fetching = new AbortController();
    const query = new URLSearchParams(this.options.query);
    query.set("bbox", this.visible().join(","));
    this.list.setAttribute("aria-busy", "true");
    try {
      const fragment = await this.fragment(`${this.options.list}?${query}`, this.fetching.signal);
      const count = fragment.querySelector("[data-count]");
      document.querySelector("[data-count]").replaceWith(count);
      this.list.replaceChildren(...fragment.querySelector("[data-rows]").childNodes);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.tell(this.texts.listFailed);
    }
    this.list.removeAttribute("aria-busy");
  }

  /** Fetch a part of a page, made by our own templates (which escape what people wrote). */
  async fragment(address, signal) {
    const response = await fetch(address, { signal });
    if (!response.ok) throw new Error(`${response.status} for ${address}`);
    return new DOMParser().parseFromString(await response.text(), "text/html");
  }

  // Tapping ---------------------------------------------------------------------------------------------------------

  tapped(latlng) {
    const hits = [...this.layer.near(latlng, TOLERANCE)].sort((a, b) => a[1] - b[1]);
    if (!hits.length) return this.closeCard();
    const [nearest, , coords] = hits[0];
    if (nearest.n) return this.openBlock(nearest, coords);
    const closest = hits[0][1];
    const tickets = new Set(hits.filter(([, distance]) => distance <= closest + 6).map(([item]) => item.ticket));
    return this.openCard([...tickets].slice(0, HERE_MAX));
  }

  openBlock({ x, y, n }, coords) {
    const middle = this.map.unproject([coords.x * 256 + x, coords.y * 256 + y], coords.z);
    this.tell(this.texts.block.replace("{n}", this.number.format(n)));
    const zoom = Math.min(this.map.getZoom() + 2, this.map.getMaxZoom());
    if (zoom === this.map.getZoom()) return this.sheet && setSheet(this.sheet, "half");
    return this.map.setView(middle, zoom, { animate: !this.calm });
  }

  async openCard(tickets) {
    const query = new URLSearchParams(tickets.map((ticket) => ["ticket", ticket]));
    this.card.hidden = false;
    this.card.setAttribute("aria-busy", "true");
    try {
      const fragment = await this.fragment(`${this.options.card}?${query}`);
      this.card.querySelector("[data-card-rows]").replaceChildren(...fragment.body.childNodes);
      if (this.sheet?.dataset.height === "peek") setSheet(this.sheet, "half");
      this.sheet?.querySelector(".sheet__body").scrollTo(0, 0);
      this.card.focus({ preventScroll: true });
    } catch {
      this.tell(this.texts.cardFailed);
      this.card.hidden = true;
    }
    this.card.removeAttribute("aria-busy");
  }

  closeCard() {
    if (this.card.hidden) return;
    const inside = this.card.contains(document.activeElement);
    this.card.hidden = true;
    if (inside) this.map.getContainer().focus({ preventScroll: true });
  }

  // Buttons ---------------------------------------------------------------------------------------------------------

  bindButtons() {
    const { map } = this;
    const on = (name, then) => document.querySelector(`[data-do="${name}"]`)?.addEventListener("click", then);
    on("zoom-in", () => map.zoomIn());
    on("zoom-out", () => map.zoomOut());
    on("whole", () => showWhole(map, this.options.bounds, this.padding()));
    on("locate", () => this.locate());
    on("close-card", () => this.closeCard());
    on("filter", () => {
      const filter = document.querySelector("[data-filter]");
      if (this.sheet) setSheet(this.sheet, "full");
      filter.open = true;
      filter.querySelector("summary").focus({ preventScroll: true });
      this.sheet.querySelector(".sheet__body").scrollTop = filter.offsetTop - filter.parentElement.offsetTop;
    });
    this.card?.addEventListener("keydown", (event) => event.key === "Escape" && this.closeCard());
    const jump = document.querySelector("[data-jump]");
    jump?.addEventListener("change", () => {
      const area = this.options.areas.find(({ code }) => code === jump.value);
      if (area) map.fitBounds(corners(area.bounds), { ...this.padding(), animate: !this.calm });
      jump.value = "";
      if (area) this.tell(area.name);
    });
    const full = document.querySelector('[data-do="full"]');
    const stage = document.querySelector(".map-stage");
    if (full && stage.requestFullscreen) {
      full.hidden = false;
      full.addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : stage.requestFullscreen()));
      document.addEventListener("fullscreenchange", () => {
        full.setAttribute("aria-pressed", String(Boolean(document.fullscreenElement)));
        map.invalidateSize();
      });
    }
    const legend = document.querySelector("[data-legend]");
    if (matchMedia("(min-width: 60rem)").matches) legend.open = true;
    addEventListener("beforeprint", () => {
      legend.open = true;
      this.fitPaper();
    });
    addEventListener("afterprint", () => this.leavePaper());
    const zoomed = () => {
      document.querySelector('[data-do="zoom-in"]').disabled = map.getZoom() >= map.getMaxZoom();
      document.querySelector('[data-do="zoom-out"]').disabled = map.getZoom() <= map.getMinZoom();
      legend.dataset.legend = map.getZoom() >= this.options.pointsFrom ? "points" : "cells";
    };
    map.on("zoomend", zoomed);
    zoomed();
  }

  /** Fit what the screen shows into the map's size on paper, without leaving the tiles that are loaded. */
  fitPaper() {
    const { map } = this;
    const bounds = map.getBounds();
    this.screen = { center: map.getCenter(), zoom: map.getZoom() };
    document.documentElement.classList.add("is-printing");
    map.invalidateSize({ animate: false, pan: false });
    setZoomFreely(map, () => {
      const zoom = Math.max(map.getBoundsZoom(bounds), Math.round(this.screen.zoom) - 0.5);
      map.setView(this.screen.center, zoom, { animate: false });
    });
  }

  leavePaper() {
    document.documentElement.classList.remove("is-printing");
    this.map.invalidateSize({ animate: false, pan: false });
    setZoomFreely(this.map, () => this.map.setView(this.screen.center, this.screen.zoom, { animate: false }));
  }

  locate() {
    if (!navigator.geolocation) return this.tell(this.texts.noLocation);
    this.tell(this.texts.locating);
    return navigator.geolocation.getCurrentPosition(
      ({ coords }) => {
        const here = [coords.latitude, coords.longitude];
        this.here?.remove();
        this.here = L.layerGroup([
          L.circle(here, { radius: coords.accuracy, className: "map-here__reach", interactive: false }),
          L.circleMarker(here, { radius: 7, className: "map-here", interactive: false }),
        ]).addTo(this.map);
        this.map.setView(here, Math.max(this.map.getZoom(), 15), { animate: !this.calm });
        this.tell(this.texts.located);
      },
      () => this.tell(this.texts.noLocation),
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
    );
  }

  // What goes wrong, and what is said -------------------------------------------------------------------------------

  bindProblems() {
    const problem = document.querySelector("[data-problem]");
    const loading = document.querySelector("[data-loading]");
    const layers = [];
    this.map.eachLayer((layer) => layer.retry && layers.push(layer));
    const failed = new Map();
    for (const layer of layers) {
      layer.on("tilesfailed tilesmended", ({ count }) => {
        failed.set(layer, count);
        problem.hidden = ![...failed.values()].some(Boolean);
      });
    }
    problem.querySelector("button").addEventListener("click", () => layers.forEach((layer) => layer.retry()));
    this.layer.on("loading", () => (loading.hidden = false));
    this.layer.on("load", () => (loading.hidden = true));
    loading.hidden = !this.layer.isLoading();
  }

  tell(text) {
    this.told.textContent = text;
    this.told.classList.add("is-told");
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => this.told.classList.remove("is-told"), 4000);
  }
}

function corners([west, south, east, north]) {
  return [
    [south, west],
    [north, east],
  ];
}

function clip(degrees) {
  return Math.max(-180, Math.min(180, degrees));
}

function peek(sheet) {
  return parseFloat(getComputedStyle(sheet.parentElement).getPropertyValue("--sheet-peek")) * 16 || 0;
}
