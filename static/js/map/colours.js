// The map's colours come from the design tokens, so that they follow the light or dark scheme; paper is always light.

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const kept = new Map();
const told = new Set();

/** Return "light" or "dark": the scheme that shows now. */
export function scheme() {
  return root.dataset.theme ?? (dark.matches ? "dark" : "light");
}

/** Return the tokens that a canvas needs, as colours of a scheme, by default of the present one. */
export function colours(of = scheme()) {
  if (!kept.has(of)) kept.set(of, within(of, read));
  return kept.get(of);
}

/** Call `then` whenever the scheme changes; before and after printing it does so at once. */
export function onSchemeChange(then) {
  told.add(then);
}

const changed = () => told.forEach((then) => then());
dark.addEventListener("change", changed);

let onScreen = null;
addEventListener("beforeprint", () => {
  if (onScreen || scheme() === "light") return;
  onScreen = { theme: root.dataset.theme };
  root.dataset.theme = "light";
  changed();
});
addEventListener("afterprint", () => {
  if (!onScreen) return;
  setTheme(onScreen.theme);
  onScreen = null;
  changed();
});

function within(of, then) {
  if (of === scheme()) return then();
  const { theme } = root.dataset;
  root.dataset.theme = of;
  const result = then();
  setTheme(theme);
  return result;
}

function setTheme(theme) {
  if (theme === undefined) delete root.dataset.theme;
  else root.dataset.theme = theme;
}

function read() {
  const style = getComputedStyle(root);
  const token = (name) => style.getPropertyValue(name).trim();
  const scale = [0, 1, 2, 3, 4, 5].map((step) => token(`--scale-${step}`));
  const names = ["received", "routed", "in-progress", "answered", "closed", "on-hold", "rejected", "duplicate", "reopened"];
  const statuses = new Map(names.map((name) => [name, token(`--status-${name}`)]));
  return {
    scale,
    onScale: scale.map((colour) => (luminance(colour) > 0.3 ? "#16241f" : "#ffffff")),
    edge: token("--scale-4"),
    land: token("--map-land"),
    boundary: token("--map-boundary"),
    halo: token("--map-boundary-halo"),
    surface: token("--surface"),
    font: style.fontFamily,
    status: (name) => statuses.get(name.replaceAll("_", "-")),
  };
}

function luminance(hex) {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
