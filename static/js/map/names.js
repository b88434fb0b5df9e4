// Names of kecamatan and desa on a map, as far as they have room.

export const BLOCK = 32; // px: cells of a tile are joined to blocks of this edge, wide enough for a number and a finger

const LINE = 16; // letters: a longer name has two lines; those of kecamatan have one, or they would cover numbers
const PIN = { up: 52, down: 6, half: 24 }; // px that a pin covers around its place

/** The names of a map. Its pin, where there is one, is `map.pin`; "pinmoved" tells that it moved. */
export class Names {
  constructor(map) {
    this.map = map;
    this.written = new Map();
    map.createPane("names").setAttribute("aria-hidden", "true");
    map.on("zoomend pinmoved", () => this.arrangeSoon());
    map.whenReady(() => this.arrangeSoon());
  }

  /** Write a name at lat, lon, and keep it until all its owners drop it. Kecamatan have `people`; desa, with 0, come last. */
  add(owner, { code, name, lat, lon, people }) {
    const known = this.written.get(code);
    if (known) {
      known.owners.add(owner);
      return;
    }
    const element = document.createElement("span");
    element.className = `map-name__text map-name__text--away${people ? "" : " map-name__text--desa"}`;
    element.textContent = inLines(name);
    const icon = L.divIcon({ className: "map-name", html: element, iconSize: [0, 0] });
    const marker = L.marker([lat, lon], { icon, pane: "names", interactive: false, keyboard: false }).addTo(this.map);
    this.written.set(code, { element, marker, lat, lon, people, owners: new Set([owner]) });
    this.arrangeSoon();
  }

  drop(owner) {
    for (const [code, { owners, marker }] of this.written) {
      if (!owners.delete(owner) || owners.size) continue;
      marker.remove();
      this.written.delete(code);
      this.arrangeSoon();
    }
  }

  arrangeSoon() {
    this.soon ??= requestAnimationFrame(() => {
      this.soon = null;
      this.arrange();
    });
  }

  /** The most populous first; a name that would touch another stays away at this zoom, one below the pin moves. */
  arrange() {
    const { map } = this;
    const zoom = map.getZoom();
    const edge = BLOCK * map.getZoomScale(zoom, Math.round(zoom));
    const pin = map.pin && map.project(map.pin);
    const taken = pin ? [{ x: pin.x, y: pin.y + (PIN.down - PIN.up) / 2, w: PIN.half, h: (PIN.down + PIN.up) / 2 }] : [];
    const measured = [...this.written.values()]
      .sort((a, b) => b.people - a.people)
      .map(({ element, lat, lon }) => {
        return { element, place: map.project([lat, lon]), w: element.offsetWidth / 2 + 4, h: element.offsetHeight / 2 + 2 };
      });
    for (const { element, place, w, h } of measured) {
      const between = zoom < 14 ? Math.round(place.y / edge) * edge : place.y; // between two rows of numbers
      const box = { x: place.x, w, h };
      const free = (y) => taken.every((other) => Math.abs(other.x - box.x) > other.w + box.w || Math.abs(other.y - y) > other.h + box.h);
      const beside = pin && touches(taken[0], { ...box, y: between }) ? [pin.y + PIN.down + box.h + 1, pin.y - PIN.up - box.h - 1] : [];
      const y = [between, ...beside].find(free);
      element.classList.toggle("map-name__text--away", y === undefined);
      if (y === undefined) continue;
      element.style.top = `${y - place.y}px`;
      taken.push({ ...box, y });
    }
  }
}

/** Break a long name at the space nearest to its middle: wrapped by the browser, its box would be as wide as it may get. */
function inLines(name) {
  const spaces = [...name.matchAll(/ /g)].map(({ index }) => index);
  if (name.length <= LINE || !spaces.length) return name;
  const off = (at) => Math.abs(2 * at + 1 - name.length);
  const at = spaces.reduce((best, one) => (off(one) < off(best) ? one : best));
  return `${name.slice(0, at)}\n${name.slice(at + 1)}`;
}

function touches(one, other) {
  return Math.abs(one.x - other.x) <= one.w + other.w && Math.abs(one.y - other.y) <= one.h + other.h;
}
