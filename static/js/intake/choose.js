// The first step: narrow the list by everyday words; take the usual kind of what is chosen, until a person chooses one.

import { settle } from "./form.js";

const list = document.querySelector("[data-narrow-list]");
const search = document.querySelector("[data-narrow]");
const none = document.querySelector("[data-narrow-none]");
const groups = [...list.querySelectorAll(".choice__group")].map((group) => ({
  group,
  open: group.open,
  // The words of both languages: people search in either.
  leaves: [...group.querySelectorAll("li")].map((item) => ({ item, text: ` ${wordsOf(item.dataset.words).join(" ")}` })),
}));
const otherwise = list.querySelector("[data-otherwise]"); // none where the coordinator retired it: all stay then
const UNSAID = new Set("di ke dari dan atau yang ada saya kami nya itu ini the a an of in on at to and is are my no there".split(" "));

function wordsOf(text) {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
}

/** Show what has the most of the words, each from its beginning; if nothing has any, what takes everything else. */
function narrow(words) {
  const hits = ({ text }) => words.filter((word) => text.includes(` ${word}`)).length;
  const most = Math.max(...groups.flatMap(({ leaves }) => leaves.map(hits)));
  none.hidden = most > 0 || !words.length;
  for (const { group, leaves, open } of groups) {
    for (const leaf of leaves) leaf.item.hidden = none.hidden ? hits(leaf) < most : Boolean(otherwise) && leaf.item !== otherwise;
    group.hidden = leaves.every(({ item }) => item.hidden);
    group.open = words.length ? !group.hidden : open || Boolean(group.querySelector("input:checked"));
  }
  list.classList.toggle("is-narrowed", words.length > 0);
}

const input = search.querySelector("input");
input.addEventListener("input", () => {
  const typed = wordsOf(input.value);
  const telling = typed.filter((word) => !UNSAID.has(word));
  narrow(telling.length ? telling : typed);
});
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
