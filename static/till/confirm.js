// Confirming: one request with its key. A second press, a reload or a lost answer sends the same key again, so the
// server gives the same receipt; nothing is ever taken twice.

import * as basket from "./basket.js";
import { goods, refresh } from "./goods.js";
import * as panel from "./panel.js";
import { data, points, say, tell } from "./page.js";
import { refused } from "./refusals.js";
import { ask, newKey } from "./server.js";
import { play } from "./sounds.js";
import { set, state } from "./state.js";

const SLOW_MS = 8000;

export function confirm() {
  const { serving, lines } = state;
  if (state.view !== "serving" || state.pending || state.busy || panel.isOpen() || !lines.length) return;
  if (serving.lapsed) {
    panel.open({ title: say("lapsed"), lines: [say("lapsed_line"), say("nothing_taken")], last: { label: say("scan_anew") } });
    return;
  }
  const total = basket.total(lines, goods);
  set({ pending: { key: newKey(), serving: serving.id, lines, total, tries: 0 }, found: [] });
  send();
}

/** Send the pending confirmation, for the first time or again: the key makes it the same one. */
export async function send() {
  const { key, serving, lines, total, tries } = state.pending;
  set({ busy: "confirm", pending: { ...state.pending, tries: tries + 1 } });
  const slow = setTimeout(offerAgain, SLOW_MS);
  const body = { lines: lines.map(({ item, quantity }) => ({ item_id: item, quantity })), expected_points: total };
  const answer = await ask(data.urls.redeem.replace("/0/", `/${serving}/`), { ...body, key }, key);
  clearTimeout(slow);
  if (state.pending?.key !== key) return; // another sending has settled it
  if (answer.lost || answer.status >= 500) return offerAgain();
  panel.dismiss();
  set({ busy: null });
  if (answer.ok) return done(answer.body);
  if (answer.status !== 401) set({ pending: null }); // refused: nothing was taken, so the next try is a new one
  refused(answer, { about: "basket", again: send });
}

function offerAgain() {
  if (!state.pending) return;
  set({ busy: null });
  panel.open({
    title: say("slow"),
    lines: [say("slow_line")],
    choices: [{ label: say("try_again"), run: send, main: true }],
    last: { label: say("wait"), run: () => setTimeout(() => state.pending && !panel.isOpen() && offerAgain(), SLOW_MS / 2) },
  });
}

function done(receipt) {
  const again = receipt.replayed && state.pending.tries > 1;
  const note = again ? say("went_through", { receipt: receipt.number }) : null;
  set({ view: "receipt", receipt, note, serving: null, lines: [], pending: null, chosen: null, found: [] });
  play("done");
  tell(note ?? say("done", { receipt: receipt.number, total: points(receipt.points) }));
  refresh().then(() => set({}));
  document.dispatchEvent(new CustomEvent("till:receipt", { detail: receipt }));
}

/** After a reload: a confirmation whose answer never came is sent again before anything else. */
export function settle() {
  if (state.pending) send();
}
