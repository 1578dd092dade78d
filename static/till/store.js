// What the till remembers in this window: the basket, whom it serves, a confirmation without answer, parked baskets.
// A reload, a crash of the page or a lost answer loses none of it; closing the window does. Masked names only.

import { data } from "./page.js";

const KEY = `till:${data.till.id}:${data.clerk}`;

const EMPTY = { serving: null, lines: [], pending: null, parked: [] };

export function load() {
  try {
    return { ...EMPTY, ...JSON.parse(sessionStorage.getItem(KEY) ?? "{}") };
  } catch {
    return { ...EMPTY };
  }
}

export function save({ serving, lines, pending, parked }) {
  sessionStorage.setItem(KEY, JSON.stringify({ serving, lines, pending, parked }));
}

export function forget() {
  sessionStorage.removeItem(KEY);
}
