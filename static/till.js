// The till: scan → basket → receipt, from one page, on a phone or a PC. This file only connects the parts.

import { Camera } from "./till/camera.js";
import { confirm, settle } from "./till/confirm.js";
import { entered, showAll, typed } from "./till/entry.js";
import { goods, refresh } from "./till/goods.js";
import { listen } from "./till/keys.js";
import * as panel from "./till/panel.js";
import { $, $$, atDesk, data, made, points, say } from "./till/page.js";
import * as serving from "./till/serving.js";
import * as sounds from "./till/sounds.js";
import { set, state } from "./till/state.js";
import { forget } from "./till/store.js";

const field = $("#scan");

// ---------------------------------------------------------------- what the keys and buttons do

const parkOrResume = () => (state.view === "serving" ? serving.park() : serving.resume());
const next = () => set({ view: "waiting", receipt: null, note: null });

function toReturns() {
  if (state.view === "serving" || state.pending) return;
  location.href = data.urls.returns;
}

const help = () => $("#help").open || panel.isOpen() || $("#help").showModal();
const noCode = () => $("#no-code").open || panel.isOpen() || state.view === "serving" || $("#no-code").showModal();

const DO = {
  confirm,
  cancel: serving.askToCancel,
  park: parkOrResume,
  resume: serving.resume,
  find: showAll,
  next,
  help,
  "no-code": noCode,
  returns: toReturns,
  print: () => window.print(),
  camera: () => camera.start(),
  "camera-off": () => camera.stop(),
};

const COMMANDS = { F1: help, F2: noCode, F4: showAll, F8: confirm, F9: parkOrResume, F10: toReturns };

/** Arrows choose a line (or one of the goods found), + − Del change it, Esc takes one step back. */
function edit(key) {
  if (panel.isOpen()) {
    if (key === "Escape") panel.close();
    return key === "Escape";
  }
  if ($("dialog[open]")) return false;
  if (key === "Escape") return stepBack();
  if (state.found.length && key.startsWith("Arrow")) {
    const by = key === "ArrowDown" ? 1 : state.found.length - 1;
    set({ pick: (state.pick + by) % state.found.length });
    return true;
  }
  if (state.view !== "serving" || !state.lines.length || state.pending) return false;
  const items = state.lines.map((line) => line.item);
  const place = Math.max(0, items.indexOf(state.chosen));
  if (key.startsWith("Arrow")) {
    const to = Math.min(items.length - 1, Math.max(0, place + (key === "ArrowDown" ? 1 : -1)));
    set({ chosen: items[to], fresh: null });
  } else if (key === "+" || key === "=") serving.change(items[place], 1);
  else if (key === "-") serving.change(items[place], -1);
  else if (key === "Delete") serving.remove(items[place]);
  return true;
}

function stepBack() {
  if (field.value || state.found.length) {
    field.value = "";
    set({ found: [], pick: 0 });
  } else if (state.view === "serving" && !state.pending) serving.askToCancel();
  else if (state.view === "receipt") next();
  return true;
}

listen(field, {
  isHeld: () => panel.isOpen(),
  onScan: entered,
  onCommand: (key) => !state.pending && !$("dialog[open]") && COMMANDS[key](),
  onEdit: edit,
  onChoice: (digit) => panel.choose(Number(digit) - 1),
});

// ---------------------------------------------------------------- the page's own events

$("#scan-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const picked = state.found[state.pick];
  if (picked && field.value.trim() && !panel.isOpen()) {
    field.value = "";
    serving.put(goods.get(picked));
  } else if (picked && !field.value.trim()) {
    // Enter on an empty field does nothing, unless the clerk walked the list with the arrows.
    if (state.pick > 0) serving.put(goods.get(picked));
  } else entered(field.value);
});

field.addEventListener("input", (event) => {
  if (!event.isComposing) typed(field.value);
});
field.addEventListener("compositionend", () => typed(field.value));

document.addEventListener("click", (event) => {
  const pressed = event.target.closest("[data-do], [data-item], [data-close]");
  if (!pressed || pressed.disabled) return;
  if (pressed.dataset.close !== undefined) return pressed.closest("dialog").close();
  const item = pressed.closest("[data-item]")?.dataset.item;
  const line = { more: 1, less: -1 }[pressed.dataset.do];
  if (line) return serving.change(item, line);
  if (pressed.dataset.do === "remove") return serving.remove(item);
  if (pressed.dataset.do) return DO[pressed.dataset.do]();
  if (item && goods.has(item) && !pressed.matches(".bline") && !panel.isOpen()) {
    field.value = "";
    serving.put(goods.get(item));
  }
});

for (const event of ["till:held", "till:settled"]) document.addEventListener(event, () => set({}));

document.addEventListener("till:receipt", ({ detail: receipt }) => {
  const row = made("recent-template", {
    who: `${receipt.number.slice(-4)} ${receipt.name}`,
    when: say("when_pieces", { time: receipt.time, n: receipt.lines.reduce((sum, line) => sum + line.quantity, 0) }),
    price: say("points", { n: points(receipt.points) }),
  });
  $("a", row).href = data.urls.receipt.replace("/0", `/${receipt.id}`);
  const list = $("#recent");
  list.prepend(row);
  while (list.children.length > 3) list.lastElementChild.remove();
  data.today.people += 1;
  data.today.points += receipt.points;
  for (const place of $$("[data-today]")) {
    place.textContent = say("today", { people: data.today.people, n: points(data.today.points) });
  }
  $("#no-recent")?.remove();
});

$("#leave")?.addEventListener("submit", forget);

// ---------------------------------------------------------------- sound, paper, camera

const soundSwitch = $("#sound");
soundSwitch.checked = sounds.isOn();
soundSwitch.addEventListener("change", () => sounds.turn(soundSwitch.checked));

const paper = $$('input[name="paper"]');
const setPaper = (width) => {
  document.body.dataset.paper = width;
  for (const one of paper) one.checked = one.value === width;
};
setPaper(localStorage.getItem("till-paper") ?? "80");
for (const one of paper) {
  one.addEventListener("change", () => {
    localStorage.setItem("till-paper", one.value);
    setPaper(one.value);
  });
}

const camera = new Camera($("#camera video"), {
  onCode: (text) => {
    $("#camera").dataset.read = text.length;
    entered(text);
  },
  onState: (now) => {
    document.body.dataset.camera = now;
    if (now === "on") localStorage.setItem("till-camera", "on");
    if (now === "denied") localStorage.removeItem("till-camera");
    $("#camera-words").textContent = say(`camera_${now}`);
  },
});
camera.become("off");
if (localStorage.getItem("till-camera") === "on") camera.start();

// ---------------------------------------------------------------- begin

document.body.dataset.script = "on";
if (state.pending) state.view = "serving";
else state.view = state.serving ? "serving" : "waiting";
set({});
settle();
serving.watch();
serving.touch();
setInterval(() => state.view === "waiting" && refresh().then(() => set({})), 60_000);
if (atDesk()) field.focus({ preventScroll: true });
