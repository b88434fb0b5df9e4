// The receipt: forget this device's copy of the draft, copy the link, print.

const done = document.querySelector("[data-forget]");

function forget() {
  const prefix = `kutim.draft.${done.dataset.forget}.`;
  try {
    for (const key of Object.keys(localStorage)) if (key.startsWith(prefix)) localStorage.removeItem(key);
  } catch {
    // No copy was kept where storage is closed.
  }
}

if (done instanceof HTMLFormElement) done.addEventListener("submit", forget);
else forget();

for (const button of document.querySelectorAll("[data-needs-script]")) button.hidden = false;

for (const button of document.querySelectorAll("[data-copy]")) {
  const shown = document.getElementById(button.dataset.copy);
  const word = button.querySelector("[data-done]");
  const before = word.textContent;
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(shown.textContent);
    } catch {
      getSelection().selectAllChildren(shown); // not allowed: selected, ready for the person's own copying
      return;
    }
    word.textContent = word.dataset.done;
    word.setAttribute("role", "status");
    setTimeout(() => (word.textContent = before), 3000);
  });
}
