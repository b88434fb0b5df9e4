// The public map: what is tapped, what the list beside it shows, and the address that keeps both.

import { setSheet } from "../base.js";
import { DESA_FROM } from "./layers.js";
import { placeName } from "./place-name.js";
import { showAddress, showWhole } from "./whole.js";

const TOLERANCE = 22; // px around a fingertip
const HERE_MAX = 10; // reports told at once where many lie on one spot
const HERE_ZOOM = 14;
const FAR_M = 300_000; // from here on, a map that shows both the person and the regency shows neither
const PRINT_WAIT_MS = 8000;

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
    if (!showAddress(map)) showWhole(map, this.asked(), this.padding());
    this.bindButtons();
    this.bindProblems();
    map.on("click", (event) => this.tapped(event.latlng));
    map.on("mousemove", ({ latlng }) => {
      map.getContainer().classList.toggle("is-over", !this.layer.near(latlng, 3).next().done);
    });
    map.on("moveend", () => this.moved());
    addEventListener("hashchange", () => showAddress(map));
    map.getContainer().addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.tapped(map.getCenter()); // the cross in the middle shows where
    });
    this.keepHash();
    this.fetchList();
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
      for (const part of ["[data-count]", "[data-as-of]"]) {
        document.querySelector(part).replaceWith(fragment.querySelector(part));
      }
      this.list.replaceChildren(...fragment.querySelector("[data-rows]").childNodes);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.tell(this.texts.listFailed);
    }
    this.list.removeAttribute("aria-busy");
  }

  /** Fetch a part of a page, made by our own templates (which escape what people wrote). */
  async fragment(address, signal) {
    const response = await fetch(address, { signal, priority: "high" }); // before the tiles that wait in the queue
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
    if (matchMedia("(min-width: 60rem)").matches) legend.open = document.querySelector(".map-credit").open = true;
    on("print", () => this.print());
    const zoomed = () => {
      document.querySelector('[data-do="zoom-in"]').disabled = map.getZoom() >= map.getMaxZoom();
      document.querySelector('[data-do="zoom-out"]').disabled = map.getZoom() <= map.getMinZoom();
      legend.dataset.legend = map.getZoom() >= this.options.pointsFrom ? "points" : "cells";
      legend.dataset.desa = Math.round(map.getZoom()) >= DESA_FROM ? "shown" : "";
    };
    map.on("zoomend", zoomed);
    zoomed();
  }

  /** Print once the tiles are there, at the latest after PRINT_WAIT_MS. Ctrl-P prints what is there. */
  async print() {
    const waiting = tileLayers(this.map).filter((layer) => layer.isLoading());
    if (waiting.length) {
      this.tell(this.texts.printing);
      const loaded = Promise.all(waiting.map((layer) => new Promise((done) => layer.once("load", done))));
      await Promise.race([loaded, new Promise((done) => setTimeout(done, PRINT_WAIT_MS))]);
    }
    print();
  }

  // Where the person is ---------------------------------------------------------------------------------------------

  locate() {
    if (!navigator.geolocation) return this.tell(this.texts.noLocation);
    this.tell(this.texts.locating);
    return navigator.geolocation.getCurrentPosition(
      ({ coords }) => this.showHere(coords),
      () => this.tell(this.texts.noLocation),
      { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
    );
  }

  /** Show where the person is, and say it in words: on the map, and to who cannot see it. */
  async showHere({ latitude, longitude, accuracy }) {
    const here = [latitude, longitude];
    const { words, place = words, outside } = await this.wordsFor(latitude, longitude);
    const label = document.createElement("span");
    label.textContent = place;
    const dot = L.circleMarker(here, { radius: 7, className: "map-here", interactive: false });
    dot.bindTooltip(label, { permanent: true, direction: "top", offset: [0, -8], className: "map-here__words", interactive: false });
    this.here?.remove();
    this.here = L.layerGroup([
      L.circle(here, { radius: accuracy, className: "map-here__reach", interactive: false }),
      dot,
    ]).addTo(this.map);
    const nearest = outside && this.options.areas.find(({ code }) => code === outside.nearest?.code);
    if (!outside) this.map.setView(here, Math.max(this.map.getZoom(), HERE_ZOOM), { animate: !this.calm });
    else if (nearest && outside.distance_m < FAR_M) {
      const both = L.latLngBounds(corners(nearest.bounds)).extend(here);
      this.map.fitBounds(both, { ...this.padding(), maxZoom: HERE_ZOOM, animate: !this.calm });
    } else showWhole(this.map, this.options.bounds, this.padding());
    this.tell(words);
  }

  async wordsFor(lat, lon) {
    try {
      const query = new URLSearchParams({ lat: lat.toFixed(6), lon: lon.toFixed(6) });
      const response = await fetch(`${this.options.locate}?${query}`, {
        headers: { Accept: "application/json", "Accept-Language": this.options.language },
      });
      const body = await response.json();
      if (response.status === 422) return { words: body.detail, outside: body };
      if (!response.ok) throw new Error(`${response.status} for ${this.options.locate}`);
      const { here, hereAtSea } = this.texts;
      const words = (body.coastal ? hereAtSea : here).replace("{place}", placeName(body));
      return { words, place: body.coastal ? words : placeName(body) };
    } catch {
      return { words: this.texts.located };
    }
  }

  // What goes wrong, and what is said -------------------------------------------------------------------------------

  bindProblems() {
    const problem = document.querySelector("[data-problem]");
    const loading = document.querySelector("[data-loading]");
    const layers = tileLayers(this.map);
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
    this.quiet = setTimeout(() => this.told.classList.remove("is-told"), Math.max(4000, text.length * 100));
  }
}

/** Return the layers of our tiles that are on the map. */
function tileLayers(map) {
  const layers = [];
  map.eachLayer((layer) => layer.retry && layers.push(layer));
  return layers;
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
