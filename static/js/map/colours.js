// The map's colours come from the design tokens, so that they follow the light or dark scheme.

let kept = null;

/** Return the tokens that a canvas needs, as colours of the present scheme. */
export function colours() {
  if (kept) return kept;
  const style = getComputedStyle(document.documentElement);
  const token = (name) => style.getPropertyValue(name).trim();
  const scale = [0, 1, 2, 3, 4, 5].map((step) => token(`--scale-${step}`));
  kept = {
    scale,
    onScale: scale.map((colour) => (luminance(colour) > 0.3 ? "#16241f" : "#ffffff")),
    edge: token("--scale-4"),
    land: token("--map-land"),
    boundary: token("--map-boundary"),
    halo: token("--map-boundary-halo"),
    surface: token("--surface"),
    font: style.fontFamily,
    status: (name) => token(`--status-${name.replaceAll("_", "-")}`),
  };
  return kept;
}

/** Call `then` whenever the scheme changes. */
export function onSchemeChange(then) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    kept = null;
    then();
  });
}

function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
