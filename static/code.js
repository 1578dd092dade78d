// The code on the phone: a fresh one every 30 seconds and whenever the screen wakes, and thanks as soon as it was used.

const page = document.querySelector("main.codepage");
const el = (id) => document.getElementById(id);
const token = document.querySelector('meta[name="csrf-token"]').content;
const POLL_MS = 1500;
const PATIENCE_MS = 6000;

let life = Number(page.dataset.seconds);
let after = page.dataset.after; // where this phone's codes stood when the page was opened: used beyond it means used now
let drawnAt = performance.now();
let drawing = false;
let asking = false;

const left = () => life - Math.floor((performance.now() - drawnAt) / 1000);

function countdown() {
  const seconds = Math.max(0, left());
  const words = seconds > 0 ? page.dataset.sayLeft : page.dataset.sayDrawing;
  const [before, rest = null] = words.split("{n}");
  const label = el("left-words");
  if (label.textContent === before + (rest === null ? "" : seconds + rest)) return;
  const figure = document.createElement("b");
  figure.textContent = seconds;
  label.replaceChildren(before, ...(rest === null ? [] : [figure, rest]));
  el("left").value = seconds;
}

/** Show only one of: the code, "no network", "sign in again". */
function show(name) {
  page.toggleAttribute("data-hide", name !== "code");
  el("offline").hidden = name !== "offline";
  el("ended").hidden = name !== "ended";
}

async function ask(url, options = {}) {
  const stop = new AbortController();
  const timer = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    return await fetch(url, {
      ...options,
      headers: { Accept: "application/json", "X-CSRFToken": token },
      signal: stop.signal,
      redirect: "manual",
    });
  } catch {
    return null; // no network, or no answer in time
  } finally {
    clearTimeout(timer);
  }
}

async function draw() {
  if (drawing) return;
  drawing = true;
  const answer = await ask(page.dataset.draw, { method: "POST" });
  drawing = false;
  if (answer === null || answer.status >= 500) {
    if (left() <= 0) show("offline"); // a code still shown stays good for a while
    return;
  }
  if (answer.status === 429) return;
  if (!answer.ok) return show("ended");
  const code = await answer.json();
  el("qr").src = code.picture;
  await el("qr").decode().catch(() => {});
  el("balance").textContent = code.balance;
  el("number8").textContent = `${code.number8.slice(0, 4)} ${code.number8.slice(4)}`;
  life = code.seconds;
  drawnAt = performance.now();
  el("left").max = life;
  countdown();
  show("code");
}

async function look() {
  if (asking || document.hidden) return;
  asking = true;
  const answer = await ask(`${page.dataset.state}?after=${encodeURIComponent(after)}`);
  asking = false;
  if (!answer?.ok) return;
  const state = await answer.json();
  if (state.used) return location.replace(state.used);
  el("scanned").hidden = !state.scanned;
}

let retryAt = 0;
function tick() {
  countdown();
  if (document.hidden || left() > 0 || performance.now() < retryAt) return;
  retryAt = performance.now() + 3000;
  draw();
}

let lock = null;
async function keepAwake() {
  if (!("wakeLock" in navigator) || document.hidden || lock) return;
  try {
    lock = await navigator.wakeLock.request("screen");
    lock.addEventListener("release", () => (lock = null));
  } catch {
    lock = null; // battery saver, or not allowed: the page says how to help
  }
}

// When the screen sleeps the code goes; when it wakes, a fresh one comes before anything is shown.
document.addEventListener("visibilitychange", async () => {
  if (document.hidden) return show("nothing");
  keepAwake();
  await look();
  life = 0;
  await draw();
});
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // kept by the browser's back button: its code is old
});
addEventListener("offline", () => show("offline"));
addEventListener("online", () => draw());

show(navigator.onLine === false ? "offline" : "code");
countdown();
keepAwake();
setInterval(tick, 250);
setInterval(look, POLL_MS);
