// Photos go up one by one, with their progress, while the person still types. Each can be tried again or removed.

import { fail, PATIENCE_MS } from "./form.js";

const box = document.querySelector("[data-photos]");
const list = box.querySelector("[data-photo-list]");
const input = box.querySelector("input[type=file]");
const status = box.querySelector("[data-photo-status]");
const form = box.form ?? box.closest("form");
const words = box.dataset;
const token = () => form.elements.csrfmiddlewaretoken.value;
const waiting = [];
const failed = new Map(); // item: its file, of those that may be tried again
let working = false;

input.addEventListener("change", () => {
  for (const file of input.files) add(file);
  input.value = ""; // they go up by themselves; Continue must not send them again
  work();
});

list.addEventListener("click", (event) => {
  const button = event.target.closest("button[name=remove]");
  if (!button) return;
  event.preventDefault();
  remove(button.closest("li"), button.value);
});

// No photo is left behind without a word, unless the person goes back: on the document and captured, so that form.js
// does not send the page before.
document.addEventListener("submit", (event) => {
  if (event.target !== form || event.submitter?.value === "back" || !(working || failed.size)) return;
  event.preventDefault();
  event.stopPropagation();
  fail(failed.size ? words.tUnsent.replace("{n}", failed.size) : words.tWait);
  retry();
}, { capture: true });

addEventListener("online", retry);

function retry() {
  for (const [item, file] of failed) queue(item, file);
  work();
}

function add(file) {
  if (list.children.length >= Number(words.max)) {
    say(words.tFull, true);
    return;
  }
  const item = document.createElement("li");
  const image = document.createElement("img");
  image.src = URL.createObjectURL(file);
  image.width = image.height = 320;
  image.alt = file.name;
  image.addEventListener("error", () => { // HEIC, for one, shows only once the server has read it
    const blank = document.createElement("span");
    blank.className = "intake-photos__blank";
    blank.textContent = words.tPhoto;
    image.replaceWith(blank);
  }, { once: true });
  const word = document.createElement("p");
  word.className = "intake-photos__word";
  item.append(image, word);
  list.append(item);
  list.hidden = false;
  if (file.size > Number(words.maxBytes)) broken(item, file, words.tLarge, false);
  else queue(item, file);
}

function queue(item, file) {
  failed.delete(item);
  const bar = Object.assign(document.createElement("progress"), { max: 1, value: 0 });
  bar.setAttribute("aria-label", `${words.tSending}: ${file.name}`);
  const word = item.querySelector(".intake-photos__word");
  word.textContent = words.tWaiting;
  word.before(bar);
  item.dataset.state = "waiting";
  setButtons(item, remover(item, file, words.tCancel));
  waiting.push({ item, file });
}

async function work() {
  if (working) return;
  working = true;
  while (waiting.length) {
    const { item, file } = waiting.shift();
    if (item.isConnected) await upload(item, file);
  }
  working = false;
}

function upload(item, file) {
  return new Promise((done) => {
    const bar = item.querySelector("progress");
    const word = item.querySelector(".intake-photos__word");
    const body = new FormData();
    body.append("photo", file, file.name);
    const request = new XMLHttpRequest(); // fetch tells no progress
    request.open("POST", words.upload);
    request.responseType = "json";
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", token());
    let stalled;
    const wait = () => { // as long as bytes move, a large photo may take its time
      clearTimeout(stalled);
      stalled = setTimeout(() => request.abort(), PATIENCE_MS);
    };
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) bar.value = event.loaded / event.total;
      wait();
    });
    request.addEventListener("load", () => {
      if (request.status === 201) kept(item, file, request.response);
      else broken(item, file, request.response?.detail ?? words.tFailed, request.status >= 500 || request.status === 403);
    });
    request.addEventListener("error", () => broken(item, file, words.tOffline, true));
    request.addEventListener("abort", () => {
      if (item.isConnected) broken(item, file, words.tSlow, true);
    });
    request.addEventListener("loadend", () => {
      clearTimeout(stalled);
      done();
    });
    item.addEventListener("cancel", () => request.abort(), { once: true });
    item.dataset.state = "sending";
    word.textContent = words.tSending;
    wait();
    request.send(body);
  });
}

function kept(item, file, { id, thumb }) {
  if (list.querySelector(`[data-photo="${CSS.escape(id)}"]`)) { // the same picture twice counts once
    item.remove();
    return;
  }
  delete item.dataset.state;
  item.dataset.photo = id;
  const image = document.createElement("img");
  image.src = thumb;
  image.width = image.height = 320;
  image.alt = file.name;
  item.replaceChildren(image, button(words.tRemove, { name: "remove", value: id }, file.name));
  say(`${words.tPhoto} ${list.querySelectorAll("[data-photo]").length} / ${words.max}`);
}

function broken(item, file, sentence, again) {
  item.dataset.state = "failed";
  item.querySelector("progress")?.remove();
  const word = item.querySelector(".intake-photos__word");
  word.textContent = sentence;
  say(`${file.name}: ${sentence}`);
  const buttons = [remover(item, file, words.tRemove)];
  if (again) {
    failed.set(item, file);
    const retrier = button(words.tRetry, { type: "button" }, file.name);
    retrier.addEventListener("click", () => {
      queue(item, file);
      work();
    });
    buttons.unshift(retrier);
  }
  setButtons(item, ...buttons);
}

/** Return a button that takes away a photo that is not kept yet, also while it is being sent. */
function remover(item, file, text) {
  const made = button(text, { type: "button" }, file.name);
  made.addEventListener("click", () => {
    failed.delete(item);
    item.remove();
    item.dispatchEvent(new Event("cancel"));
    list.hidden = !list.children.length;
    input.focus();
  });
  return made;
}

function setButtons(item, ...buttons) {
  for (const each of item.querySelectorAll("button")) each.remove();
  item.append(...buttons);
}

async function remove(item, id) {
  const body = new FormData(form);
  body.set("remove", id);
  item.dataset.state = "sending";
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    if (!response.ok) throw new TypeError(String(response.status));
    item.remove();
    list.hidden = !list.children.length;
    input.focus();
  } catch {
    delete item.dataset.state;
    fail(form.dataset.offlineText);
  }
}

function button(text, attributes, about) {
  const made = Object.assign(document.createElement("button"), attributes);
  made.className = "button button--quiet photos__remove";
  made.append(text);
  const hidden = document.createElement("span");
  hidden.className = "visually-hidden";
  hidden.textContent = ` ${about}`;
  made.append(hidden);
  return made;
}

function say(sentence, loud = false) {
  status.textContent = sentence;
  if (loud) fail(sentence);
}
