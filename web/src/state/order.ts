/** Orders as the server reads them: `-summary.loss`, with a comma within a name behind a backslash. */

export type OrderPart = { readonly name: string; readonly isDescending: boolean };

export function readOrder(order: readonly string[]): OrderPart[] {
  return order.map((text) => ({ name: text.replace(/^[+-]/, "").replaceAll("\\,", ","), isDescending: text.startsWith("-") }));
}

export function writeOrder(parts: readonly OrderPart[]): string[] {
  return parts.map(({ name, isDescending }) => `${isDescending ? "-" : "+"}${name.replaceAll(",", "\\,")}`);
}

/**
 * The order behind a click on a column's head: first as is usual for the column, then the other way, then not at all.
 * With `isAdded` the column comes behind those that order already, else it is the only one.
 */
export function toggledOrder(order: readonly string[], name: string, isUsuallyDescending: boolean, isAdded: boolean): string[] {
  const parts = readOrder(order);
  const old = parts.find((part) => part.name === name);
  const isOnly = parts.length === 1;
  if (old === undefined || (!isAdded && !isOnly)) {
    const added = { name, isDescending: isUsuallyDescending };
    return writeOrder(isAdded ? [...parts, added] : [added]);
  }
  if (old.isDescending === isUsuallyDescending) {
    return writeOrder(parts.map((part) => (part === old ? { name, isDescending: !isUsuallyDescending } : part)));
  }
  return writeOrder(parts.filter((part) => part !== old));
}
