// What was typed while its page went away (the session ended, the language changed) waits in this tab until its form is
// there again. Where the form is there no more, the words are shown.

const NAME = "kept";
const told = document.querySelector("#kept");
const unsent = document.querySelector("[data-unsent]");
const kept = stored();
if (told) keepToo(JSON.parse(told.textContent));
else kept.forEach(fill);

document.addEventListener("submit", ({ target }) => {
  if (target.matches("form.language")) keep();
  else if (target.method === "post") drop(pathOf(target)); // what is refused comes back with its page
});

function stored() {
  return JSON.parse(sessionStorage.getItem(NAME) ?? "[]");
}

function store(entries) {
  if (entries.length) sessionStorage.setItem(NAME, JSON.stringify(entries));
  else sessionStorage.removeItem(NAME);
}

function drop(path) {
  store(stored().filter(({ action }) => action !== path));
}

function keepToo(entry) {
  drop(entry.action);
  store([...stored(), entry]);
}

/** Keep what is typed here, beside what waits for forms of other pages. */
function keep() {
  if (told) return; // it was kept when the page came
  const forms = [...document.querySelectorAll("main form[method=post]")];
  const found = forms.filter(isWritten).map((form) => ({ action: pathOf(form), id: form.id, typed: typedIn(form) }));
  if (unsent && wordsOf(unsent).textContent) found.push({ action: unsent.dataset.unsent, typed: { text: wordsOf(unsent).textContent } });
  const here = new Set([...forms.map(pathOf), unsent?.dataset.unsent]);
  store([...stored().filter(({ action }) => !here.has(action)), ...found]);
}

function fill({ action, id, typed }) {
  const forms = [...document.querySelectorAll("form")].filter((form) => pathOf(form) === action && asksFor(form, typed));
  const form = forms.find((one) => id && one.id === id) ?? forms[0];
  if (!form && unsent?.dataset.unsent !== action) return;
  drop(action);
  if (!form) {
    wordsOf(unsent).textContent = typed.text;
    unsent.hidden = false;
    return;
  }
  for (const [name, value] of Object.entries(typed)) {
    for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
      if (field.type === "radio") field.checked = field.value === value;
      else if (field.type !== "file" && field.type !== "hidden") field.value = value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
  }
  const panel = form.closest("details");
  if (panel) panel.open = true;
  form.scrollIntoView({ block: "center" });
}

function isWritten(form) {
  return [...form.querySelectorAll("textarea[name], input[name]:not([type])")].some((field) => field.value.trim());
}

function typedIn(form) {
  const fields = [...form.elements].filter(({ name, type, checked }) => {
    return name && !["file", "hidden", "submit"].includes(type) && (type !== "radio" || checked);
  });
  return Object.fromEntries(fields.map(({ name, value }) => [name, value]));
}

function pathOf(form) {
  return new URL(form.getAttribute("action") ?? "", location.href).pathname;
}

function asksFor(form, typed) {
  return Object.keys(typed).some((name) => form.querySelector(`[name="${CSS.escape(name)}"]`));
}

function wordsOf(notice) {
  return notice.querySelector(".words");
}
