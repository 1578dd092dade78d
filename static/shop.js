// Scanning into a form, with a keyboard-wedge scanner or the camera. Everything also works by typing and choosing.

import { canScan, scanOnce } from "./scan.js";

const OWN_CODE = /^2\d{19}$/; // the code on our own labels: 2 and the item's id

for (const input of document.querySelectorAll("[data-scan]")) {
  const list = input.dataset.picks ? document.getElementById(input.dataset.picks) : null;

  const named = (code) =>
    [...list.options].find(
      ({ value, dataset }) =>
        value && (dataset.barcode === code || (OWN_CODE.test(code) && value === code.slice(1).replace(/^0+/, "")))
    );

  // take a code as read: choose what it names, and go on to the next field
  const take = () => {
    input.value = input.value.normalize("NFKC").trim().toUpperCase();
    const option = list && input.value ? named(input.value) : null;
    if (option) list.value = option.value;
    const fields = [...input.form.elements].filter(
      (one) => one.offsetParent && one !== list && one.type !== "button" && one.tagName !== "FIELDSET"
    );
    fields[fields.indexOf(input) + 1]?.focus();
  };

  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault(); // a scanner ends with Enter; the form is sent by its button
    take();
  });

  // whoever then chooses from the list means the list
  list?.addEventListener("change", () => (input.value = ""));

  const button = document.querySelector(`[data-camera="${input.id}"]`);
  if (button && canScan()) withCamera(button, input, take);
}

function withCamera(button, input, take) {
  const box = document.getElementById(`${button.dataset.camera}-camera`);
  let stop = null;
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (stop) return stop.abort();
    stop = new AbortController();
    button.setAttribute("aria-expanded", "true");
    box.hidden = false;
    const say = box.querySelector("[data-failed]");
    say.hidden = true;
    try {
      const { detector, wasm } = button.dataset;
      const text = await scanOnce(box.querySelector("video"), detector, wasm, stop.signal);
      if (text !== null) {
        input.value = text;
        take();
      }
      box.hidden = true;
    } catch {
      say.hidden = false;
    }
    button.setAttribute("aria-expanded", "false");
    stop = null;
  });
}

// Every form goes once: a second press while the first is under way does nothing.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
