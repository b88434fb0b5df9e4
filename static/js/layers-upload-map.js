// The map of an upload that is not published: shapes only, in the frame of the data.

import { dataLayer } from "./layers/map.js";
import { sayFailures, zoomButtons } from "./map/pick.js";

export { dataLayer };

/** Frame the data and give the map its buttons. `extent` is west, south, east, north in degrees. */
export function start(map, _layer, { extent, texts }) {
  const [west, south, east, north] = extent;
  map.fitBounds([[south, west], [north, east]], { padding: [24, 24], maxZoom: 15, animate: false });
  map.getContainer().after(zoomButtons(map, texts));
  sayFailures(map, texts);
}
