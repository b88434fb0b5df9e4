// The kecamatan in the colours of a measure. Outlines come by URL; colours, words and ways on stand in the page's table.

import { problemNote, zoomButtons } from "../map/controls.js";
import { fitFreely } from "../map/whole.js";

const rowOf = (code) => document.querySelector(`[data-area="${CSS.escape(code)}"]`);

/** Outlines that colour themselves by their row in the table. */
export function dataLayer({ url, query }) {
  const layer = L.geoJSON(null, {
    style: { className: "dash-area", weight: 1.5 },
    onEachFeature(feature, outline) {
      outline.bindTooltip(() => words(feature), { sticky: true, className: "dash-tip" });
      outline.on("click", () => follow(feature));
      outline.on("add", () => dress(feature, outline));
    },
  });
  layer.load = async () => {
    const response = await fetch(`${url}?${query}`);
    if (!response.ok) throw new Error(`${response.status} for ${url}`);
    layer.addData(await response.json());
  };
  return layer;
}

/** Show the whole regency, load the outlines, and colour them again whenever the figures are refreshed. */
export function start(map, layer, { bounds, texts }) {
  const element = map.getContainer();
  const [west, south, east, north] = bounds;
  const showAll = () => fitFreely(map, [[south, west], [north, east]], 4);
  showAll();
  element.after(zoomButtons(map, texts));
  map.on("resize", () => matchMedia("print").matches || showAll());
  map.scrollWheelZoom.disable(); // a page that scrolls must not stop here
  const note = problemNote(element, texts, load);
  async function load() {
    note.hidden = true;
    try {
      await layer.load();
    } catch {
      note.hidden = false;
    }
  }
  load();
  document.addEventListener("figures", () => layer.eachLayer((outline) => dress(outline.feature, outline)));
}

function dress(feature, outline) {
  const row = rowOf(feature.id);
  const path = outline.getElement();
  path.dataset.step = row?.dataset.step ?? "out";
  path.setAttribute("tabindex", row ? "0" : "-1"); // one that leads nowhere is no stop of the Tab key
  if (!row) return;
  path.setAttribute("role", "link");
  path.setAttribute("aria-label", words(feature));
  path.onkeydown = (event) => {
    if (event.key === "Enter") follow(feature); // a returned false would cancel every other key, Tab too
  };
  path.onfocus = () => outline.openTooltip(outline.getBounds().getCenter());
  path.onblur = () => outline.closeTooltip();
}

function words(feature) {
  const row = rowOf(feature.id);
  const { name } = feature.properties;
  return row ? `${name}: ${row.dataset.words}` : name;
}

function follow(feature) {
  const row = rowOf(feature.id);
  if (row) location.assign(row.dataset.inside);
}
