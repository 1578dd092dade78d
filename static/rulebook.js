// Sift the rules while typing (the form does the same without a script), and print.
const field = document.querySelector("[data-sift] input[type=search]");
const rules = [...document.querySelectorAll("[data-words]")];
const none = document.getElementById("sifted");

if (field && rules.length) {
  field.addEventListener("input", () => {
    const sought = field.value.trim().toLowerCase();
    let left = 0;
    for (const rule of rules) {
      rule.hidden = sought !== "" && !rule.dataset.words.toLowerCase().includes(sought);
      left += rule.hidden ? 0 : 1;
    }
    if (none) none.hidden = left > 0;
  });
}

// A link to one rule opens it.
const meant = location.hash && document.getElementById(location.hash.slice(1));
if (meant instanceof HTMLDetailsElement) meant.open = true;

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
