// Uploading by drag and drop, in pieces: what arrived stays, so a lost connection, a reload of the page or a restart of
// the server costs no more than the piece under way. Without a script the same form sends the files at once.

const PIECE_BYTES = 4 * 1024 * 1024;
const RETRY_MS = [0, 1000, 3000, 5000, 10000];
const AGAIN_MS = 15000;
const FINAL = new Set([400, 403, 411, 412, 413, 415, 507]);

const form = document.querySelector("[data-upload]");
const input = form.querySelector("input[type=file]");
const drop = form.querySelector("[data-drop]");
const chosen = form.querySelector("[data-chosen]");
const progress = form.querySelector("[data-progress]");
const bar = progress.querySelector("progress");
const words = progress.querySelector("[data-progress-text]");
const left = progress.querySelector("[data-progress-left]");
const button = form.querySelector("[data-send]");
const cancel = form.querySelector("[data-cancel]");
const language = document.documentElement.lang;
const inWords = (bytes) =>
  bytes < 1e5 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toLocaleString(language, { maximumFractionDigits: 1 })} MB`;

// What the server keeps of this person's unfinished uploads; also those of this page once they have begun.
const known = [...document.querySelectorAll("[data-unfinished]")].map(({ dataset }) => ({
  url: dataset.unfinished, name: dataset.name, size: Number(dataset.size), modified: Number(dataset.modified), received: Number(dataset.received),
}));

let sending = null; // { uploads, again } while files are on their way

form.querySelector("[data-drop-hint]").hidden = false;

function unfinished(file) {
  return known.find(({ name, size, modified }) => name === file.name && size === file.size && modified === file.lastModified);
}

function list() {
  chosen.replaceChildren(
    ...[...input.files].map((file) => {
      const item = document.createElement("li");
      const there = unfinished(file)?.received;
      item.textContent = `${file.name} (${inWords(file.size)})`;
      if (there) item.append(document.createElement("br"), chosen.dataset.goesOn.replace("{there}", inWords(there)));
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
  if (!event.dataTransfer.files.length || sending) return;
  input.files = event.dataTransfer.files;
  list();
});

form.addEventListener("submit", (event) => {
  if (!input.files.length) return; // the server says what is missing
  event.preventDefault();
  if (!sending) send([...input.files]);
});

async function send(files) {
  let begun = performance.now();
  const sent = files.map(() => 0);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let first = null; // what was there before, so that the speed is of this time only
  sending = { uploads: [], timer: 0, ended: false };
  const mine = sending;
  mine.lost = () => {
    first = null; // the time without a connection says nothing about the speed
    left.textContent = left.textContent.split(" · ")[0];
    say(words.dataset.waits);
  };
  waiting(true);
  say(words.dataset.sending);
  const show = () => {
    const there = sent.reduce((sum, one) => sum + one, 0);
    if (first === null) [first, begun] = [there, performance.now()];
    bar.value = total ? (100 * there) / total : 100;
    const seconds = (performance.now() - begun) / 1000;
    const speed = (there - first) / seconds;
    left.textContent = left.dataset.of.replace("{there}", inWords(there)).replace("{total}", inWords(total)) + (speed > 0 && seconds > 3 ? ` · ${remaining((total - there) / speed)}` : "");
  };
  try {
    const urls = [];
    for (const [index, file] of files.entries()) {
      urls.push(await one(file, mine, (bytes) => {
        sent[index] = bytes;
        show();
      }));
    }
    hand(urls);
  } catch (failure) {
    if (sending === mine) fail(failure?.message);
  }
}

/** Send one file, going on where it was; resolves to its address. What passes by itself is tried until it passes. */
function one(file, mine, moved) {
  return new Promise((resolve, reject) => {
    const before = unfinished(file);
    const upload = new tus.Upload(file, {
      endpoint: form.dataset.endpoint,
      uploadUrl: before?.url ?? null,
      chunkSize: PIECE_BYTES,
      retryDelays: RETRY_MS,
      storeFingerprintForResuming: false,
      metadata: { filename: file.name, modified: String(file.lastModified) },
      headers: { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value, Accept: "application/json" },
      onUploadUrlAvailable: () => {
        if (!unfinished(file)) known.push({ url: upload.url, name: file.name, size: file.size, modified: file.lastModified, received: 0 });
      },
      onProgress: (bytes) => {
        say(words.dataset.sending);
        moved(bytes);
      },
      onShouldRetry: (error) => !FINAL.has(error.originalResponse?.getStatus()),
      onSuccess: () => resolve(upload.url),
      onError: (error) => {
        const status = error.originalResponse?.getStatus();
        if (FINAL.has(status)) return reject(new Error(sentence(error)));
        mine.lost(); // no connection, or no server: it goes on by itself
        mine.again = () => {
          clearTimeout(mine.timer);
          mine.again = null;
          if (!mine.ended) upload.start();
        };
        mine.timer = setTimeout(() => mine.again?.(), AGAIN_MS);
      },
    });
    mine.uploads.push(upload);
    upload.start();
  });
}

addEventListener("online", () => sending?.again?.());
addEventListener("offline", () => sending?.lost());

/** All files are there: hand in the form without them, and go where it leads. */
async function hand(urls) {
  say(words.dataset.sent);
  const data = new FormData(form);
  data.delete(input.name);
  for (const url of urls) data.append("arrived", url.split("/").filter(Boolean).pop());
  let answer;
  try {
    answer = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "application/json" } });
  } catch {
    fail(words.dataset.failed);
    return;
  }
  if (answer.ok) location.assign(answer.url);
  else if ((answer.headers.get("Content-Type") ?? "").includes("json")) fail((await answer.json()).detail);
  else if (answer.status === 413 || answer.status === 422) showAgain(await answer.text());
  else fail();
}

cancel.addEventListener("click", async () => {
  const mine = sending;
  if (!mine) return;
  mine.ended = true;
  sending = null;
  clearTimeout(mine.timer);
  for (const upload of mine.uploads) {
    const { url } = upload;
    await upload.abort(true).catch(() => {}); // what the server still keeps, its worker clears
    known.splice(0, known.length, ...known.filter((each) => each.url !== url));
    document.querySelector(`[data-unfinished="${CSS.escape(url ?? "")}"]`)?.remove();
  }
  waiting(false);
  progress.hidden = false;
  left.textContent = "";
  bar.value = 0;
  say(words.dataset.cancelled);
  button.focus();
});

function remaining(seconds) {
  const minutes = Math.round(seconds / 60);
  return minutes < 1 ? left.dataset.soon : left.dataset.minutes.replace("{n}", minutes.toLocaleString(language));
}

function sentence(error) {
  try {
    return JSON.parse(error.originalResponse.getBody()).detail;
  } catch {
    return words.dataset.failed;
  }
}

/** The server sent the page again, with what is wrong: take its words. */
function showAgain(page) {
  const answer = new DOMParser().parseFromString(page, "text/html");
  const said = document.querySelector(".error-summary");
  const summary = answer.querySelector(".error-summary");
  if (!summary) return fail();
  if (said) said.replaceWith(document.adoptNode(summary));
  else form.parentElement.before(document.adoptNode(summary));
  waiting(false);
  sending = null;
  progress.hidden = true;
  document.querySelector(".error-summary")?.focus();
}

function say(sentenceToSay) {
  if (words.textContent !== sentenceToSay) words.textContent = sentenceToSay;
}

function waiting(yes) {
  progress.hidden = !yes;
  cancel.hidden = !yes;
  button.disabled = input.disabled = yes;
}

function fail(told = words.dataset.failed) {
  sending = null;
  waiting(false);
  progress.hidden = false;
  say(told);
}
