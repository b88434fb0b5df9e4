/* Where there is room, the conditions stand open beside the list; on a phone they stay folded. */
const filter = document.querySelector("details[data-open-wide]");
if (filter) {
  const wide = window.matchMedia("(min-width: 60rem)");
  const follow = () => {
    filter.open = wide.matches || filter.querySelector(".error-summary") !== null;
  };
  wide.addEventListener("change", follow);
  follow();
}

/* Empty fields stay out of the address. */
for (const form of document.querySelectorAll("form.filter")) {
  form.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData.entries()]) {
      if (value === "") {
        event.formData.delete(name);
      }
    }
  });
}
