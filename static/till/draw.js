// Draws the till's state into the page. Nothing here decides anything.

import * as basket from "./basket.js";
import { fullName, goods, often } from "./goods.js";
import { $, $$, fill, made, points, say, showView } from "./page.js";

const MINUTE = 60_000;

export function draw(state) {
  showView(state.view);
  $("#main").className = state.view === "waiting" ? "waiting" : state.view;
  $("#side").classList.toggle("late", state.view === "serving");
  document.body.dataset.busy = state.busy ?? (state.pending ? "confirm" : "");
  drawField(state);
  drawFound(state);
  drawBasket(state);
  drawPerson(state);
  drawSums(state);
  drawParked(state);
  drawReceipt(state);
}

function drawField({ view, serving, note }) {
  const words = view === "waiting" ? "code" : view === "receipt" ? "next" : serving.lapsed ? "rescan" : "goods";
  const field = $("#scan");
  field.placeholder = say(`${words}_here`);
  field.inputMode = words === "goods" ? "text" : "numeric";
  $("#scan-label").textContent = say(`${words}_label`);
  $("#note").hidden = !note || view === "receipt";
  fill($("#note"), { note: note ?? "" });
}

function drawFound({ found, pick }) {
  const list = $("#found");
  list.hidden = !found.length;
  list.replaceChildren(
    ...found.map((id, place) => {
      const item = goods.get(id);
      const row = made("found-template", {
        name: fullName(item),
        price: say("points", { n: points(item.points) }),
        shelf: item.pieces > 0 ? "" : say("gone"),
      });
      row.dataset.item = id;
      row.setAttribute("aria-selected", String(place === pick));
      if (place === pick) queueMicrotask(() => row.scrollIntoView({ block: "nearest" }));
      return row;
    }),
  );
}

function drawBasket({ lines, chosen, fresh }) {
  $("#basket").hidden = !lines.length || document.body.dataset.view !== "serving";
  $("#basket").replaceChildren(...lines.map((line, place) => basketLine(line, place, chosen, fresh)));
  const tiles = $("#tiles");
  tiles.replaceChildren(
    ...often().map((item) => {
      const tile = made("tile-template", { name: item.name, price: say("points", { n: points(item.points) }) });
      $("img", tile).src = item.picture;
      tile.dataset.item = item.id;
      return tile;
    }),
  );
}

function basketLine({ item: id, quantity }, place, chosen, fresh) {
  const item = goods.get(id);
  if (!item) return made("line-template", { name: "?", each: say("not_here"), quantity, price: "" });
  const each = say("each", { measure: item.measure, n: points(item.points) });
  const node = made("line-template", { name: fullName(item), each, quantity });
  fill(node, { price: say("points", { n: points(item.points * quantity) }) });
  fill(node, { now: id === fresh ? say("just_scanned") : "" });
  fill(node, { shelf: quantity > item.pieces ? say("shelf_says", { n: item.pieces, measure: item.measure }) : "" });
  node.dataset.item = id;
  node.classList.toggle("new", id === (chosen ?? fresh));
  node.classList.toggle("chosen", chosen ? id === chosen : place === 0);
  $("img", node).src = item.picture;
  const label = (name, words) => $(`[data-do="${name}"]`, node).setAttribute("aria-label", say(words, item));
  label("less", "one_less");
  label("more", "one_more");
  label("remove", "remove_all");
  $("output", node).setAttribute("aria-label", say("quantity_of", item));
  return node;
}

function drawPerson({ serving, lines }) {
  if (!serving) return;
  fill($("#person"), { name: serving.name, tail: serving.tail, balance: say("points", { n: points(serving.balance) }) });
  const minutes = Math.max(1, Math.ceil((serving.until - Date.now()) / MINUTE));
  const claim = $("#claim");
  claim.classList.toggle("wait", serving.lapsed);
  $("use", claim).setAttribute("href", serving.lapsed ? "#i-clock" : "#i-okc");
  fill(claim, { claim: serving.lapsed ? say("lapsed_line") : say(`held_${serving.means}`, { n: minutes }) });
  claim.classList.toggle("only-pc", !serving.lapsed);
  drawTerms(serving.terms ?? { cannot: [], left: [] });
  const limits = [...cardRows(serving), ...serving.limits.map((limit) => limitRow(limit, lines))];
  $("#limits").hidden = !limits.length;
  $("#limits dl").replaceChildren(...limits);
}

