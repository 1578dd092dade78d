// The review queue by keyboard: decisions are drafts until submitted. Without script the page is a form with a choice
// per row; this module hides those choices and fills them in.
import { fetchAhead, isOpen, show, watch } from "./awards-pane.js";
import { showPhotos } from "./awards-photos.js";
import { askWhy } from "./awards-why.js";
import { filled } from "./words.js";

const root = document.documentElement;
root.classList.add("scripted");
for (const hidden of document.querySelectorAll(".needs-script[hidden]")) hidden.hidden = false;

const form = document.getElementById("queue");
const pane = document.getElementById("pane");
const help = document.getElementById("help");
const ask = document.getElementById("ask");
const big = document.getElementById("big");
const letters = document.getElementById("letters");
const LETTERS_OFF = "points.queue.letters-off";

letters.checked = localStorage.getItem(LETTERS_OFF) !== "1";
letters.addEventListener("change", () => localStorage.setItem(LETTERS_OFF, letters.checked ? "0" : "1"));
for (const dialog of [help, ask, big]) {
  dialog.addEventListener("click", (event) => event.target.closest("[data-close]") && dialog.close());
}

const words = form ? form.dataset : {};
const rows = form ? [...form.querySelectorAll("tbody tr")] : [];
const scale = 10 ** Number(words.scale || 0);
const STORE = `points.queue.${words.who || ""}`;
const readable = (minor) => String(minor / scale);

// ---------------------------------------------------------------- drafts: kept for this tab, so that paging loses none

let drafts = load();

function load() {
  try {
    return JSON.parse(sessionStorage.getItem(STORE) || "[]");
  } catch {
    return [];
  }
}

function save() {
  sessionStorage.setItem(STORE, JSON.stringify(drafts));
}

function draftOf(id) {
  return drafts.find((draft) => draft.id === id);
}

// What the reviewer chose beside the points: (name, value) pairs of the grades and coefficients in the open item.
const CHOSEN = "[name=grades], [name^='coef-']";

function chosenNow() {
  const found = [];
  for (const field of pane.querySelectorAll(CHOSEN)) {
    for (const option of field.selectedOptions) if (option.value) found.push([field.name, option.value]);
  }
  return found;
}

function put(id, verb, reason = "", points = "", outcome = "", percent = 100, choices = []) {
  const row = rowOf(id);
  const whole = points !== "" ? Math.round(Number(points) * scale) || 0 : Number(row ? row.dataset.points : 0);
  const worth = Math.floor((whole * percent) / 100);
  drafts = drafts.filter((draft) => draft.id !== id);
  drafts.push({ id, verb, reason, points, outcome, worth, choices });
  save();
  paint();
}

function takeBack() {
  const current = selected();
  const own = current && draftOf(current.dataset.id);
  const gone = own || drafts[drafts.length - 1];
  if (!gone) return;
  drafts = drafts.filter((draft) => draft !== gone);
  save();
  paint();
  const row = rowOf(gone.id);
  if (row) select(row);
}

// ---------------------------------------------------------------- rows

const rowOf = (id) => rows.find((row) => row.dataset.id === id);
const selected = () => rows.find((row) => row.getAttribute("aria-selected") === "true");
const picks = () => rows.filter((row) => row.querySelector("input[type=checkbox]:checked"));

