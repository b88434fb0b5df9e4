// Showing the whole regency as large as it fits: between two zooms, tiles of the lower one are enlarged, never shrunk.

/** Let `then` set a zoom that is no whole number. */
export function setZoomFreely(map, then) {
  const { zoomSnap } = map.options;
  map.options.zoomSnap = 0;
  then();
  map.options.zoomSnap = zoomSnap;
}

/** Show what #zoom/lat/lon of the address says, as far as the map goes; false if the address has none. */
export function showAddress(map) {
  const [zoom, lat, lon] = location.hash.slice(1).split("/").map(Number);
  if (!location.hash || ![zoom, lat, lon].every(Number.isFinite) || Math.abs(lat) > 85 || Math.abs(lon) > 180) return false;
  const near = Math.max(map.getMinZoom(), Math.min(map.getMaxZoom(), zoom));
  setZoomFreely(map, () => map.setView([lat, lon], near, { animate: false }));
  return true;
}

/** Fit corners into the map as exactly as they go, above its credit; a hidden map keeps its view, for nothing fits into it. */
export function fitFreely(map, corners, edge) {
  const paddings = aboveCredit(map, edge);
  const { x, y } = map.getSize();
  if (Math.min(x, y - paddings.paddingBottomRight[1]) <= 4 * edge) return; // no zoom would be a number, nor any after it
  setZoomFreely(map, () => map.fitBounds(corners, { ...paddings, animate: false }));
}

/** Paddings of an edge all around, and of the credit that lies on the map below. */
export function aboveCredit(map, edge) {
  const credit = map.getContainer().parentElement.querySelector(".map-corner summary")?.offsetHeight ?? 0;
  return { paddingTopLeft: [edge, edge], paddingBottomRight: [edge, edge + credit] };
}

/** Fit west, south, east, north into the map, less the paddings. */
export function showWhole(map, [west, south, east, north], padding = { padding: [8, 8] }) {
  setZoomFreely(map, () => {
    const corners = L.latLngBounds([south, west], [north, east]);
    const { paddingTopLeft = padding.padding, paddingBottomRight = padding.padding } = padding;
    const around = L.point(paddingTopLeft).add(paddingBottomRight);
    const zoom = map.getBoundsZoom(corners, false, around);
    const whole = Math.floor(zoom);
    map.fitBounds(corners, { paddingTopLeft, paddingBottomRight, maxZoom: Math.min(zoom, whole + 0.49), animate: false });
  });
}
