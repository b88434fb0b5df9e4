/* Narrow a long select by a few letters of a name, a short name or a topic. Without a script the select is whole. */
for (const field of document.querySelectorAll("[data-narrow]")) {
  const box = field.querySelector("[data-narrow-by]");
  const select = field.querySelector("select");
  const options = [...select.options].map((option) => ({
    option,
    words: `${option.text} ${option.dataset.words ?? ""}`.toLowerCase(),
  }));
  box.hidden = false;
  box.addEventListener("input", () => {
    const asked = box.value.trim().toLowerCase().split(/\s+/);
    const fitting = options.filter(({ option, words }) => option.value === "" || asked.every((word) => words.includes(word)));
    const chosen = select.value;
    select.replaceChildren(...fitting.map(({ option }) => option));
    const found = fitting.filter(({ option }) => option.value !== "");
    select.value = found.length === 1 ? found[0].option.value : chosen;
    if (select.selectedIndex < 0) {
      select.value = "";
    }
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      select.focus();
    }
  });
}