function badge(tint, icon, text) {
  const made = document.createElement("span");
  made.className = `badge ${tint}`;
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "ic");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${icon}`);
  svg.append(use);
  made.append(svg, text);
  return made;
}

const LOOKS = { approve: ["ok", "check"], return: ["wait", "back"], reject: ["", "cross"] };

function paint() {
  if (!form) return;
  for (const row of rows) {
    const said = row.querySelector(".said-now");
    if (!said) continue;
    const draft = draftOf(row.dataset.id);
    const id = row.dataset.id;
    form.elements[`do-${id}`].value = draft ? draft.verb : "";
    form.elements[`reason-${id}`].value = draft ? draft.reason : "";
    if (form.elements[`points-${id}`]) form.elements[`points-${id}`].value = draft ? draft.points : "";
    form.elements[`outcome-${id}`].value = draft ? draft.outcome : "";
    const shown = draft
      ? badge(...LOOKS[draft.verb], draft.reason || words[draft.verb])
      : row.getAttribute("aria-selected") === "true"
        ? Object.assign(document.createElement("span"), { className: "quiet", textContent: words.looking })
        : "";
    said.replaceChildren(shown);
    row.classList.toggle("drafted", Boolean(draft));
  }
  const count = (verb) => drafts.filter((draft) => draft.verb === verb).length;
  const sum = document.getElementById("sum");
  const submit = document.getElementById("submit");
  if (!sum) return;
  const worth = drafts.filter((draft) => draft.verb === "approve").reduce((total, draft) => total + draft.worth, 0);
  const away = drafts.filter((draft) => !rowOf(draft.id)).length;
  const parts = [
    [count("approve"), words.partApprove],
    [count("return"), words.partReturn],
    [count("reject"), words.partReject],
  ]
    .filter(([n]) => n)
    .map(([n, text]) => filled(text, { n, points: readable(worth) }));
  const text = drafts.length
    ? filled(words.sum, { n: drafts.length, parts: parts.join(words.comma) })
    : matchMedia("(pointer: coarse)").matches
      ? words.noneTouch
      : words.none;
  sum.textContent = text + (away ? filled(words.elsewhere, { n: away }) : "");
  submit.querySelector("span").textContent = filled(words.submit, { n: drafts.length });
  submit.disabled = !drafts.length;
  document.getElementById("undo").disabled = !drafts.length;
  const approvePicked = document.getElementById("approve-picked");
  approvePicked.hidden = !picks().length;
  approvePicked.querySelector("span").textContent = filled(words.picked, { n: picks().length });
}

function select(row, focus = false) {
  for (const other of rows) other.removeAttribute("aria-selected");
  row.setAttribute("aria-selected", "true");
  document.getElementById("said").textContent = "";
  row.scrollIntoView({ block: "nearest" });
  if (focus) row.querySelector("a.what").focus();
  early = null;
  paint();
  if (matchMedia("(max-width: 900px)").matches) return;
  show(pane, words.pane, row.dataset.id, dressPane);
  below(row);
}

function below(row) {
  const next = rows[rows.indexOf(row) + 1];
  if (next && !matchMedia("(max-width: 900px)").matches) fetchAhead(words.pane, next.dataset.id);
}

function dressPane() {
  const shown = pane.querySelector("[data-open]");
  if (!shown) return;
  const row = rowOf(shown.dataset.open);
  const draft = draftOf(shown.dataset.open);
  if (row && row.dataset.can && !shown.dataset.undecided) {
    row.dataset.points = shown.dataset.points; // as the caps stand now
    row.querySelector(".pts").textContent = shown.dataset.shown;
  }
  const points = pane.querySelector("input[name=points]");
  if (points && draft) points.value = draft.points;
  const outcome = pane.querySelector("select[name=outcome]");
  if (outcome && draft) outcome.value = draft.outcome;
  for (const field of draft && draft.choices && draft.choices.length ? pane.querySelectorAll(CHOSEN) : []) {
    for (const option of field.options) {
      option.selected = draft.choices.some(([name, value]) => name === field.name && value === option.value);
    }
  }
  if (early && isOpen(pane, selected()?.dataset.id)) lower();
}

function move(step) {
  const at = rows.indexOf(selected());
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  if (next && next !== selected()) select(next, true);
}

function onward() {
  const at = rows.indexOf(selected());
  const open = (row) => row.dataset.can && !draftOf(row.dataset.id);
  const next = rows.slice(at + 1).find(open) || rows.find(open);
  if (next) select(next, true);
  else paint();
}

// ---------------------------------------------------------------- deciding

function decide(verb) {
  const row = selected();
  if (!row || !row.dataset.can) return;
  const id = row.dataset.id;
  if (verb === "approve") {
    let points = "";
    let reason = "";
    const drawn = isOpen(pane, id); // else the pane still shows the one before
    const field = drawn ? pane.querySelector("input[name=points]") : null;
    if (row.dataset.undecided) {
      if (!drawn) return;
      points = field ? field.value.trim() : "";
      if (!/^\d+(\.\d+)?$/.test(points)) return point(field, words.pointsNeeded);
    } else if (field && field.value.trim()) {
      const why = pane.querySelector("input[name=why]");
      points = field.value.trim();
      reason = why.value.trim();
      if (!/^\d+(\.\d+)?$/.test(points)) return point(field, words.pointsNeeded);
      if (reason.length < 2) return point(why, words.whyNeeded);
    }
    const outcome = drawn ? pane.querySelector("select[name=outcome]") : null;
    const percent = outcome ? outcome.selectedOptions[0].dataset.percent : 100;
    put(id, verb, reason, points, outcome ? outcome.value : "", Number(percent), drawn ? chosenNow() : []);
    onward();
    return;
  }
  askWhy(verb, (reason) => {
    put(id, verb, reason);
    onward();
  });
}

function point(field, text) {
  if (!field) return;
  field.setCustomValidity(text);
  field.reportValidity();
  field.addEventListener("input", () => field.setCustomValidity(""), { once: true });
  field.focus();
}

let early = null; // the keys pressed since E, while its item is on its way: they are text, and no shortcuts

function lower() {
  const row = selected();
  if (!row) return;
  if (!isOpen(pane, row.dataset.id)) {
    early = [];
    return;
  }
  const keys = early || [];
  early = null;
  const details = pane.querySelector("details.lower");
  if (details) details.open = true;
  let field = pane.querySelector("input[name=points]");
  if (!field) return;
  field.focus();
  for (const key of keys) {
    if (key === "Tab") (field = pane.querySelector("input[name=why]") || field).focus();
    else if (key.length === 1) field.setRangeText(key, field.value.length, field.value.length, "end");
  }
}

function submitAll() {
  if (!drafts.length || form.dataset.sent) return;
  form.requestSubmit(document.getElementById("submit"));
}

// ---------------------------------------------------------------- wiring

if (form) {
  // What has just been submitted is no draft any more; what was decided elsewhere is none either.
  if (document.querySelector("[data-done]")) drafts = [];
  drafts = drafts.filter((draft) => !rowOf(draft.id) || rowOf(draft.id).dataset.can);
  save();

  form.addEventListener("click", (event) => {
    const link = event.target.closest("a.what");
    const row = event.target.closest("tbody tr");
    if (!row || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (matchMedia("(max-width: 900px)").matches) return;
    if (link) event.preventDefault();
    if (link || !event.target.closest("input, select, label, button")) select(row);
  });
  form.addEventListener("change", (event) => {
    if (event.target.id === "pick-all") {
      for (const row of rows) {
        const box = row.querySelector("td input[type=checkbox]");
        if (box) box.checked = event.target.checked && !row.dataset.hint && !row.dataset.undecided;
      }
    }
    paint();
  });
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent || !drafts.length) return event.preventDefault();
    form.dataset.sent = "1";
    for (const draft of drafts) {
      for (const [name, value] of draft.choices || []) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name: `${name}-${draft.id}`, value }));
      }
      if (rowOf(draft.id)) continue; // its fields are on this page and filled in
      for (const [name, value] of [["do", draft.verb], ["reason", draft.reason], ["points", draft.points], ["outcome", draft.outcome]]) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name: `${name}-${draft.id}`, value }));
      }
    }
    const submit = document.getElementById("submit");
    submit.querySelector("span").textContent = words.sending;
    setTimeout(() => (submit.disabled = true));
  });
  document.getElementById("undo")?.addEventListener("click", takeBack);
  document.getElementById("approve-picked")?.addEventListener("click", approvePicks);
  watch(pane);
  pane.addEventListener("submit", (event) => {
    const verb = event.submitter && event.submitter.value;
    if (!event.target.matches("[data-decide]") || !["approve", "return", "reject"].includes(verb)) return;
    event.preventDefault();
    decide(verb);
  });
  document.getElementById("bulk-link")?.addEventListener("click", (event) => {
    if (!picks().length || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    bulk();
  });
  pane.addEventListener("click", (event) => {
    const link = event.target.closest("a.shot");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    showPhotos(pane, link);
  });
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  dressPane();
  paint();
  if (selected()) below(selected());
}

// What is odd stays ticked and is named: it is opened and decided alone.
function approvePicks() {
  const odd = [];
  for (const row of picks()) {
    if (row.dataset.hint || row.dataset.undecided) {
      odd.push(row.dataset.name);
      continue;
    }
    row.querySelector("input[type=checkbox]").checked = false;
    if (row.dataset.can) put(row.dataset.id, "approve");
  }
  paint();
  if (odd.length) {
    const said = filled(words.heldBack, { n: odd.length, names: odd.join(words.comma) });
    document.getElementById("sum").textContent = said;
  }
}

function bulk() {
  const link = document.getElementById("bulk-link");
  if (!link) return;
  if (!picks().length) return location.assign(link.href);
  const sent = document.createElement("form");
  sent.method = "post";
  sent.action = link.href;
  const add = (name, value) => sent.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  add("csrf_token", form.elements.csrf_token.value);
  for (const row of picks()) add(`pick-${row.dataset.id}`, "1");
  document.body.append(sent);
  sent.submit();
}

// Once nothing is a draft any more, U takes back what was sent last, within the scheme's time; else it says why not.
function undo() {
  if (drafts.length) return takeBack();
  const sent = document.querySelector("#undo-toast form button") || pane?.querySelector("[data-undo]");
  if (sent) return sent.click();
  const open = isOpen(pane, selected()?.dataset.id) && pane.querySelector("[data-open]");
  document.getElementById("said").textContent = (open && open.dataset.noUndo) || words.noUndo;
}

// Out of a field, back to the list, so that letters are keys again. What was typed stays.
function leave(field) {
  const row = selected();
  if (row) row.querySelector("a.what").focus();
  else field.blur();
}

const inField = (target) => target.closest("input:not([type=checkbox]), select, textarea, [contenteditable]");

addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  if (early && event.key !== "Escape" && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    early.push(event.key);
    return;
  }
  early = null;
  if (form && event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    return submitAll();
  }
  if (event.key === "Escape" && inField(event.target)) return leave(event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const always = {
    "/": () => document.getElementById("text").focus(),
    "?": () => help.showModal(),
  };
  const single = {
    j: () => move(1),
    k: () => move(-1),
    a: () => (event.shiftKey ? approvePicks() : decide("approve")),
    r: () => decide("return"),
    x: () => decide("reject"),
    u: undo,
    p: () => isOpen(pane, selected()?.dataset.id) && showPhotos(pane),
    e: lower,
    b: bulk,
    o: () => selected() && location.assign(`${words.pane}/${selected().dataset.id}`),
    " ": () => {
      const box = selected() && selected().querySelector("input[type=checkbox]");
      if (box) box.checked = !box.checked;
      paint();
    },
  };
  if (key === " " && event.target.closest("button, input, summary")) return; // a press of that control
  const act = always[key] || (form && letters.checked ? single[key] : null);
  if (!act) return;
  event.preventDefault();
  act();
});

const toast = document.getElementById("undo-toast");
if (toast) {
  let left = 8000;
  const watched = () => toast.matches(":hover, :focus-within");
  const tick = setInterval(() => {
    if (watched()) return;
    left -= 500;
    if (left > 0) return;
    clearInterval(tick);
    toast.classList.add("gone"); // U and the list above still take it back
  }, 500);
}
