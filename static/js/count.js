// How much is written of what fits, below each field that says its `data-count`.

// Characters, as the server counts them. Spoken only near and beyond the limit.
for (const field of document.querySelectorAll(":is(input, textarea)[data-count]")) {
  const most = Number(field.dataset.count);
  const count = document.createElement("p");
  count.className = "field__count";
  const show = () => {
    const used = [...field.value.trim()].length;
    count.textContent = `${used.toLocaleString(document.documentElement.lang)} / ${most.toLocaleString(document.documentElement.lang)}`;
    count.classList.toggle("is-over", used > most);
    if (used > most * 0.9) count.setAttribute("role", "status");
  };
  field.after(count);
  field.addEventListener("input", show);
  show();
}
