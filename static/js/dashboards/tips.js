// What a cell says under the mouse or a finger. One tooltip serves all cells: with one of its own each would be a stop of
// the Tab key, hundreds of them and without a name. For the keyboard and for screen readers there are the tables.

/** Tell `words(cell)` of the cells in `layer`, nothing for "". The function returned tells anew what is told, for cells change. */
export function tellCells(map, layer, words) {
  const tip = L.tooltip({ className: "dash-tip" });
  let told;
  const tell = () => {
    const text = words(told);
    if (!text) return void tip.close();
    const element = document.createElement("span");
    element.textContent = text;
    tip.setContent(element).openOn(map);
  };
  layer.on("mouseover click", ({ propagatedFrom, latlng }) => {
    told = propagatedFrom;
    tip.setLatLng(latlng);
    tell();
  });
  layer.on("mousemove", ({ latlng }) => tip.setLatLng(latlng));
  layer.on("mouseout", () => tip.close());
  return () => {
    if (map.hasLayer(tip)) tell();
  };
}
