// What was scanned, typed or seen by the camera, and what it means here. One parser for all three.

import { all, byBarcode, search } from "./goods.js";
import * as panel from "./panel.js";
import { $, say, tell } from "./page.js";
import { anotherCode, claim, put } from "./serving.js";
import { set, state } from "./state.js";

const PHONE_OR_CARD = [58, 38];
const NUMBER = 8;

/** One entry. Does nothing on empty text (scanners send stray Enters), behind a panel, or while an answer is awaited. */
export function entered(raw) {
  const text = raw.normalize("NFKC").trim();
  if (!text || panel.isOpen() || state.pending || state.busy) return undefined;
  const digits = /^[\d\s-]+$/.test(text) ? text.replaceAll(/[\s-]/g, "") : "";
  $("#scan").value = "";
  set({ found: [], pick: 0 });
  return state.view === "serving" ? whileServing(text, digits) : whileWaiting(text, digits);
}

function whileServing(text, digits) {
  if (PHONE_OR_CARD.includes(digits.length)) return anotherCode(digits);
  const item = byBarcode(text) ?? byBarcode(digits || text);
  if (item) return put(item);
  if (digits.length === NUMBER && (state.serving.lapsed || !state.lines.length)) return anotherCode(digits);
  if (digits) return refuse(say("barcode_unknown", { code: digits }), say("barcode_way"));
  const [first] = search(text);
  return first ? put(first) : refuse(say("goods_unknown", { text }), say("goods_way"));
}

function whileWaiting(text, digits) {
  if (PHONE_OR_CARD.includes(digits.length) || digits.length === NUMBER) return claim(digits);
  if (byBarcode(text) || (!digits && search(text).length)) {
    set({ note: say("goods_first") });
    return tell(say("goods_first"));
  }
  return refuse(say("code_unknown"), say("nothing_taken"));
}

function refuse(title, line) {
  const find = { label: say("find_goods"), run: () => showAll() };
  panel.open({ title, lines: [line], choices: state.view === "serving" ? [find] : [], last: { label: say("close") } });
}

/** As something is typed: which goods it could mean. */
export function typed(text) {
  if (state.view !== "serving") return;
  const digitsOnly = /^[\d\s-]*$/.test(text.normalize("NFKC"));
  const found = digitsOnly ? [] : search(text).map((item) => item.id);
  if (found.length || state.found.length) set({ found, pick: 0 });
}

/** F4: all goods, to be chosen by arrows, by typing or by a tap. */
export function showAll() {
  if (state.view !== "serving" || state.pending) return;
  $("#scan").value = "";
  $("#scan").focus({ preventScroll: true });
  set({ found: all().map((item) => item.id), pick: 0 });
}
