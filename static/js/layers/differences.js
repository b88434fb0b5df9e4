// Signs on a map for what changed from one version to another. They are told apart by shape as well as by colour.

const SIGNS = { added: "+", removed: "\u00d7", moved: "\u2192", lost: "?", gained: "\u2022", changed: "\u2248" };
const SIZE = 22; // px

/** Fetch the differences and put their signs on the map. `words` names each kind. */
export async function showDifferences(map, { url, words, failed }) {
  try {
    const response = await fetch(url, { headers: { Accept: "application/geo+json" } });
    if (!response.ok) throw new Error(`${response.status} for ${url}`);
    const { features } = await response.json();
    for (const feature of features) if (feature.geometry) draw(map, feature, words);
    map.getContainer().dataset.differences = features.length;
  } catch {
    const note = document.querySelector("[data-differences-failed]");
    if (note) note.textContent = failed;
  }
}

function draw(map, { geometry, properties }, words) {
  const { what, label } = properties;
  const path = (geometry.type === "LineString" ? geometry.coordinates : [geometry.coordinates]).map(([lon, lat]) => [lat, lon]);
  if (path.length > 1) L.polyline(path, { className: "difference-way", interactive: false }).addTo(map);
  const sign = document.createElement("span");
  sign.className = `difference difference--${what}`;
  sign.textContent = SIGNS[what];
  const icon = L.divIcon({ className: "difference-icon", html: sign, iconSize: [SIZE, SIZE] });
  const told = document.createElement("span");
  told.textContent = `${label}: ${words[what]}`;
  L.marker(path.at(-1), { icon, keyboard: false }).bindTooltip(told, { direction: "top", offset: [0, -SIZE / 2] }).addTo(map);
}
