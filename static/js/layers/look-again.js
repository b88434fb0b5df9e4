// Look every few seconds whether what the page waits for is done; only then go on. Nothing moves under the reader meanwhile.
// The element with `data-waits` says where to go on (empty: this page anew).

const PAUSE_MS = 3000;
const waiting = document.querySelector("[data-waits]");

async function look() {
  let isDone = false;
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    isDone = answer.redirected || (answer.ok && !(await answer.text()).includes("data-waits"));
  } catch {
    // no connection: the next look may have one
  }
  if (isDone) location.replace(waiting.dataset.waits || location.pathname);
  else setTimeout(look, PAUSE_MS);
}

if (waiting) setTimeout(look, PAUSE_MS);
