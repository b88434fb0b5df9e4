// A wall's screen (?layar=1) refreshes itself once a minute: only what has changed is replaced, so that nothing flickers.

const EVERY_MS = 60_000;
const late = document.querySelector("[data-wall-late]");
const told = new Map([...document.querySelectorAll("[data-live]")].map(({ id, innerHTML }) => [id, innerHTML]));

/** Fetch the page again and replace the parts that differ; "figures" on the document tells the map. */
export async function refresh() {
  try {
    const response = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!response.ok || response.redirected) throw new Error(`${response.status} for ${location.href}`);
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (!next || next.innerHTML === told.get(part.id)) continue; // as the server told it: a turning wall hides rows
      told.set(part.id, next.innerHTML);
      part.replaceChildren(...document.adoptNode(next).childNodes);
    }
    late.hidden = true;
    document.dispatchEvent(new Event("figures"));
  } catch {
    late.hidden = false;
  }
}

setInterval(refresh, EVERY_MS);
