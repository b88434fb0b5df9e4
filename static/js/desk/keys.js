/* Single keys at the desk: j and k walk the list, / searches, a goes to the next steps, ? shows this.
   They can be switched off (WCAG 2.1.4), and never act while somebody types. */
const STORED = "desk-keys";
const rows = [...document.querySelectorAll("[data-rows] a")];
const dialog = document.querySelector("[data-keys]");
const opener = document.querySelector("[data-keys-open]");
const toggle = document.querySelector("[data-keys-on]");

const isOn = () => localStorage.getItem(STORED) !== "off";
const isTyping = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

function walk(step) {
  const open = rows.findIndex((row) => row.getAttribute("aria-current") === "true");
  const focused = rows.indexOf(document.activeElement);
  const from = focused >= 0 ? focused : open;
  rows[Math.max(0, Math.min(rows.length - 1, from + step))]?.focus();
}

function toSteps() {
  const steps = document.querySelector("#steps");
  steps?.querySelector("button, summary")?.focus();
}

const KEYS = {
  j: () => walk(1),
  k: () => walk(-1),
  "/": () => document.querySelector("#desk-q")?.focus(),
  a: toSteps,
  "?": () => dialog.showModal(),
};

document.addEventListener("keydown", (event) => {
  if (!isOn() || dialog.open || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) {
    return;
  }
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});

opener.hidden = false;
opener.addEventListener("click", () => dialog.showModal());
toggle.checked = isOn();
toggle.addEventListener("change", () => localStorage.setItem(STORED, toggle.checked ? "on" : "off"));

/* The open row stands in view among the others. */
const current = document.querySelector('[data-rows] a[aria-current="true"]');
const list = document.querySelector("[data-rows]");
if (current && list && list.scrollHeight > list.clientHeight) {
  list.scrollTop += current.getBoundingClientRect().top - list.getBoundingClientRect().top - list.clientHeight / 3;
}