/** What the rulebook says: all that stands in the way, else what it leaves this resident. */
function drawTerms({ cannot, left }) {
  const note = $("#terms");
  const said = cannot.length ? cannot : left;
  note.hidden = !said.length;
  note.classList.toggle("wait", cannot.length > 0);
  const lines = said.map((one) => Object.assign(document.createElement("span"), { className: "term", textContent: one }));
  $("span", note).replaceChildren(...lines);
}

function cardRows({ card }) {
  if (!card) return [];
  const row = (what, minor) => made("limit-template", { what: say(what), left: say("points", { n: points(minor) }) });
  return [row("card_once", card.once_points), row("card_today", card.today_points)];
}

function limitRow(limit, lines) {
  const inBasket = limit.item ? (lines.find((line) => line.item === limit.item)?.quantity ?? 0) : Math.min(1, lines.length);
  const left = limit.left - inBasket;
  const measure = limit.measure || say("times");
  const row = made("limit-template", {
    what: limit.what,
    left: left >= 0 ? say("still", { n: left, measure }) : say("too_many", { n: -left, measure }),
  });
  row.classList.toggle("over", left < 0);
  return row;
}

function drawSums({ serving, lines, pending, busy }) {
  if (!serving && !pending) return;
  const cost = basket.total(lines, goods);
  const after = (serving?.balance ?? cost) - cost;
  const texts = {
    kinds: say("sum_of", { kinds: lines.length, n: basket.pieces(lines) }),
    count: say("sum_short", { n: basket.pieces(lines) }),
    total: points(cost),
    "total-unit": say("points", { n: points(cost) }),
    after: after < 0 ? say("missing") : say("remains"),
    rest: say("points", { n: points(Math.abs(after)) }),
    "after-rest": say(after < 0 ? "missing_n" : "remains_n", { n: points(Math.abs(after)) }),
  };
  for (const place of $$(".sums")) fill(place, texts);
  const waits = busy === "confirm" || Boolean(pending);
  const held = Boolean(document.body.dataset.held);
  for (const button of $$('[data-do="confirm"]')) {
    const long = button.classList.contains("only-pc");
    const words = waits ? "confirming" : serving?.lapsed ? "scan_first" : !lines.length ? "empty" : long ? "confirm" : "confirm_short";
    fill(button, { label: held && !waits ? say("see_panel") : say(words, { n: points(cost) }) });
    button.disabled = waits || held || !lines.length || Boolean(serving?.lapsed);
    $("kbd", button)?.toggleAttribute("hidden", button.disabled);
  }
}

function drawParked({ parked }) {
  $("#parked").hidden = !parked.length;
  $("#parked ul").replaceChildren(
    ...parked.map((one, place) => {
      const minutes = Math.floor((Date.now() - one.at) / MINUTE);
      const words = minutes ? "parked_since" : "parked_now";
      const row = made("parked-template", {
        words: say(words, { name: one.name, n: basket.pieces(one.lines), minutes }),
      });
      row.dataset.place = place;
      return row;
    }),
  );
}

function drawReceipt({ view, receipt, note }) {
  if (view !== "receipt" || !receipt) return;
  const place = $("#receipt");
  fill(place, {
    title: say("thanks", { name: receipt.name }),
    note: note ?? "",
    number: receipt.number,
    time: receipt.time,
    who: say("who_tail", { name: receipt.name, tail: receipt.tail }),
    total: say("points", { n: points(receipt.points) }),
    before: say("points", { n: points(receipt.before) }),
    after: say("points", { n: points(receipt.after) }),
  });
  $(".again", place).hidden = !note;
  $(".goods-lines", place).replaceChildren(
    ...receipt.lines.map((line) => made("receipt-line-template", { what: line.what, price: say("points", { n: points(line.points) }) })),
  );
}
