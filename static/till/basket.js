// The basket as plain data: [{ item, quantity }], newest first. Nothing here touches the page or the network.

/** One more of an item; it comes to the top. */
export function add(lines, item, quantity = 1) {
  const there = lines.find((line) => line.item === item);
  const rest = lines.filter((line) => line !== there);
  return [{ item, quantity: (there?.quantity ?? 0) + quantity }, ...rest];
}

/** Change the quantity of a line in its place; at zero it is gone. */
export function change(lines, item, by) {
  return lines
    .map((line) => (line.item === item ? { ...line, quantity: line.quantity + by } : line))
    .filter((line) => line.quantity > 0);
}

export function remove(lines, item) {
  return lines.filter((line) => line.item !== item);
}

export const pieces = (lines) => lines.reduce((sum, line) => sum + line.quantity, 0);

export const total = (lines, goods) =>
  lines.reduce((sum, line) => sum + (goods.get(line.item)?.points ?? 0) * line.quantity, 0);

/**
 * What to take away so that the basket costs no more than `most`: up to two ways, the dearest remaining basket first.
 * One line (or some of its pieces) is tried before two lines. Each way: { away: [{ item, quantity }], total }.
 */
export function waysToAfford(lines, goods, most) {
  const cost = total(lines, goods);
  const cut = (line, over) => {
    const price = goods.get(line.item).points;
    const quantity = Math.min(line.quantity, Math.ceil(over / price));
    return { item: line.item, quantity, saved: quantity * price };
  };
  const over = cost - most;
  if (over <= 0) return [];
  const singles = lines.map((line) => [cut(line, over)]);
  const pairs = lines.flatMap((first, i) =>
    lines.slice(i + 1).map((second) => {
      const whole = cut(first, Infinity);
      return [whole, cut(second, over - whole.saved)];
    }),
  );
  const enough = (way) => way.every((one) => one.quantity > 0) && way.reduce((sum, one) => sum + one.saved, 0) >= over;
  const fits = singles.some(enough) ? singles.filter(enough) : pairs.filter(enough);
  return fits
    .map((away) => ({ away, total: cost - away.reduce((sum, one) => sum + one.saved, 0) }))
    .sort((one, other) => other.total - one.total)
    .slice(0, 2);
}

/** The basket without what a way takes away. */
export function without(lines, away) {
  return away.reduce((left, one) => change(left, one.item, -one.quantity), lines);
}
