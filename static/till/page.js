// What the page brought along, and the small tools every part of the till uses.

import { filled } from "../words.js";

export const data = JSON.parse(document.getElementById("till-data").textContent);

export const $ = (selector, within = document) => within.querySelector(selector);
export const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];

/** A sentence in the reader's language with its values: say("left", { n: 3 }). */
export function say(name, values = {}) {
  return filled(data.words[name], values);
}

/** Minor units of points as people read them: (865, one decimal) → "86.5". */
export function points(minor) {
  const size = 10 ** data.scale;
  const whole = Math.floor(Math.abs(minor) / size);
  const rest = String(Math.abs(minor) % size).padStart(data.scale, "0").replace(/0+$/, "");
  return (minor < 0 ? "−" : "") + whole + (data.scale && rest ? "." + rest : "");
}

/** A copy of a <template>, its data-t places filled with text. */
export function made(id, texts = {}) {
  const node = document.getElementById(id).content.firstElementChild.cloneNode(true);
  fill(node, texts);
  return node;
}

export function fill(node, texts) {
  for (const [name, text] of Object.entries(texts)) {
    for (const place of node.matches(`[data-t="${name}"]`) ? [node] : $$(`[data-t="${name}"]`, node)) {
      place.textContent = text;
    }
  }
}

/** Show the parts of the page that belong to a view (data-for), hide the others. */
export function showView(view) {
  document.body.dataset.view = view;
  for (const part of $$("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(view);
}

/** Text that a screen reader reads out, politely. */
export function tell(sentence) {
  $("#said").textContent = sentence;
}

/** A mouse or a keyboard is there: the scan field may keep the focus without calling up a keyboard on the glass. */
export const atDesk = () => matchMedia("(hover: hover) and (pointer: fine)").matches;
