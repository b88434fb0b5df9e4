// What was typed at the desk while the session ended waits in this tab until its form is there again.

const NAME = "desk:kept";
const told = document.querySelector("#kept");
const kept = JSON.parse(sessionStorage.getItem(NAME) ?? "null");
if (told) sessionStorage.setItem(NAME, told.textContent);
else if (kept) fill(kept);

function fill({ action, typed }) {
  const form = [...document.querySelectorAll("#steps form")].find((one) => new URL(one.action).pathname === action);
  if (!form) return;
  sessionStorage.removeItem(NAME);
  for (const [name, value] of Object.entries(typed)) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else if (field.type !== "file" && field.type !== "hidden") field.value = value;
    }
  }
  const panel = form.closest("details");
  if (panel) panel.open = true;
  form.scrollIntoView({ block: "center" });
}
