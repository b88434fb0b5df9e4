// Paper: a map prints as the screen shows it. Its view stays where it is, since new tiles would come too late; the style sheet
// (css/map.css) scales the box that it stands in, and needs its size for that.

/** Keep the map's size on the screen as `--map-w` and `--map-h` (px, without a unit) on its box. */
export function keepSizeForPaper(map) {
  const box = map.getContainer().parentElement;
  const tell = () => {
    const { x, y } = map.getSize();
    if (!x || !y || matchMedia("print").matches) return;
    box.style.setProperty("--map-w", x);
    box.style.setProperty("--map-h", y);
  };
  map.on("resize", tell);
  tell();
}
