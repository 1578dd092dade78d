// What the till is doing. Everything that changes goes through `set`, which remembers it and draws it.
//
// view      waiting | serving | receipt
// serving   { id, name, tail, balance, means, until, began, lapsed, limits, card } or null
// lines     the basket, newest first: [{ item, quantity }]
// pending   a confirmation without its answer: { key, serving, lines, total, name, tries }
// parked    baskets put aside: [{ name, tail, lines, at }]
// chosen    the basket line that + − Del mean, by item; null is the newest
// found     goods that match what is typed, with `pick`, the one Enter would take
// busy      "claim" or "confirm" while an answer is awaited

import * as store from "./store.js";
import { draw } from "./draw.js";

export const state = {
  view: "waiting",
  chosen: null,
  fresh: null,
  found: [],
  pick: 0,
  busy: null,
  receipt: null,
  note: null,
  ...store.load(),
};

export function set(changes) {
  Object.assign(state, changes);
  store.save(state);
  draw(state);
}
