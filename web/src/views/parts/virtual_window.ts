/** Which rows of a long list are mounted, and how far it must scroll: arithmetic of pixels, no page. */

export type Window = { readonly first: number; readonly end: number };

/** Rows from `first` to before `end`: what is in sight, and `spare` above and below. */
export function rowsInSight(scrollPx: number, heightPx: number, rowPx: number, rowCount: number, spare: number): Window {
  const first = Math.max(0, Math.floor(scrollPx / rowPx) - spare);
  const end = Math.min(rowCount, Math.ceil((scrollPx + heightPx) / rowPx) + spare);
  return { first: Math.min(first, Math.max(0, end)), end: Math.max(0, end) };
}

/** Where to scroll so that a row is whole in sight below what covers `coveredPx` at the top; as now when it is. */
export function scrollToRow(row: number, scrollPx: number, heightPx: number, rowPx: number, coveredPx: number): number {
  const top = row * rowPx;
  const roomPx = Math.max(rowPx, heightPx - coveredPx);
  if (top < scrollPx) {
    return top;
  }
  return top + rowPx > scrollPx + roomPx ? top + rowPx - roomPx : scrollPx;
}
