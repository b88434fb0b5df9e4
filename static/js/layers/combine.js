// Several layers, and reports, on one map: what a tap finds, and the address that keeps the view.

import { sayFailures, zoomButtons } from "../map/controls.js";
import { showAddress } from "../map/whole.js";
import { dataLayer, FeaturePanel, onTap, pick } from "./map.js";

export { dataLayer };

const REACH = 22; // px around a fingertip, for reports
const LISTED = 10; // reports told at once

/** `options.layers` tell of each layer its `title` and the address of a `feature`; a further layer has the reports. */
export function start(map, layers, options) {
  const { texts } = options;
  const element = map.getContainer();
  const panel = new FeaturePanel(map, texts);
  const reports = layers[options.layers.length];
  if (!showAddress(map)) frame(map, options.extent);
  element.after(zoomButtons(map, texts));
  sayFailures(map, texts);

  onTap(map, (latlng) => {
    if (reports && tappedReports(latlng)) return;
    for (const [n, { title, feature }] of options.layers.entries()) {
      const found = pick(layers[n], latlng);
      if (found) return void panel.show(feature.replace("{fid}", found.id), { of: title });
    }
    panel.tell(texts.nothing);
  });

  function tappedReports(latlng) {
    const hits = [...reports.near(latlng, REACH)].sort((a, b) => a[1] - b[1]);
    if (!hits.length) return false;
    const [nearest, , coords] = hits[0];
    if (nearest.n) {
      const middle = map.unproject([coords.x * 256 + nearest.x, coords.y * 256 + nearest.y], coords.z);
      map.setView(middle, Math.min(map.getZoom() + 2, map.getMaxZoom()), { animate: !panel.calm });
      panel.tell(texts.reports.replace("{n}", new Intl.NumberFormat(options.language).format(nearest.n)));
      return true;
    }
    const tickets = [...new Set(hits.map(([item]) => item.ticket))].slice(0, LISTED);
    panel.fill({
      label: texts.reportsHere,
      fields: tickets.map((value) => ({ title: texts.report, value, href: options.report.replace("{ticket}", value) })),
    });
    return true;
  }

  map.on("moveend", () => {
    const { lat, lng } = map.getCenter();
    const hash = `#${Number(map.getZoom().toFixed(2))}/${lat.toFixed(5)}/${lng.toFixed(5)}`;
    if (hash !== location.hash) history.replaceState(null, "", location.pathname + location.search + hash);
  });
  addEventListener("hashchange", () => showAddress(map));
  keepPlace();
}

function frame(map, [west, south, east, north]) {
  map.fitBounds([[south, west], [north, east]], { padding: [24, 24], maxZoom: 15, animate: false });
}

/** Links and the form change what is shown and keep the place. */
function keepPlace() {
  for (const link of document.querySelectorAll("a[data-keep-place]")) {
    link.addEventListener("click", () => (link.hash = location.hash));
  }
  for (const form of document.querySelectorAll("form[data-keep-place]")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = new URLSearchParams([...new FormData(form, event.submitter)].filter(([, value]) => value));
      const same = location.search === `?${given}`;
      location.assign(`${form.action}?${given}${location.hash}`);
      if (same) location.reload();
    });
  }
}
