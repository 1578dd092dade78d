// The one panel over the till's work: a refusal, or a question the clerk asked for. It holds the screen until a key.

import { $, made, say, tell } from "./page.js";
import { play } from "./sounds.js";

let ways = [];
let whenClosed = null;

export const isOpen = () => !$("#panel").hidden;

/**
 * title, lines  what is the matter, and that nothing was taken
 * choices       [{ label, run, main, no }], picked by 1, 2, 3, or by a press
 * last          { label, run } for Esc; every panel has one
 * kind          "refusal" (octagon, low sound, read out at once) or "question"
 */
export function open({ title, lines = [], choices = [], last, kind = "refusal" }) {
  const refusal = kind === "refusal";
  const panel = $("#panel");
  ways = choices;
  whenClosed = last?.run ?? null;
  panel.className = refusal ? "refusal" : "asking";
  panel.setAttribute("role", refusal ? "alert" : "group");
  $("h2", panel).textContent = title;
  $("use", panel).setAttribute("href", refusal ? "#i-stop" : "#i-help");
  $(".lines", panel).replaceChildren(
    ...lines.filter(Boolean).map((line) => Object.assign(document.createElement("p"), { textContent: line })),
  );
  const buttons = ways.map((way, place) => button(way.label, String(place + 1), () => choose(place), way));
  buttons.push(button(last?.label ?? say("close"), "Esc", close, {}));
  $(".do", panel).replaceChildren(...buttons);
  panel.hidden = false;
  document.body.dataset.held = "yes";
  if (refusal) play("refused");
  else tell(title);
  // Not on a button: a scanner's stray Enter would press it.
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: "nearest" });
  document.dispatchEvent(new Event("till:held"));
}

function button(label, key, run, { main, no }) {
  const node = made("way-template", { label, key });
  node.classList.toggle("main", Boolean(main));
  node.classList.toggle("no", Boolean(no));
  node.addEventListener("click", run);
  return node;
}

function hide() {
  $("#panel").hidden = true;
  delete document.body.dataset.held;
  document.dispatchEvent(new Event("till:settled"));
}

export function choose(place) {
  const way = ways[place];
  if (!way) return;
  hide();
  way.run();
}

export function close() {
  hide();
  whenClosed?.();
}

/** Put a panel away because what it said no longer holds, without choosing anything. */
export function dismiss() {
  if (isOpen()) hide();
}
