// Signs of the nine statuses for the canvas: the same drawings as everywhere on the site (img/icons.svg).

/** Return a promise of a Map from status to an image of `size` px in the colours of `palette`, crisp on dense screens. */
export async function loadSigns(address, size, palette) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${answer.status} for ${address}`);
  const sprite = new DOMParser().parseFromString(await answer.text(), "image/svg+xml");
  const signs = new Map();
  await Promise.all(
    [...sprite.querySelectorAll('symbol[id^="status-"]')].map(async (symbol) => {
      const status = symbol.id.slice("status-".length);
      const image = new Image(size * 3, size * 3);
      image.src = `data:image/svg+xml,${encodeURIComponent(drawing(symbol, palette.status(status), palette.surface, size * 3))}`;
      await image.decode();
      signs.set(status, image);
    }),
  );
  return signs;
}

function drawing(symbol, colour, surface, size) {
  const inside = symbol.innerHTML.replaceAll("var(--tint, #fff)", surface).replaceAll("currentColor", colour);
  // A disc of the surface below, so that a sign stands out from lines and from its neighbours.
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="-2 -2 28 28" fill="none" ` +
    `stroke="${colour}" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round">` +
    `<circle cx="12" cy="12" r="13" fill="${surface}" stroke="none"/>${inside}</svg>`
  );
}
