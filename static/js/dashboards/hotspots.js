// Cells on one map, or on two that move together; a slider and a button go through the months.

import { problemNote, zoomButtons } from "../map/controls.js";
import { aboveCredit, showWhole } from "../map/whole.js";
import { tellCells } from "./tips.js";

const STEP_MS = 1200;
const SIGN_FROM_PX = 15; // cells narrower than this carry their sign in the table and the tooltip only
const started = [];
let moving = false;

/** Cells that come as JSON; `layer.load()` fetches and draws them. */
export function dataLayer({ url, query }) {
  const layer = L.featureGroup();
  layer.months = [];
  layer.dresses = []; // [class, sign, words]; cells and months name them by place, 0 is none
  layer.load = async () => {
    const response = await fetch(`${url}?${query}`);
    if (!response.ok) throw new Error(`${response.status} for ${url}`);
    const { dresses, cells, months, monthly } = await response.json();
    layer.clearLayers();
    Object.assign(layer, { months, dresses });
    cells.forEach((cell, i) => layer.addLayer(draw({ ...cell, months: monthly[i] }, dresses)));
  };
  return layer;
}

/** Show the whole regency and load the cells; move with the other map, if there is one. */
export function start(map, layer, { bounds, texts }) {
  const element = map.getContainer();
  layer.addTo(map);
  const showAll = () => showWhole(map, bounds, aboveCredit(map, 4));
  showAll();
  element.after(zoomButtons(map, texts));
  map.scrollWheelZoom.disable(); // a page that scrolls must not stop here
  map.on("zoomend", () => sizeSigns(map, layer));
  map.on("move", () => follow(map));
  layer.tellAgain = tellCells(map, layer, (shape) => shape.words && `${shape.cell.at}: ${shape.words}`);
  started.push({ map, layer });
  const note = problemNote(element, texts, load);
  async function load() {
    note.hidden = true;
    try {
      await layer.load();
      sizeSigns(map, layer);
      element.dataset.cells = layer.getLayers().length;
      if (layer.months.length) goThrough(layer, texts);
    } catch {
      note.hidden = false;
    }
  }
  load();
}

function draw(cell, dresses) {
  const shape = L.polygon(cell.ring, { className: "hot-cell", weight: 1, bubblingMouseEvents: true });
  shape.cell = cell;
  shape.on("add", () => dress(shape, dresses[cell.dress]));
  return shape;
}

/** Show a cell in a class; null takes it away. The class has its colour in the style sheet. */
function dress(shape, told) {
  const path = shape.getElement();
  if (!path) return;
  path.dataset.step = told ? told[0] : "out";
  shape.words = told ? told[2] : "";
  const sign = told?.[1] ?? "";
  if (sign && !shape.sign) {
    shape.sign = L.marker(shape.getBounds().getCenter(), {
      icon: L.divIcon({ className: "hot-sign", iconSize: [20, 20] }),
      interactive: false,
      keyboard: false,
    });
    shape.sign.on("add", () => write(shape));
  }
  shape.mark = sign;
  write(shape);
}

function write(shape) {
  const element = shape.sign?.getElement();
  if (!element) return;
  element.textContent = shape.mark;
  element.dataset.step = shape.getElement()?.dataset.step ?? "";
}

/** Signs stand on cells that are large enough for them. */
function sizeSigns(map, layer) {
  for (const shape of layer.getLayers()) {
    if (!shape.cell || !shape.sign) continue;
    const box = shape.getBounds();
    const wide = map.latLngToLayerPoint(box.getNorthEast()).x - map.latLngToLayerPoint(box.getSouthWest()).x;
    if (wide >= SIGN_FROM_PX) shape.sign.addTo(map);
    else shape.sign.remove();
  }
}

function follow(map) {
  if (moving) return;
  moving = true;
  for (const other of started) {
    if (other.map !== map) other.map.setView(map.getCenter(), map.getZoom(), { animate: false });
  }
  moving = false;
}

/** Bind the slider and the button: place 0 is the whole period, then month after month. */
function goThrough(layer, texts) {
  const box = document.querySelector("[data-time]");
  if (!box || !box.hidden) return;
  const slider = box.querySelector("[data-slider]");
  const button = box.querySelector("[data-play]");
  const told = box.querySelector("[data-month]");
  const keys = { whole: document.querySelector('[data-key="whole"]'), month: document.querySelector('[data-key="month"]') };
  let timer = 0;

  const show = () => {
    const month = Number(slider.value) - 1;
    told.textContent = month < 0 ? texts.whole : layer.months[month];
    slider.setAttribute("aria-valuetext", told.textContent);
    if (keys.month) {
      keys.whole.hidden = month >= 0;
      keys.month.hidden = month < 0;
    }
    for (const shape of layer.getLayers()) {
      const { cell } = shape;
      dress(shape, layer.dresses[month < 0 ? cell.dress : (cell.months?.[month] ?? 0)]);
    }
    sizeSigns(layer._map, layer);
    layer.tellAgain();
  };
  const pause = () => {
    clearInterval(timer);
    timer = 0;
    button.textContent = button.dataset.wordsPlay;
  };
  const next = () => {
    slider.value = slider.value === slider.max ? 1 : Number(slider.value) + 1;
    show();
    if (slider.value === slider.max) pause();
  };
  slider.addEventListener("input", () => {
    pause();
    show();
  });
  button.addEventListener("click", () => {
    if (timer) return pause();
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return next(); // one month for each press
    button.textContent = button.dataset.wordsPause;
    timer = setInterval(next, STEP_MS);
    return next();
  });
  box.hidden = false;
  show();
}
