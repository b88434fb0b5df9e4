/* Share the report's public address: the device's own sheet where there is one, else the clipboard. */
const button = document.querySelector("[data-share]");
const told = document.querySelector("[data-shared]");
const address = () => location.origin + location.pathname;

async function share() {
  if (navigator.share) {
    await navigator.share({ title: button.dataset.title, url: address() });
    return;
  }
  await navigator.clipboard.writeText(address());
  told.textContent = told.dataset.word;
}

if (button && (navigator.share || navigator.clipboard)) {
  button.hidden = false;
  button.addEventListener("click", () => {
    share().catch((error) => {
      if (error.name !== "AbortError") {
        told.textContent = address();
      }
    });
  });
}
