// The editor of a rulebook: rows and types without a round trip, what the rule says while one types, saving by itself.
// Everything here only spares presses: the same form works by its buttons.
const form = document.querySelector("[data-editor]");
const state = form.querySelector("[data-state]");
const preview = form.querySelector("[data-preview]");
const headers = { "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content, Accept: "application/json" };
let looking = 0, saving = false, again = false, dirty = false, lookTimer, saveTimer;

for (const part of document.querySelectorAll(".noscript-only")) part.hidden = true;

function fit(scope) {
  for (const choice of scope.querySelectorAll("select[data-type]")) {
    const fields = choice.closest(".field").parentElement.children;
    for (const field of fields) {
      if (field.dataset.fits === undefined || field.contains(choice)) continue;
      field.hidden = !field.dataset.fits.split(" ").includes(choice.value);
      for (const option of field.querySelectorAll(":scope > select > option[data-fits]")) {
        option.hidden = option.disabled = option.dataset.fits !== choice.value;
        if (option.disabled && option.selected) field.querySelector("select").value = "";
      }
    }
  }
}

function newRow(list) {
  const fieldset = list.closest("[data-rows]");
  const blank = fieldset.querySelector(":scope > template[data-blank]");
  const used = [...list.children].map((row) => Number(row.dataset.place ?? -1));
  for (const control of list.querySelectorAll("[name]")) {
    const found = control.name.startsWith(`${fieldset.dataset.rows}.`) && control.name.slice(fieldset.dataset.rows.length + 1).match(/^[0-9]+/);
    if (found) used.push(Number(found[0]));
  }
  const place = Math.max(-1, ...used) + 1;
  const holder = document.createElement("template");
  holder.innerHTML = blank.innerHTML.replaceAll(fieldset.dataset.mark, String(place));
  const row = holder.content.firstElementChild;
  row.dataset.place = place;
  list.append(row);
  fit(row);
  row.querySelector("input, select, textarea")?.focus();
}

form.addEventListener("click", (event) => {
  const add = event.target.closest("[data-add]"), remove = event.target.closest("[data-remove]");
  if (!add && !remove) return;
  event.preventDefault();
  if (add) newRow(add.closest("[data-rows]").querySelector(":scope > [data-list]"));
  else {
    const row = remove.closest("[data-row]"), list = row.parentElement;
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    (next?.querySelector("input, select, textarea") ?? list.closest("[data-rows]").querySelector(":scope > [data-add]")).focus();
  }
  changed();
});

// Enter in a field saves; it never presses a row's button.
form.addEventListener("input", (event) => {
  if (event.target.matches("select[data-type]")) fit(event.target.closest(".fields"));
  if (event.target.name?.startsWith("try.")) look();
  else changed();
});

function changed() {
  dirty = true;
  state.textContent = "";
  clearTimeout(saveTimer);
  saveTimer = setTimeout(save, 1500);
  look();
}

function show(errors) {
  const left = { ...errors };
  for (const place of form.querySelectorAll("[data-errors]")) {
    const sentences = errors[place.dataset.errors] ?? [];
    delete left[place.dataset.errors];
    const said = sentences.join("\n");
    if (place.dataset.said === said) continue;
    place.dataset.said = said;
    place.replaceChildren(...sentences.map((sentence) => {
      const line = document.createElement("p");
      line.className = "errtext";
      line.textContent = sentence;
      return line;
    }));
    const field = place.closest(".field");
    field.classList.toggle("err", sentences.length > 0);
    const control = document.getElementById(place.dataset.errors);
    if (control) sentences.length ? control.setAttribute("aria-invalid", "true") : control.removeAttribute("aria-invalid");
    for (let part = field.closest("details"); sentences.length && part; part = part.parentElement.closest("details")) part.open = true;
  }
}

// The answers stay where they are while one types them: only their questions are replaced, and only when they differ.
function put(html) {
  if (!preview) return;
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const asked = (root) => [...root.querySelectorAll("[data-asks] [name]")].map((one) => `${one.name}:${one.value && one.type === "checkbox" ? one.value : one.tagName}:${one.options ? one.options.length : ""}`).join();
  const before = preview.querySelector("[data-asks]"), after = holder.content.querySelector("[data-asks]");
  if (before && after && asked(preview) === asked(holder.content)) after.replaceWith(before);
  preview.replaceChildren(holder.content);
}

function look() {
  if (!form.dataset.look) return;
  clearTimeout(lookTimer);
  lookTimer = setTimeout(async () => {
    const mine = ++looking, focused = document.activeElement?.name?.startsWith("try.") ? document.activeElement : null;
    const answer = await fetch(form.dataset.look, { method: "POST", headers, body: new FormData(form) }).catch(() => null);
    if (!answer?.ok || mine !== looking) return;
    const found = await answer.json();
    show(found.errors);
    put(found.html);
    if (focused?.isConnected && document.activeElement !== focused) focused.focus();
  }, 300);
}

async function save() {
  if (saving) { again = true; return; }
  saving = true;
  dirty = false;
  state.textContent = form.dataset.saving;
  const body = new FormData(form);
  body.set("do", "save");
  const answer = await fetch(form.action, { method: "POST", headers, body }).catch(() => null);
  const found = await answer?.json().catch(() => null);
  saving = false;
  if (answer?.ok && found) {
    for (const seen of document.querySelectorAll("[name=seen]")) seen.value = found.seen;
    for (const undo of document.querySelectorAll("[data-undo]")) undo.hidden = false;
    state.textContent = dirty ? "" : form.dataset.saved;
    if (found.errors) show(found.errors);
  } else {
    dirty = true;
    state.textContent = found?.message ?? form.dataset.unsaved;
    if (found?.errors) show(found.errors);
  }
  if (again) { again = false; save(); }
}

form.addEventListener("submit", () => { dirty = false; clearTimeout(saveTimer); });
addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "s") { event.preventDefault(); clearTimeout(saveTimer); save(); }
});
fit(form);
// A link to a field opens the section it is in.
function meant() {
  const field = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let part = field && field.closest("details"); part; part = part.parentElement.closest("details")) part.open = true;
  if (field) { field.scrollIntoView({ block: "center" }); field.querySelector("input, select, textarea")?.focus(); }
}
addEventListener("hashchange", meant);
// The browser goes to the fragment itself once the page is there, and takes the focus away: after that.
addEventListener("load", () => setTimeout(meant));
