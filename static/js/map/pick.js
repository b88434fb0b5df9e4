// Choosing a place on a map, and showing one.

import { sayFailures, zoomButtons } from "./controls.js";
import { showWhole } from "./whole.js";

const STEP = 10; // px for an arrow key, with Shift 1
const DOUBLE_MS = 350;

/**
 * Let a place be picked on `map`: by a tap, by dragging the pin, by the arrow keys while the pin has the focus, or by the
 * button that puts the pin in the middle. Each of them only goes nearer (to the zoom `near`), rings the spot and says how
 * to go on, while the map shows too much to hit a place: farther away than `close` a pixel is a whole village.
 * Writes to the inputs, and tells `placepicked` on the map's element.
 */
export function pick(map, { lonInput, latInput, place, near, close, bounds, texts }) {
  const element = map.getContainer();
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  if (calm) map._zoomAnimated = map._fadeAnimated = false;
  const pin = L.marker([0, 0], {
    icon: pinIcon(),
    draggable: true,
    autoPan: true,
    keyboard: true,
    title: "",
    alt: texts.pin,
  });

  const ring = L.divIcon({ className: "map-spot", iconSize: [28, 28] });
  const spot = L.marker([0, 0], { icon: ring, interactive: false, keyboard: false });

  const told = document.createElement("p");
  told.className = "map-told";
  told.setAttribute("role", "status");
  const tell = (text) => {
    told.textContent = text;
    told.classList.toggle("is-told", Boolean(text));
  };

  let chosen = null;
  let nearerAt = -Infinity;
  const show = ({ lat, lng }) => {
    chosen = [lat, lng];
    spot.remove();
    pin.setLatLng(chosen);
    setPin(map, chosen);
    if (!map.hasLayer(pin)) {
      pin.addTo(map);
      name(pin.getElement(), texts.pin);
    }
  };
  const take = (latlng, source) => {
    const { lat, lng } = latlng.wrap();
    show({ lat, lng });
    tell("");
    const [lon6, lat6] = [lng.toFixed(6), lat.toFixed(6)];
    write(lonInput, lon6);
    write(latInput, lat6);
    element.dispatchEvent(
      new CustomEvent("placepicked", { bubbles: true, detail: { lon: Number(lon6), lat: Number(lat6), source } }),
    );
  };

  /** Take the place, or go nearer first and say how to go on. */
  const takeOrGoNearer = (latlng, howTo) => {
    if (map.getZoom() >= close) return take(latlng, "tap");
    nearerAt = performance.now();
    spot.setLatLng(latlng).addTo(map);
    map.setView(latlng, near, { animate: !calm });
    return tell(howTo);
  };

  map.on("click", ({ latlng, originalEvent }) => {
    const second = originalEvent.detail > 1 || performance.now() - nearerAt < DOUBLE_MS;
    if (!second) takeOrGoNearer(latlng, texts.tapAgain); // the other half of a double tap was not aimed at the new view
  });
  pin.on("dragend", () => {
    const dropped = pin.getLatLng();
    if (map.getZoom() < close && chosen) pin.setLatLng(chosen);
    takeOrGoNearer(dropped, texts.tapAgain);
  });
  element.addEventListener("keydown", (event) => {
    const onPin = event.target === pin.getElement?.();
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (onPin && move) {
      event.preventDefault();
      event.stopPropagation(); // else the map moves too
      if (map.getZoom() < close) {
        takeOrGoNearer(pin.getLatLng(), texts.moveOn);
        return;
      }
      const step = event.shiftKey ? 1 : STEP;
      const at = map.latLngToContainerPoint(pin.getLatLng()).add([move[0] * step, move[1] * step]);
      take(map.containerPointToLatLng(at), "tap");
      map.panInside(pin.getLatLng(), { padding: [40, 40], animate: false });
    } else if (!onPin && event.key === "Enter" && event.target === element) {
      event.preventDefault();
      takeOrGoNearer(map.getCenter(), texts.enterAgain);
    }
  }, true);

  const middle = document.createElement("button");
  middle.type = "button";
  middle.className = "button map-middle";
  middle.textContent = texts.here;
  middle.addEventListener("click", () => {
    const taken = map.getZoom() >= close;
    takeOrGoNearer(map.getCenter(), texts.pressAgain);
    if (taken) pin.getElement()?.focus({ preventScroll: true });
  });
  const cross = document.createElement("div");
  cross.className = "map-cross";
  cross.setAttribute("aria-hidden", "true");
  element.after(zoomButtons(map, texts), cross, middle, told);

  // From outside: found by name, or the device's location. The page has written the inputs itself.
  element.addEventListener("placeset", ({ detail }) => {
    tell("");
    show({ lat: detail.lat, lng: detail.lon });
    map.setView([detail.lat, detail.lon], detail.zoom ? Math.min(detail.zoom, near) : Math.max(map.getZoom(), near), { animate: false });
  });

  showWhole(map, bounds);
  if (place) {
    show({ lat: place[0], lng: place[1] });
    map.setView(place, near, { animate: false });
  }
  whenSeen(map, () => (place ? map.setView(place, near, { animate: false }) : showWhole(map, bounds)));
  sayFailures(map, texts);
}

/** Show a place on a still map. */
export function locator(map, { place, zoom, texts }) {
  for (const gesture of ["dragging", "touchZoom", "doubleClickZoom", "scrollWheelZoom", "boxZoom", "keyboard", "tap"]) {
    map[gesture]?.disable();
  }
  map.getContainer().removeAttribute("tabindex");
  L.marker(place, { icon: pinIcon(), interactive: false, keyboard: false }).addTo(map);
  setPin(map, place);
  map.setView(place, zoom, { animate: false });
  whenSeen(map, () => map.setView(place, zoom, { animate: false }));
  sayFailures(map, texts);
}

/** Let names keep clear of the pin at `latlng` (see names.js). */
function setPin(map, latlng) {
  map.pin = latlng;
  map.fire("pinmoved");
}

function pinIcon() {
  const pin = document.createElement("span");
  pin.className = "map-pin__shape";
  return L.divIcon({ className: "map-pin", html: pin, iconSize: [44, 54], iconAnchor: [22, 50] });
}

function name(element, label) {
  element.setAttribute("role", "button");
  element.setAttribute("aria-label", label);
  element.removeAttribute("title");
}

function write(id, value) {
  const input = document.getElementById(id);
  if (!input) return;
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** A map that was hidden has no size; look again when it gets one. */
function whenSeen(map, then) {
  const element = map.getContainer();
  if (element.offsetWidth) return;
  const observer = new ResizeObserver(() => {
    if (!element.offsetWidth) return;
    observer.disconnect();
    map.invalidateSize({ animate: false });
    then();
  });
  observer.observe(element);
}
