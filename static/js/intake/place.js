// The second step: by tap, by the phone's location, by a desa's name or from the list; who answers there is shown at once.

import { placeName } from "../map/place-name.js";
import { settle } from "./form.js";

const box = document.querySelector("[data-place]");
const words = box.dataset;
const result = box.querySelector("[data-result]");
const search = box.querySelector("#place-search");
const found = box.querySelector("#place-found");
const count = box.querySelector("#place-count");
const list = document.querySelector("[data-place-list]");
const map = box.querySelector("[data-map]");
const field = (name) => document.getElementById(`id_${name}`);
const desa = [...list.querySelectorAll("input[name=desa]")];
const SUGGESTED = 30;
const GOOD_M = 100;
const DESA_ZOOM = 12; // the desa's lines are in sight

const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/\s+/g, " ").trim();
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_all, name) => values[name] ?? "");
const number = (value) => Math.round(value).toLocaleString(document.documentElement.lang);
const names = new Map(desa.map((radio) => [radio, plain(`${radio.dataset.name} ${radio.dataset.kecamatan}`)]));

list.open = !map; // without a map the list is the way
for (const radio of desa) radio.closest("details").open = radio.checked && !map;

/** Take a place, from wherever it came, and show who answers there. */
function choose({ lon, lat, source, accuracy = null, radio = null }) {
  field("lon").value = lon;
  field("lat").value = lat;
  field("accuracy_m").value = accuracy ?? "";
  field("place_source").value = source;
  for (const other of desa) other.checked = other === radio;
  look({ lon, lat, source, accuracy });
}

let asking = null;

async function look({ lon, lat, source, accuracy }) {
  asking?.abort();
  asking = new AbortController();
  const note = { area: words.tArea, search: words.tArea }[source] ?? located(source, accuracy);
  show([["place__why", words.tLooking]], { busy: true });
  const query = new URLSearchParams({ lat, lon });
  if (words.category) query.set("category", words.category);
  try {
    const response = await fetch(`${words.locate}?${query}`, {
      headers: { Accept: "application/json", "Accept-Language": document.documentElement.lang },
      signal: asking.signal,
    });
    const body = await response.json();
    if (response.ok) {
      settle("id_desa");
      show(answer(body, note));
    } else if (response.status === 422) {
      show([["place__where", body.detail], ["place__why", words.tOutsideHint]], { refused: true });
    } else show([["place__why", words.tOffline], ["place__why", note]]);
  } catch (error) {
    if (error.name === "AbortError") return;
    show([["place__why", words.tOffline], ["place__why", note]]);
  }
}

function located(source, accuracy) {
  if (source !== "device") return "";
  return fill(accuracy <= GOOD_M ? words.tAccuracy : words.tRough, { metres: number(accuracy) });
}

function answer({ kecamatan, desa: village, agency, reason, near_border: borders, coastal }, note) {
  return [
    ["place__where", placeName({ kecamatan, desa: village })],
    ...borders.map((border) => ["place__why", fill(words.tBorder, { name: border.name, metres: number(border.distance_m) })]),
    ...(coastal ? [["place__why", words.tSea]] : []),
    ["place__who", agency ? `${words.tAnswers}: ${agency.name}` : words.tCoordinator],
    ["place__why", reason],
    ["place__why", note],
  ];
}

function show(lines, { busy = false, refused = false } = {}) {
  result.hidden = false;
  result.setAttribute("aria-busy", String(busy));
  result.classList.toggle("is-refused", refused);
  result.replaceChildren(
    ...lines
      .filter(([, text]) => text)
      .map(([name, text]) => Object.assign(document.createElement("p"), { className: name, textContent: text })),
  );
}

const move = (lon, lat, zoom) => map?.dispatchEvent(new CustomEvent("placeset", { detail: { lon, lat, zoom } }));

// By tap
map?.addEventListener("placepicked", ({ detail }) => choose({ ...detail, source: "tap" }));

// By the phone's location
const here = box.querySelector("[data-locate-me]");
if (!("geolocation" in navigator) || !isSecureContext) here.hidden = true;
here.addEventListener("click", () => {
  here.setAttribute("aria-disabled", "true");
  show([["place__why", words.tLooking]], { busy: true });
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      here.removeAttribute("aria-disabled");
      const [lon, lat] = [Number(coords.longitude.toFixed(6)), Number(coords.latitude.toFixed(6))];
      move(lon, lat, coords.accuracy <= GOOD_M ? 14 : 12);
      choose({ lon, lat, source: "device", accuracy: Math.round(coords.accuracy) });
    },
    (error) => {
      here.removeAttribute("aria-disabled");
      show([["place__why", error.code === error.PERMISSION_DENIED ? words.tDenied : words.tSlow]], { refused: true });
    },
    { enableHighAccuracy: true, timeout: 20_000, maximumAge: 30_000 },
  );
});

// From the list, and by name
function take(radio, source) {
  const [lon, lat] = [Number(radio.dataset.lon), Number(radio.dataset.lat)];
  move(lon, lat, DESA_ZOOM);
  choose({ lon, lat, source, radio });
}

list.addEventListener("change", (event) => {
  if (event.target.name === "desa") take(event.target, "area");
});

search.addEventListener("input", () => {
  const typed = plain(search.value).split(" ").filter(Boolean);
  const hits = typed.length ? desa.filter((radio) => typed.every((word) => names.get(radio).includes(word))) : [];
  const rank = (name) => (name.startsWith(typed[0]) ? 0 : name.includes(` ${typed[0]}`) ? 1 : 2);
  hits.sort((a, b) => rank(names.get(a)) - rank(names.get(b)));
  found.replaceChildren(...hits.slice(0, SUGGESTED).map(suggestion));
  found.hidden = !hits.length;
  const none = typed.length > 0 && !hits.length;
  count.textContent = none ? count.dataset.tNone : typed.length ? fill(count.dataset.t, { n: hits.length }) : "";
  count.classList.toggle("visually-hidden", !none); // a list says itself what was found
});
search.addEventListener("keydown", (event) => {
  if (event.key === "Enter") {
    event.preventDefault();
    found.querySelector("button")?.click();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    found.querySelector("button")?.focus();
  }
});
found.addEventListener("keydown", (event) => {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (event.key === "Escape") found.hidden = true;
  if (!step && event.key !== "Escape") return;
  event.preventDefault();
  (document.activeElement.closest("li")?.[step]?.querySelector("button") ?? search).focus();
});

function suggestion(radio) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: radio.dataset.name });
  button.append(Object.assign(document.createElement("small"), { textContent: `${words.tKecamatan} ${radio.dataset.kecamatan}` }));
  button.addEventListener("click", () => {
    search.value = radio.dataset.name;
    found.hidden = true;
    take(radio, "search");
    search.focus();
  });
  const item = document.createElement("li");
  item.append(button);
  return item;
}

// What was chosen before
const before = desa.find((radio) => radio.checked);
const [lon, lat] = [field("lon").value, field("lat").value].map(Number);
if (before) {
  move(Number(before.dataset.lon), Number(before.dataset.lat), DESA_ZOOM);
  look({ lon: before.dataset.lon, lat: before.dataset.lat, source: field("place_source").value || "area" });
} else if (field("lon").value && Number.isFinite(lon) && Number.isFinite(lat)) {
  look({ lon, lat, source: field("place_source").value, accuracy: Number(field("accuracy_m").value) });
}
