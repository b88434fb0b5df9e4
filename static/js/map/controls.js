// What stands around a map: buttons that go nearer and farther, and what is said when something did not arrive.

export function zoomButtons(map, texts) {
  const group = document.createElement("div");
  group.className = "map-zoom";
  for (const [sign, label, zoom] of [
    ["+", texts.zoomIn, 1],
    ["\u2212", texts.zoomOut, -1],
  ]) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button button--icon button--float";
    button.textContent = sign;
    button.setAttribute("aria-label", label);
    button.addEventListener("click", () => map.setZoom(map.getZoom() + zoom));
    group.append(button);
  }
  return group;
}

/** Put a hidden note after `element` that something did not arrive, with a button that calls `again`; return it. */
export function problemNote(element, texts, again) {
  const note = document.createElement("div");
  note.className = "map-problem";
  note.setAttribute("role", "alert");
  note.hidden = true;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = texts.retry;
  button.addEventListener("click", again);
  note.append(`${texts.failed} `, button);
  element.after(note);
  return note;
}

/** Say when tiles of `map` did not arrive, until they have. */
export function sayFailures(map, texts) {
  const note = problemNote(map.getContainer(), texts, () => map.eachLayer((layer) => layer.retry?.()));
  map.eachLayer((layer) => {
    if (layer.retry) layer.on("tilesfailed tilesmended", ({ count }) => (note.hidden = !count));
  });
}
