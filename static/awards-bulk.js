// A bulk approval in parts of fifty, so that progress shows and a lost connection loses nothing: each part is sent under
// the same key, and what was done is found again. Without script the form sends all at once.
import { filled } from "./words.js";

const form = document.querySelector("[data-bulk]");
document.documentElement.classList.add("scripted");
const PART = 50;

if (form) {
  const shell = document.getElementById("bulk");
  const status = form.querySelector("[data-progress]");
  const said = status.querySelector("p");
  const bar = status.querySelector("progress");
  const button = form.querySelector("button[type=submit]");

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.sent) return;
    form.dataset.sent = "1";
    button.disabled = true;
    status.hidden = false;
    const all = [...form.querySelectorAll("input[name=id]")].map((one) => one.value);
    const say = (n) => {
      bar.value = n;
      said.textContent = filled(shell.dataset.writing, { n, all: all.length });
    };
    say(0);
    try {
      for (let start = 0; start < all.length; start += PART) {
        const body = new FormData();
        for (const name of ["csrf_token", "key"]) body.set(name, form.elements[name].value);
        for (const id of all.slice(start, start + PART)) body.append("id", id);
        const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
        if (!answer.ok) throw new Error(String(answer.status));
        await answer.json();
        say(Math.min(all.length, start + PART));
      }
      form.submit(); // under the same key: nothing is done twice, and the page tells of every one
    } catch {
      delete form.dataset.sent;
      button.disabled = false;
      said.textContent = shell.dataset.stopped;
    }
  });
  addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) form.requestSubmit(button);
  });
}
