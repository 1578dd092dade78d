// The shop's goods in this page: found by bar code, by name, or by the first letters of the name's pinyin.

import { data } from "./page.js";
import { ask } from "./server.js";

export let goods = new Map(data.goods.map((item) => [item.id, item]));

/** Fetch the goods again: prices and shelves change while the page stays open for hours. */
export async function refresh() {
  const answer = await ask(data.urls.goods, null);
  if (answer.ok) goods = new Map(answer.body.goods.map((item) => [item.id, item]));
}

const plain = (text) => text.normalize("NFKC").toLowerCase().replaceAll(/\s+/g, "");

export const byBarcode = (text) =>
  [...goods.values()].find((item) => item.barcode && plain(item.barcode) === plain(text)) ?? null;

/** Goods whose name, size or pinyin letters begin with or contain what was typed; better matches first. */
export function search(text, most = 6) {
  const wanted = plain(text);
  if (!wanted) return [];
  const rank = (item) => {
    const name = plain(item.name + item.size);
    const letters = item.letters.split(" ");
    if (name.startsWith(wanted)) return 0;
    if (letters.some((one) => one.startsWith(wanted))) return 1;
    if (name.includes(wanted)) return 2;
    return letters.some((one) => one.includes(wanted)) ? 3 : 9;
  };
  return [...goods.values()]
    .map((item) => [rank(item), item])
    .filter(([order]) => order < 9)
    .sort(([one], [other]) => one - other)
    .slice(0, most)
    .map(([, item]) => item);
}

export const all = () => [...goods.values()].sort((one, other) => other.taken - one.taken);

/** The six that go out most, most first. */
export const often = () => all().slice(0, 6);

export const fullName = (item) => (item.size ? `${item.name} ${item.size}` : item.name);
