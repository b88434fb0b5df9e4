// A wall that turns (?layar=1&putar=30): one part after the other is shown, each for some seconds. Nothing moves or fades.
// It stands still where somebody asked for less motion, after "Pause", and while somebody works in it with the keyboard.

const tools = document.querySelector("[data-turning]");
const place = tools.querySelector("[data-turn-place]");
const pause = tools.querySelector('[data-turn="pause"]');
const parts = [...document.querySelectorAll("[data-turns]")];
let shown = 0;
let still = matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Show the part `number`, counted around, and hide the others. */
export function show(number) {
  shown = (number + parts.length) % parts.length;
  parts.forEach((part, at) => (part.hidden = at !== shown));
  place.textContent = `${shown + 1} / ${parts.length}.`;
  dispatchEvent(new Event("resize")); // a map that was hidden has had no size
}

function stand(yes) {
  still = yes;
  pause.setAttribute("aria-pressed", String(still));
}

tools.addEventListener("click", (event) => {
  const way = event.target.closest("[data-turn]")?.dataset.turn;
  if (way === "pause") stand(!still);
  if (way === "next") show(shown + 1);
  if (way === "back") show(shown - 1);
});

if (parts.length > 1) {
  document.body.classList.add("dash-turning");
  stand(still);
  show(0);
  setInterval(() => {
    const busy = parts.some((part) => part.contains(document.activeElement));
    if (!still && !busy) show(shown + 1);
  }, 1000 * Number(tools.dataset.turning));
}
