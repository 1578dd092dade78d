// The item beside the list. What was fetched a moment ago is drawn at once, and the one below is fetched beforehand;
// what somebody has begun to write in it is never swept away. Until the item is there, the one before it is out of reach.
const FRESH_MS = 30_000;
const kept = new Map(); // id: {text, at} of what was fetched, {coming} while it is on its way
let turn = 0;
let written = false;

export const isOpen = (pane, id) => pane.querySelector("[data-open]")?.dataset.open === id;

export function watch(pane) {
  const open = pane.querySelector("[data-open]");
  if (open) kept.set(open.dataset.open, { text: pane.innerHTML, at: Date.now() });
  pane.addEventListener("input", () => (written = true));
}

function fetched(address, id) {
  const known = kept.get(id);
  if (known && (known.coming || Date.now() - known.at < FRESH_MS)) return known.coming || known.text;
  const coming = fetch(`${address}/${id}?pane=1`, { headers: { Accept: "text/html" } })
    .then((answer) => (answer.ok ? answer.text() : Promise.reject(new Error(String(answer.status)))))
    .then((text) => {
      kept.set(id, { text, at: Date.now() });
      return text;
    })
    .catch((error) => {
      kept.delete(id);
      throw error;
    });
  kept.set(id, { text: known?.text, coming });
  return coming;
}

function draw(pane, text) {
  const drawn = new DOMParser().parseFromString(text, "text/html");
  pane.replaceChildren(...drawn.body.childNodes);
  pane.scrollTop = 0;
  pane.inert = false;
  written = false;
}

// Draws an item, and calls drawn() each time it was; without an answer it is opened as a page of its own.
export async function show(pane, address, id, drawn) {
  const mine = ++turn;
  const known = kept.get(id)?.text;
  if (known && !isOpen(pane, id)) {
    draw(pane, known);
    drawn();
  }
  pane.inert = !isOpen(pane, id);
  try {
    const text = await fetched(address, id);
    if (mine !== turn || (isOpen(pane, id) && (text === known || written || pane.contains(document.activeElement)))) return;
    draw(pane, text);
    drawn();
  } catch {
    if (mine === turn) location.assign(`${address}/${id}`);
  }
}

export function fetchAhead(address, id) {
  Promise.resolve(fetched(address, id)).catch(() => {}); // asked again when it is wanted
}
