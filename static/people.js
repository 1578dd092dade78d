// Residents: "/" goes to the search field. Imports: one press only, and how far the writing is. Without this file the same forms do the same work.

import { filled } from "./words.js";

const search = document.querySelector("input[type=search]");
if (search) {
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });
}

for (const form of document.querySelectorAll("form[data-upload]")) {
  form.addEventListener("submit", () => busy(form));
}

for (const form of document.querySelectorAll("form[data-write]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    busy(form);
    write(form);
  });
}

function busy(form) {
  const button = form.querySelector("button[data-busy]");
  button.textContent = button.dataset.busy;
  button.disabled = true;
}

// Each request writes the next rows; sending one twice writes nothing twice, so a lost answer is simply asked for again.
async function write(form) {
  const said = form.querySelector("[data-said]");
  const bar = form.querySelector("progress");
  const box = form.querySelector(".progress");
  if (box) box.hidden = false;
  for (let failed = 0; failed < 5; ) {
    let answer;
    try {
      const response = await fetch(form.action, {
        method: "POST",
        headers: { Accept: "application/json" },
        body: new FormData(form),
      });
      if (!response.ok && response.status < 500) break;
      answer = response.ok ? await response.json() : null;
    } catch {
      answer = null;
    }
    if (!answer) {
      failed += 1;
      await new Promise((wake) => setTimeout(wake, 1000 * failed));
      continue;
    }
    failed = 0;
    bar.max = Math.max(answer.total, 1);
    bar.value = answer.written;
    said.textContent = filled(said.dataset.say, answer);
    if (answer.done) break;
  }
  location.reload(); // the page says what became of it, and offers to go on when something is left
}
