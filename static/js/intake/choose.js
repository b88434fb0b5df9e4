// The first step: narrow the list by typing; take the usual kind of what is chosen, until a person chooses one.

import { settle } from "./form.js";

const list = document.querySelector("[data-narrow-list]");
const search = document.querySelector("[data-narrow]");
const none = document.querySelector("[data-narrow-none]");
const groups = [...list.querySelectorAll(".choice__group")].map((group) => ({
  group,
  open: group.open,
  // The words of both languages: people search in either.
  leaves: [...group.querySelectorAll("li")].map((item) => ({ item, text: plain(item.dataset.words) })),
}));

function plain(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s\p{Pd}]+/gu, " ").trim();
}

function narrow(words) {
  let hits = 0;
  for (const { group, leaves, open } of groups) {
    let here = 0;
    for (const { item, text } of leaves) {
      const fits = words.every((word) => text.includes(word));
      item.hidden = !fits;
      here += fits;
    }
    group.hidden = here === 0;
    group.open = words.length ? here > 0 : open || Boolean(group.querySelector("input:checked"));
    hits += here;
  }
  list.classList.toggle("is-narrowed", words.length > 0);
  none.hidden = hits > 0;
}

const input = search.querySelector("input");
input.addEventListener("input", () => narrow(plain(input.value).split(" ").filter(Boolean)));
input.addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault(); // searching is not going on
});

// One group open at a time keeps the page short, and the opened one in sight.
for (const { group } of groups) {
  group.querySelector("summary").addEventListener("click", () => {
    if (group.open || list.classList.contains("is-narrowed")) return;
    for (const other of groups) if (other.group !== group) other.group.open = false;
    requestAnimationFrame(() => group.scrollIntoView({ block: "nearest" }));
  });
}

const kinds = [...document.querySelectorAll("input[name=kind]")];
let byHand = kinds.some((kind) => kind.checked);
for (const kind of kinds) kind.addEventListener("change", () => (byHand = true));
list.addEventListener("change", (event) => {
  settle("id_category");
  if (byHand) return;
  for (const kind of kinds) kind.checked = kind.value === event.target.dataset.kind;
});
