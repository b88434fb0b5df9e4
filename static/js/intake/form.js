// Every step of /lapor/: send without leaving the page when there is no signal, keep a copy of what is typed, count.

import "../count.js";

const form = document.querySelector("form[data-intake]");
const KEY = `kutim.draft.${form.dataset.intake}.${form.dataset.step}`;
const failed = form.querySelector("[data-failed]");

// First of all: the map's script, which runs after this one, needs a box that can be seen.
for (const part of document.querySelectorAll("[data-needs-script]")) part.hidden = false;

/** Say why something did not work, and move the eye there. */
export function fail(sentence) {
  failed.querySelector("p").textContent = sentence;
  failed.hidden = false;
  failed.focus();
}

/** Take the errors of a field away: the person has mended it. */
export function settle(id) {
  const mended = document.getElementById(id);
  if (!mended) return;
  mended.closest(".field--error")?.classList.remove("field--error");
  mended.removeAttribute("aria-invalid");
  const error = document.getElementById(`${id}_error`) ?? mended.querySelector("[data-error]");
  if (error) {
    const others = (mended.getAttribute("aria-describedby") ?? "").split(" ").filter((each) => each && each !== error.id);
    if (others.length) mended.setAttribute("aria-describedby", others.join(" "));
    else mended.removeAttribute("aria-describedby");
    error.remove();
  }
  const summary = document.querySelector(".error-summary");
  for (const link of summary?.querySelectorAll(`a[href="#${id}"]`) ?? []) link.closest("li").remove();
  if (summary && !summary.querySelector("li")) summary.remove();
}

export const PATIENCE_MS = 90_000; // a weak signal may need long for a page, but not for ever

/** Whether an error means that the network failed, not we. */
export const isNetwork = (error) => error instanceof TypeError || error.name === "TimeoutError";

/** Post `body` and return {response, answer}; throws what `isNetwork` tells when there is no connection. */
export async function post(address, body) {
  const response = await fetch(address, {
    method: "POST",
    body,
    headers: { Accept: "application/json" },
    credentials: "same-origin",
    signal: AbortSignal.timeout?.(PATIENCE_MS),
  });
  const isJson = (response.headers.get("Content-Type") ?? "").includes("json");
  return { response, answer: isJson ? await response.json() : null };
}

export function busy(on) {
  for (const button of form.querySelectorAll("button[name=go]")) button.setAttribute("aria-disabled", String(on));
  form.toggleAttribute("data-busy", on);
}

/** Go to the page that the server named; to the same page: load it anew, with what it found wrong. */
export function goTo(address) {
  const target = new URL(address, location.href);
  if (target.pathname === location.pathname && target.search === location.search) location.reload();
  else location.assign(target);
}

// A copy on this device, until the server has it: {field: [as the server sent it, as typed]}.
const typed = () => [...form.elements].filter((e) => e.matches("input[type=text], input[type=email], input[type=tel], input:not([type]), input[type=datetime-local], textarea") && e.name);
const asSent = new Map(typed().map((field) => [field.name, field.value]));

/** Whether what is written now would pass, as far as the browser can tell; the server has the last word. */
function isMended(field) {
  const length = [...field.value.trim()].length; // characters, as the server counts them
  const { least = 0, most = Infinity } = field.dataset;
  const seen = [...field.value.replace(/[\s\p{Cf}]/gu, "")].length;
  return field.value !== asSent.get(field.name) && field.validity.valid && seen >= least && length <= most;
}

function remember() {
  const copy = {};
  for (const field of typed()) {
    if (field.value !== asSent.get(field.name)) copy[field.name] = [asSent.get(field.name), field.value];
  }
  try {
    if (Object.keys(copy).length) localStorage.setItem(KEY, JSON.stringify(copy));
    else localStorage.removeItem(KEY);
  } catch {
    // Private windows and full devices keep no copy; the page works without one.
  }
}

function restore() {
  let copy;
  try {
    copy = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    return;
  }
  let any = false;
  for (const field of typed()) {
    const [sent, text] = copy[field.name] ?? [];
    if (text === undefined || sent !== field.value || text === field.value) continue;
    field.value = text;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    any = true;
  }
  if (!any) return;
  const note = document.createElement("p");
  note.className = "field__hint";
  note.setAttribute("role", "status");
  note.textContent = form.dataset.restoredText;
  form.querySelector("h1")?.after(note);
}

form.addEventListener("input", ({ target }) => {
  if (target.getAttribute("aria-invalid") === "true" && isMended(target)) settle(target.id);
});
restore();
form.addEventListener("input", remember);

form.addEventListener("submit", async (event) => {
  if (event.defaultPrevented) return;
  if (form.querySelector("[data-proof] template") && event.submitter?.value !== "back") return; // send.js sends
  event.preventDefault();
  if (form.hasAttribute("data-busy")) return;
  failed.hidden = true;
  const button = event.submitter;
  const body = new FormData(form, button);
  busy(true);
  try {
    const { response, answer } = await post(form.action, body);
    if (response.ok && answer?.next) {
      goTo(answer.next);
      return; // stays busy until the page has gone
    }
    if (answer?.code === "throttled") {
      remember();
      fail(answer.detail);
      busy(false);
      return;
    }
    // Something a script cannot settle (a stale page, say): let the server show it in full.
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "go", value: button?.value ?? "next" }));
    form.submit();
  } catch (error) {
    if (!isNetwork(error)) throw error;
    remember();
    fail(form.dataset.offlineText);
    busy(false);
  }
});

// Back from the browser's own memory: buttons work again.
addEventListener("pageshow", (event) => {
  if (event.persisted) busy(false);
});
