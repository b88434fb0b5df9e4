// Uploading by drag and drop, with progress. Without a script the same form works as it is.

const form = document.querySelector("[data-upload]");
const input = form.querySelector("input[type=file]");
const drop = form.querySelector("[data-drop]");
const chosen = form.querySelector("[data-chosen]");
const progress = form.querySelector("[data-progress]");
const words = form.querySelector("[data-progress-text]");
const button = form.querySelector("button");

form.querySelector("[data-drop-hint]").hidden = false;

function list() {
  chosen.replaceChildren(
    ...[...input.files].map((file) => {
      const item = document.createElement("li");
      item.textContent = `${file.name} (${(file.size / 1e6).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 1 })} MB)`;
      return item;
    }),
  );
}

input.addEventListener("change", list);
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
}
for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("is-over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (!event.dataTransfer.files.length) return;
  input.files = event.dataTransfer.files;
  list();
});

form.addEventListener("submit", (event) => {
  if (!input.files.length) return; // the server says what is missing
  event.preventDefault();
  const request = new XMLHttpRequest();
  progress.hidden = false;
  button.disabled = true;
  words.textContent = words.dataset.sending;
  request.upload.addEventListener("progress", ({ loaded, total }) => {
    progress.firstElementChild.value = (100 * loaded) / total;
  });
  request.addEventListener("load", () => {
    if (request.status < 400) location.assign(request.responseURL);
    else if ((request.getResponseHeader("Content-Type") ?? "").includes("json")) fail(JSON.parse(request.responseText).detail);
    else if (request.status === 413 || request.status === 422) show(request.responseText);
    else fail();
  });
  request.addEventListener("error", () => fail());
  request.open("POST", form.action || location.href);
  request.setRequestHeader("Accept", "application/json"); // what is refused before it is read comes as a sentence
  request.send(new FormData(form));
});

/** The server sent the page again, with what is wrong: take its words. */
function show(page) {
  const answer = new DOMParser().parseFromString(page, "text/html");
  document.querySelector("main").replaceWith(document.adoptNode(answer.querySelector("main")));
  document.querySelector(".error-summary")?.focus();
}

function fail(sentence = words.dataset.failed) {
  button.disabled = false;
  progress.firstElementChild.value = 0;
  words.textContent = sentence;
}
