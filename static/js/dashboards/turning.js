// A wall that turns (?layar=1&putar=30): one part after the other is shown, each for some seconds. Nothing moves or fades.
// Nobody scrolls a wall: a list that is longer than the screen comes page by page.
// It stands still where somebody asked for less motion, after "Pause", and while somebody works in it with the keyboard.

const tools = document.querySelector("[data-turning]");
const place = tools.querySelector("[data-turn-place]");
const pause = tools.querySelector('[data-turn="pause"]');
const parts = [...document.querySelectorAll("[data-turns]")];
const ROWS = ":is(tbody > tr, ol > li, .dash__changes-list > li):not(details *)";
let shown = 0;
let page = 0;
let pages = 1;
let still = matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Show the part `number`, counted around, on one of its pages (-1: the last), and hide the others. */
export function show(number, wanted = 0) {
  shown = (number + parts.length) % parts.length;
  parts.forEach((part, at) => (part.hidden = at !== shown));
  showPage(wanted);
  dispatchEvent(new Event("resize")); // a map that was hidden has had no size
}

function showPage(wanted) {
  const rows = [...parts[shown].querySelectorAll(ROWS)];
  const found = pagesOf(parts[shown], rows);
  pages = found.length;
  page = wanted < 0 ? pages - 1 : Math.min(wanted, pages - 1);
  rows.forEach((row) => (row.hidden = !found[page].includes(row)));
  const within = pages > 1 ? ` (${page + 1}/${pages})` : "";
  place.textContent = `${shown + 1} / ${parts.length}${within}.`;
}

/** The rows of a part by pages, as many on each as it has room for. */
function pagesOf(part, rows) {
  const fit = (some) => {
    rows.forEach((row) => (row.hidden = !some.includes(row)));
    return part.scrollHeight <= part.clientHeight;
  };
  const found = [];
  let rest = rows;
  while (rest.length && !fit(rest)) {
    let n = 1;
    while (n < rest.length && fit(rest.slice(0, n + 1))) n += 1;
    found.push(rest.slice(0, n));
    rest = rest.slice(n);
  }
  return rest.length || !found.length ? [...found, rest] : found;
}

function turn(by) {
  if (page + by >= 0 && page + by < pages) showPage(page + by);
  else show(shown + by, by < 0 ? -1 : 0);
}

function stand(yes) {
  still = yes;
  pause.setAttribute("aria-pressed", String(still));
}

tools.addEventListener("click", (event) => {
  const way = event.target.closest("[data-turn]")?.dataset.turn;
  if (way === "pause") stand(!still);
  if (way === "next") turn(1);
  if (way === "back") turn(-1);
});

if (parts.length > 1) {
  document.body.classList.add("dash-turning");
  stand(still);
  show(0);
  for (const event of ["resize", "load"]) addEventListener(event, () => showPage(page)); // the room is another, or the letters
  document.addEventListener("figures", () => showPage(page)); // the rows are new
  setInterval(() => {
    const busy = parts.some((part) => part.contains(document.activeElement));
    if (!still && !busy) turn(1);
  }, 1000 * Number(tools.dataset.turning));
}
