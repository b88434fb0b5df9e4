// The map of data that are not published yet: shapes in the frame of the data and, if there are any, what changed.

import { showDifferences } from "./differences.js";
import { dataLayer } from "./map.js";
import { sayFailures, zoomButtons } from "../map/controls.js";

export { dataLayer };

/** Frame the data and give the map its buttons. `extent` is west, south, east, north in degrees. */
export function start(map, _layer, { extent, texts, differences }) {
  const [west, south, east, north] = extent;
  map.fitBounds([[south, west], [north, east]], { padding: [24, 24], maxZoom: 15, animate: false });
  map.getContainer().after(zoomButtons(map, texts));
  sayFailures(map, texts);
  if (differences) showDifferences(map, differences);
}
