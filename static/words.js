// Sentences filled in by a script. points/web/plurals.py does the same for those that a page brings ready.

/** filled("{n} [photo|photos] chosen", { n: 1 }): the first form for one, the second for any other number; the number is
 *  the value named last before the forms, or else the first behind them. */
export function filled(sentence, values) {
  const number = (text, pick) => pick([...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
  return sentence
    .replace(/\[([^[\]|]*)\|([^[\]|]*)\]/g, (_, one, other, at) => {
      const name = number(sentence.slice(0, at), (all) => all.at(-1)) ?? number(sentence.slice(at), (all) => all[0]);
      return /^[-+−]?1$/.test(String(values[name]).trim()) ? one : other;
    })
    .replace(/\{(\w+)\}/g, (place, name) => (name in values ? String(values[name]) : place));
}
