/** Tables as text with separators (RFC 4180), read leniently: a quote that never ends takes the rest. */

/** The first `rowLimit` rows. The separator is the tab when the first line has one and no comma. */
export function readCsv(text: string, rowLimit: number): string[][] {
  const head = text.slice(0, text.indexOf("\n") >>> 0);
  const separator = head.includes("\t") && !head.includes(",") ? "\t" : ",";
  const rows: string[][] = [];
  let row: string[] = [];
  let at = 0;
  while (at < text.length && rows.length < rowLimit) {
    const [cell, end] = readCell(text, at, separator);
    row.push(cell);
    const sign = text[end];
    if (sign === separator) {
      at = end + 1;
      if (at === text.length) {
        row.push("");
      }
      continue;
    }
    rows.push(row);
    row = [];
    at = text.startsWith("\r\n", end) ? end + 2 : end + 1;
  }
  return row.length > 0 && rows.length < rowLimit ? [...rows, row] : rows;
}

function readCell(text: string, at: number, separator: string): readonly [string, number] {
  if (text[at] !== '"') {
    let end = at;
    while (end < text.length && text[end] !== separator && text[end] !== "\n" && !text.startsWith("\r\n", end)) {
      end += 1;
    }
    return [text.slice(at, end), end];
  }
  let cell = "";
  let end = at + 1;
  while (end < text.length) {
    const quote = text.indexOf('"', end);
    if (quote < 0) {
      return [cell + text.slice(end), text.length];
    }
    cell += text.slice(end, quote);
    if (text[quote + 1] !== '"') {
      return [cell, quote + 1];
    }
    cell += '"';
    end = quote + 2;
  }
  return [cell, end];
}
