// The last step: the proof of work is done in the background by ALTCHA's own worker; then the report is sent, once.

import { busy, fail, goTo, isNetwork, post } from "./form.js";

const box = document.querySelector("[data-proof]");
const form = box.closest("form");
const button = form.querySelector(".button--primary");
const WAIT_MS = 60_000;

/** Fetch a challenge, solve it in a worker, and return ALTCHA's payload. */
async function solve() {
  const response = await fetch(box.dataset.proof, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`challenge: ${response.status}`);
  const { algorithm, challenge, maxNumber, salt, signature } = await response.json();
  const worker = new Worker(box.dataset.worker);
  try {
    const number = await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data ? resolve(data.number) : reject(new Error("unsolved")));
      worker.onerror = () => reject(new Error("worker"));
      setTimeout(() => reject(new Error("slow")), WAIT_MS);
      worker.postMessage({ type: "work", payload: { algorithm, challenge, salt }, start: 0, max: maxNumber });
    });
    return btoa(JSON.stringify({ algorithm, challenge, number, salt, signature }));
  } finally {
    worker.terminate();
  }
}

let proof = null;

/** Begin a proof, or return the one under way; a failed one can be begun again. */
function prove() {
  proof ??= solve().catch((error) => {
    proof = null;
    throw error;
  });
  return proof;
}

/** Show the question in words, for browsers that cannot do the proof. */
function ask() {
  const template = box.querySelector("template");
  if (template) template.replaceWith(template.content);
}

const able = globalThis.isSecureContext && crypto?.subtle && globalThis.Worker;
if (able) prove().catch(() => {});
else ask();

form.addEventListener("submit", async (event) => {
  if (event.submitter?.value === "back" || !able || !box.querySelector("template")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  if (form.hasAttribute("data-busy")) return;
  form.querySelector("[data-failed]").hidden = true;
  busy(true);
  const words = button.lastChild;
  const before = words.textContent;
  words.textContent = box.dataset.tWorking;
  try {
    for (let attempt = 1; ; attempt += 1) {
      const body = new FormData(form);
      body.set("go", "next");
      body.set("altcha", await prove());
      const { response, answer } = await post(form.action, body);
      if (response.ok && answer?.next) {
        goTo(answer.next);
        return;
      }
      if (answer?.code !== "proof" || attempt > 1) {
        if (!answer) form.submit(); // the server shows in full what a script cannot settle
        else fail(answer.detail);
        break;
      }
      proof = null; // it had run out: do another
    }
  } catch (error) {
    if (isNetwork(error)) {
      fail(form.dataset.offlineText);
    } else {
      ask();
      box.querySelector("#id_answer")?.focus();
    }
  }
  words.textContent = before;
  busy(false);
});
