// One resident at this till: claimed by a code, kept alive by each action, parked, cancelled, or lapsed.

import { goods } from "./goods.js";
import * as basket from "./basket.js";
import * as panel from "./panel.js";
import { $, data, say, tell } from "./page.js";
import { refused } from "./refusals.js";
import { ask } from "./server.js";
import { play } from "./sounds.js";
import { set, state } from "./state.js";

const RENEW_MS = 45_000;
let renewedAt = 0;

const url = (verb, serving) => data.urls[verb].replace("/0/", `/${serving}/`);

/** The server's serving as this page keeps it. Times count from now, whatever this machine's clock says. */
function taken(body) {
  return {
    id: body.id,
    name: body.masked,
    tail: body.tail,
    balance: body.balance_points,
    means: body.means,
    until: Date.now() + body.seconds * 1000,
    lapsed: false,
    limits: body.limits,
    terms: body.terms,
    card: body.card,
  };
}

const same = (one, other) => one && other && one.name === other.name && one.tail === other.tail;

/** Claim a resident's code. A parked or lapsed basket of the same resident goes on where it was. */
export async function claim(code) {
  if (state.busy) return;
  set({ busy: "claim", found: [] });
  const answer = await ask(data.urls.claim, { code });
  set({ busy: null });
  if (!answer.ok) return refused(answer, { about: "code", again: () => claim(code) });
  const serving = taken(answer.body);
  const kept = state.serving?.lapsed && same(state.serving, serving) ? state.lines : null;
  const parked = state.parked.find((one) => same(one, serving));
  if (state.serving?.lapsed && !kept && state.lines.length) putAside();
  renewedAt = Date.now();
  set({
    view: "serving",
    serving,
    lines: kept ?? parked?.lines ?? [],
    parked: state.parked.filter((one) => one !== parked),
    chosen: null,
    receipt: null,
    note: null,
  });
  play("scanned");
  tell(say("claimed", { name: serving.name }));
}

/** Another resident's code while somebody is being served: nothing is lost without a question. */
export function anotherCode(code) {
  const { serving, lines } = state;
  if (serving.lapsed) return claim(code);
  const next = async (first) => {
    await first();
    await claim(code);
  };
  if (!lines.length) return next(cancel);
  panel.open({
    kind: "question",
    title: say("another", { name: serving.name, n: basket.pieces(lines) }),
    choices: [
      { label: say("park_and_next"), run: () => next(park), main: true },
      { label: say("cancel_and_next"), run: () => next(cancel), no: true },
    ],
    last: { label: say("go_on", { name: serving.name }) },
  });
}

/** Each action at the till keeps the claim alive; one request in 45 seconds is enough. */
export async function touch() {
  const { serving } = state;
  if (!serving || serving.lapsed || Date.now() - renewedAt < RENEW_MS) return;
  renewedAt = Date.now();
  const answer = await ask(url("renew", serving.id), {});
  if (state.serving?.id !== serving.id) return;
  if (answer.ok) set({ serving: { ...state.serving, until: Date.now() + answer.body.seconds * 1000 } });
  else if (!answer.lost && answer.status < 500 && answer.status !== 401) lapse();
}

/** The claim has run out. The basket stays; one new scan of the same resident goes on. */
export function lapse() {
  if (state.serving && !state.serving.lapsed) set({ serving: { ...state.serving, lapsed: true } });
}

export function watch() {
  setInterval(() => {
    if (state.serving && !state.pending && Date.now() > state.serving.until) lapse();
  }, 2000);
}

export async function cancel() {
  const { serving } = state;
  set({ view: "waiting", serving: null, lines: [], chosen: null, found: [] });
  if (serving && !serving.lapsed) await ask(url("cancel", serving.id), {});
}

function putAside() {
  const { serving, lines, parked } = state;
  set({ parked: [{ name: serving.name, tail: serving.tail, lines, at: Date.now() }, ...parked] });
}

/** Put the basket aside in this window. The code is free again, so going on takes one new scan. */
export async function park() {
  if (state.lines.length) putAside();
  await cancel();
}

export function askToCancel() {
  const { serving, lines } = state;
  if (!lines.length) return cancel();
  panel.open({
    kind: "question",
    title: say("cancel_title", { name: serving.name }),
    lines: [say("cancel_line", { n: basket.pieces(lines) })],
    choices: [
      { label: say("cancel_do"), run: cancel, no: true },
      { label: say("park"), run: park },
    ],
    last: { label: say("go_on", { name: serving.name }) },
  });
}

/** F9 while waiting: say whose code brings which basket back. */
export function resume() {
  const [first] = state.parked;
  if (!first) return tell(say("nothing_parked"));
  set({ note: say("scan_again", { name: first.name }) });
  tell(state.note);
  $("#scan").focus({ preventScroll: true });
}

export function put(item, by = 1) {
  touch();
  set({ lines: basket.add(state.lines, item.id, by), chosen: null, fresh: item.id, found: [], pick: 0 });
  play("scanned");
  const line = state.lines[0];
  tell(say("added", { goods: item.name, n: line.quantity, total: basket.total(state.lines, goods) / 10 ** data.scale }));
}

export function change(item, by) {
  touch();
  const lines = basket.change(state.lines, item, by);
  set({ lines, chosen: lines.some((line) => line.item === item) ? item : null, fresh: null });
}

export function remove(item) {
  touch();
  set({ lines: basket.remove(state.lines, item), chosen: null, fresh: null });
}
