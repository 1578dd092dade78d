// A refusal of the server, as a panel with ways out. The server's sentence says what is wrong and what to do; here we
// only add what was in the basket and the buttons that put it right. The server stays the judge: after a way out the
// clerk confirms again.

import * as basket from "./basket.js";
import { goods, refresh } from "./goods.js";
import * as panel from "./panel.js";
import { points, say } from "./page.js";
import { cancel, lapse } from "./serving.js";
import { set, state } from "./state.js";

/** The first sentence is the title, the rest stands below it; that nothing was taken is always said. */
function told(message) {
  const [title, ...rest] = message.split(/(?<=。)|(?<=\. )/);
  const nothing = say("nothing_taken");
  const lines = rest.map((one) => one.trim()).filter((one) => one && one !== nothing);
  return { title: title.replace(/。$/, ""), lines: [lines.join(""), nothing] };
}

const named = (item, quantity) =>
  say("pieces_of", { n: quantity, measure: goods.get(item).measure, goods: goods.get(item).name });

/** Take goods out of the basket: a way out. `away` is [{ item, quantity }]. */
function takeAway(away, cost) {
  const whole = away.every(({ item, quantity }) => state.lines.find((line) => line.item === item)?.quantity === quantity);
  const what = away.map(({ item, quantity }) => (whole ? goods.get(item).name : named(item, quantity))).join(say("and"));
  return {
    label: say(whole ? "take_out" : "take_fewer", { goods: what, total: points(cost) }),
    run: () => set({ lines: basket.without(state.lines, away), chosen: null, fresh: null }),
  };
}

function waysDown(most) {
  return basket
    .waysToAfford(state.lines, goods, most)
    .map((way, place) => ({ ...takeAway(way.away, way.total), main: place === 0 }));
}

/** Cut lines to what there is: { item: pieces left }. */
function waysToCut(left) {
  const over = state.lines
    .filter((line) => line.item in left && line.quantity > left[line.item])
    .map((line) => ({ item: line.item, quantity: line.quantity - left[line.item] }));
  if (!over.length) return [];
  const rest = basket.without(state.lines, over);
  return [{ ...takeAway(over, basket.total(rest, goods)), main: true }];
}

// What is asked of the resident or of the day, whatever is in the basket.
const HOPELESS = [
  "redemption_closed",
  "too_few_to_begin",
  "not_for_redeeming",
  "level_bars",
  "barred_from_redeeming",
  "redeemed_often_enough",
];

const byItem = (pairs) => Object.fromEntries(pairs.filter(([item]) => item));

/** Nothing in the basket would put it right: the next resident may come. */
const noWay = () => ({ choices: [{ label: say("end_here"), run: cancel, main: true }] });

const orNoWay = (choices) => (choices.length ? { choices } : noWay());

const WAYS = {
  insufficient_points: ({ missing_points: missing }) => {
    const cost = basket.total(state.lines, goods);
    return {
      title: say("short", { n: points(missing) }),
      lines: [say("short_line", { total: points(cost), name: state.serving.name, balance: points(cost - missing) })],
      choices: waysDown(cost - missing),
      correct: { balance: cost - missing },
    };
  },
  sold_out: ({ available }) => ({ choices: waysToCut(available ?? {}) }),
  limit_reached: ({ reached = [] }) => ({ choices: waysToCut(byItem(reached.map((one) => [one.item_id, one.left]))) }),
  not_sold: ({ items = [] }) => ({ choices: waysToCut(byItem(items.map((item) => [item, 0]))) }),
  goods_not_for_them: ({ items = [] }) => orNoWay(waysToCut(byItem(items.map((item) => [item, 0])))),
  points_must_stay: ({ most_points: most }) => orNoWay(most > 0 ? waysDown(most) : []),
  redeemed_enough: ({ left_points: left }) => orNoWay(left > 0 ? waysDown(left) : []),
  ...Object.fromEntries(HOPELESS.map((error) => [error, noWay])),
  card_limit: ({ limit_points: most }) => ({ choices: waysDown(most) }),
  card_daily_limit: ({ limit_points: most, used_points: used }) => ({ choices: waysDown(most - used) }),
};

/** Show a refusal. about: "code" (of a claim) or "basket" (of a confirmation). */
export function refused(answer, { about, again }) {
  if (answer.lost || answer.status >= 500) {
    return panel.open({ title: say("slow"), choices: [{ label: say("try_again"), run: again, main: true }] });
  }
  const { error, message, facts } = answer.body;
  if (["sign_in_needed", "second_factor_needed", "bad_token"].includes(error)) {
    const reload = { label: say("reload"), run: () => location.reload(), main: true };
    return panel.open({ ...told(message), choices: [reload] });
  }
  if (["serving_lapsed", "serving_ended"].includes(error)) lapse();
  if (["price_changed", "sold_out", "not_sold"].includes(error)) refresh().then(() => set({}));
  const special = about === "basket" && WAYS[error] ? WAYS[error](facts) : {};
  if (special.correct) set({ serving: { ...state.serving, ...special.correct } });
  return panel.open({
    ...told(message),
    ...special,
    last: { label: say(about === "basket" && !state.serving?.lapsed ? "change_self" : "scan_anew") },
  });
}

