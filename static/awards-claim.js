// The claim form with a forecast that follows the fields, a stepper, and one send per press.
import { filled } from "./words.js";

const form = document.getElementById("claim");
document.documentElement.classList.add("scripted");

// A file field hides behind its label, which says how many photos were chosen.
for (const field of document.querySelectorAll("input.file")) {
  const said = document.querySelector(`label[for="${field.id}"] span`);
  const plain = said.textContent;
  field.addEventListener("change", () => {
    const count = field.files.length;
    said.textContent = count ? filled(said.dataset.many, { n: count }) : plain;
    makeSmaller(field);
  });
}

// Photos straight from a phone are larger than anybody needs, and four of them than may be sent at once. What cannot be
// drawn here goes as it is: the server says what is wrong with it.
async function makeSmaller(field) {
  const chosen = [...field.files];
  const drawn = await Promise.all(chosen.map((file) => (file.size > 1_500_000 ? smaller(file) : file)));
  const unchanged = field.files.length === chosen.length && chosen.every((file, n) => field.files[n] === file);
  if (!unchanged || drawn.every((file, n) => file === chosen[n])) return;
  const held = new DataTransfer();
  for (const file of drawn) held.items.add(file);
  field.files = held.files;
}

async function smaller(file) {
  try {
    const picture = await createImageBitmap(file);
    const share = Math.min(1, 2400 / Math.max(picture.width, picture.height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(picture.width * share);
    canvas.height = Math.round(picture.height * share);
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    return blob && blob.size < file.size ? new File([blob], "photo.jpg", { type: "image/jpeg" }) : file;
  } catch {
    return file;
  }
}

if (form) {
  const quantity = form.elements.quantity;
  const label = form.querySelector("label[for=quantity]");
  const photos = form.elements.photos; // the preview asks for none: then all proof counts as given
  const given = (name) => (form.elements[name] ? form.elements[name].value : "-");
  const panel = document.getElementById("forecast");
  const send = document.getElementById("send");
  let asked = 0;
  let timer = 0;

  for (const button of form.querySelectorAll(".needs-script")) button.hidden = false;
  const folded = form.querySelector("details.more");
  if (folded && folded.querySelector(":checked")) folded.open = true;

  const chosen = () => form.querySelector("input[name=rule]:checked, select[name=rule] option:checked");
  const keptPhotos = () => form.querySelectorAll("input[name=photo_ids]:checked").length;

  // Whole thousandths, so that 0.1 + 0.2 stays 0.3.
  const thousandths = (text) => Math.round(parseFloat(text) * 1000) || 0;

  // What only some rules ask is shown for them, and sent for them alone.
  function fitAsked(rule) {
    const asks = (rule.dataset.asks || "").split(" ");
    for (const block of form.querySelectorAll("[data-ask]")) {
      block.hidden = !asks.includes(block.dataset.ask);
      for (const field of block.querySelectorAll("input, select")) field.disabled = block.hidden;
    }
    // Asked for the hour, nobody has to say "in the morning" as well.
    const hours = document.getElementById("field-done_at");
    if (hours) hours.hidden = asks.includes("began");
    for (const block of form.querySelectorAll("[data-for-rule]")) {
      block.hidden = block.disabled = block.dataset.forRule !== rule.value;
    }
  }

  function further() {
    const found = {};
    for (const name of ["team_id", "began", "subject", "act", "sharers", "helped", "record"]) {
      const field = form.elements[name];
      if (field && !field.disabled && field.value) found[name] = field.value;
    }
    if (!photos) Object.assign(found, { record: "-", helped: "-", attended: true, files: 4 });
    const attended = form.elements.attended;
    if (attended && !attended.disabled && attended.checked) found.attended = true;
    const files = form.elements.files;
    if (files && !files.disabled) {
      found.files = files.files.length + form.querySelectorAll("input[name=file_ids]:checked").length;
    }
    const block = form.querySelector("[data-for-rule]:not([hidden])");
    if (block) {
      found.grades = [...block.querySelectorAll("input[name=grades]:checked")].map((field) => field.value);
      for (const field of block.querySelectorAll("[name^=coef-]")) if (field.value) found[field.name] = field.value;
    }
    return found;
  }

  function fitRule(changed) {
    const rule = chosen();
    if (!rule) return;
    fitAsked(rule);
    label.textContent = rule.dataset.question;
    if (changed) {
      const now = thousandths(quantity.value);
      const least = thousandths(rule.dataset.least);
      const most = thousandths(rule.dataset.most);
      const step = thousandths(rule.dataset.step);
      if (now < least || now > most || now % step) quantity.value = String(Math.min(most, Math.max(least, step)) / 1000);
    }
  }

  function moveBy(sign) {
    const rule = chosen();
    const step = rule ? thousandths(rule.dataset.step) : 1000;
    const least = rule ? thousandths(rule.dataset.least) : 1;
    const most = rule ? thousandths(rule.dataset.most) : 1e9;
    const next = thousandths(quantity.value) + sign * step;
    quantity.value = String(Math.min(most, Math.max(least, next)) / 1000);
    soon();
  }

  function show(big, lines) {
    panel.querySelector(".big").textContent = big;
    const list = panel.querySelector("ul");
    list.replaceChildren(
      ...lines.map(({ icon, text }) => {
        const item = document.createElement("li");
        const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
        picture.setAttribute("class", "ic");
        picture.setAttribute("aria-hidden", "true");
        const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
        use.setAttribute("href", `#i-${icon}`);
        picture.append(use);
        const words = document.createElement("span");
        words.textContent = text;
        item.append(picture, words);
        return item;
      }),
    );
  }

  async function reckon() {
    const rule = chosen();
    if (!rule || (form.elements.number && form.elements.number.value)) return; // somebody else's: only by the button
    const turn = ++asked;
    const body = {
      rule: rule.value,
      quantity: quantity.value.trim(),
      done_on: form.elements.done_on.value,
      place: given("place"),
      note: given("note"),
      person_id: form.elements.person_id ? form.elements.person_id.value : "",
      done_at: form.elements.done_at ? form.elements.done_at.value : "",
      photos: photos ? photos.files.length + keptPhotos() : 4,
      ...further(),
    };
    const late = setTimeout(() => turn === asked && show("…", [{ icon: "clock", text: form.dataset.wait }]), 1000);
    try {
      const answer = await fetch(form.dataset.forecast, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          Accept: "application/json",
          "X-CSRFToken": document.querySelector("meta[name=csrf-token]").content,
        },
        body: JSON.stringify(body),
      });
      const seen = await answer.json();
      if (turn !== asked) return; // a newer question is on its way
      if (answer.ok) show(seen.big, seen.lines);
      else {
        const found = seen.facts && seen.facts.fields ? Object.values(seen.facts.fields).flat(3) : [seen.message];
        show("—", found.map((text) => ({ icon: "warn", text: String(text) })));
      }
    } catch {
      if (turn === asked) show("—", [{ icon: "wifi", text: form.dataset.lost }]);
    } finally {
      clearTimeout(late);
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(reckon, 250);
  }

  form.addEventListener("input", (event) => {
    if (event.target.name === "rule") fitRule(true);
    if (event.target.name === "number") return;
    soon();
  });
  form.addEventListener("change", soon);
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-by]");
    if (button) moveBy(Number(button.dataset.by));
  });
  const seek = document.getElementById("find-rule");
  if (seek) {
    seek.closest(".needs-script").hidden = false;
    const said = document.getElementById("found-rules");
    seek.addEventListener("input", (event) => {
      event.stopPropagation();
      const wanted = seek.value.trim().toLowerCase();
      let found = 0;
      for (const one of form.querySelectorAll("#field-rule label.choice")) {
        one.hidden = Boolean(wanted) && !one.textContent.toLowerCase().includes(wanted);
        if (!one.hidden) found += 1;
      }
      if (wanted && folded) folded.open = true;
      said.textContent = wanted ? (found ? filled(seek.dataset.found, { n: found }) : seek.dataset.none) : "";
    });
    seek.addEventListener("keydown", (event) => {
      if (event.key === "Enter") event.preventDefault();
    });
  }
  if (send) form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault(); // the second press of a double click
    form.dataset.sent = "1";
    send.textContent = form.dataset.sending;
    setTimeout(() => (send.disabled = true));
  });
  // Back from the next page, the form can be sent again (its key makes that harmless).
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    delete form.dataset.sent;
    location.reload();
  });

  fitRule(false);
  reckon();
}
