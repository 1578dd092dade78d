// Choosing whose cards to print: all of a page at once, and how many are chosen. And the print button of the sheet.

import { filled } from "./words.js";

const boxes = [...document.querySelectorAll('input[name="person"]')];
const all = document.querySelector("[data-all]");
const count = document.querySelector("[data-count]");
const words = document.querySelector("script[data-words]")?.dataset.words;

function show() {
  const chosen = boxes.filter((box) => box.checked).length;
  count.hidden = chosen === 0;
  count.textContent = filled(words, { n: chosen });
  all.checked = chosen === boxes.length;
  all.indeterminate = chosen > 0 && chosen < boxes.length;
}

if (all && count) {
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    show();
  });
  for (const box of boxes) box.addEventListener("change", show);
  show();
}

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
