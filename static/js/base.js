// On every page: menus that close, the offline banner, the error summary's focus, printing, the sheet of map pages.

// Menus are <details>; Escape and a click elsewhere close them.
for (const menu of document.querySelectorAll("details.menu")) {
  menu.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.open) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
}
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

const offline = document.querySelector("[data-offline]");
if (offline) {
  const show = () => {
    offline.hidden = navigator.onLine;
  };
  addEventListener("online", show);
  addEventListener("offline", show);
  show();
}

document.querySelector(".error-summary")?.focus();

for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => print());
}

// On paper every question is answered, and what explains a map is open.
const opened = [];
addEventListener("beforeprint", () => {
  for (const question of document.querySelectorAll("details:is(.ask, [data-open-on-paper]):not([open])")) {
    question.open = true;
    opened.push(question);
  }
});
addEventListener("afterprint", () => {
  for (const question of opened.splice(0)) question.open = false;
});

const HEIGHTS = ["peek", "half", "full"];

/** Set a sheet's height and say so to the page: "sheetheight" bubbles with the height in `detail`. */
export function setSheet(sheet, height) {
  if (sheet.dataset.height === height) return;
  sheet.dataset.height = height;
  sheet.querySelector(".sheet__handle")?.setAttribute("aria-expanded", String(height !== "peek"));
  sheet.dispatchEvent(new CustomEvent("sheetheight", { bubbles: true, detail: height }));
}

for (const sheet of document.querySelectorAll(".sheet")) {
  const handle = sheet.querySelector(".sheet__handle");
  if (!handle) continue;
  let drag = null;
  let droppedAt = -Infinity;

  handle.addEventListener("click", (event) => {
    if (event.timeStamp - droppedAt < 300) return; // the click that ends a drag
    const next = { peek: "half", half: "full", full: "peek" };
    setSheet(sheet, next[sheet.dataset.height] ?? "half");
  });
  handle.addEventListener("keydown", (event) => {
    const step = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at = HEIGHTS.indexOf(sheet.dataset.height) + step;
    setSheet(sheet, HEIGHTS[Math.max(0, Math.min(HEIGHTS.length - 1, at))]);
  });
  handle.addEventListener("pointerdown", (event) => {
    drag = { y: event.clientY, height: sheet.offsetHeight, moved: false };
    handle.setPointerCapture(event.pointerId);
  });
  handle.addEventListener("pointermove", (event) => {
    if (!drag) return;
    const height = drag.height + drag.y - event.clientY;
    if (!drag.moved && Math.abs(height - drag.height) < 6) return;
    drag.moved = true;
    sheet.classList.add("is-dragging");
    sheet.style.height = `${Math.max(72, height)}px`;
  });
  const drop = (event) => {
    if (!drag) return;
    const { moved } = drag;
    drag = null;
    if (!moved) return;
    const share = sheet.offsetHeight / sheet.parentElement.offsetHeight;
    sheet.classList.remove("is-dragging");
    sheet.style.height = "";
    setSheet(sheet, share < 0.3 ? "peek" : share < 0.72 ? "half" : "full");
    droppedAt = event.timeStamp;
  };
  handle.addEventListener("pointerup", drop);
  handle.addEventListener("pointercancel", drop);
}
