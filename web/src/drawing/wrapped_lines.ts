/** Where lines stand that are broken at so many letters, of which some are not known yet. Pure. */

/** Lines of the console come in pages of this many. */
export type Pages = ReadonlyMap<number, readonly string[]>;

const TAB_COLUMNS = 8;

/** How many columns a text is wide where every letter has one, and those of East Asia two. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const letter of text) {
    columns = letter === "\t" ? columns + TAB_COLUMNS - (columns % TAB_COLUMNS) : columns + (isWide(letter) ? 2 : 1);
  }
  return columns;
}

function isWide(letter: string): boolean {
  const code = letter.codePointAt(0) ?? 0;
  return code >= 0x1100 && (code <= 0x115f || (code >= 0x2e80 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) ||
    (code >= 0xfe30 && code <= 0xfe6f) || (code >= 0xff00 && code <= 0xff60) || code >= 0x1f300);
}

/** A line that is not known yet has one row. */
export class WrappedLines {
  readonly rowCount: number;
  private readonly begins: number[] = [];
  private readonly rows = new Map<number, readonly number[]>();

  /** Of `lineCount` lines in pages of `pageLines`, each row has `columns`. */
  constructor(
    pages: Pages,
    private readonly lineCount: number,
    private readonly pageLines: number,
    columns: number,
  ) {
    let rowCount = 0;
    for (let page = 0; page * pageLines < lineCount; page += 1) {
      this.begins.push(rowCount);
      const lines = pages.get(page);
      const length = Math.min(pageLines, lineCount - page * pageLines);
      if (lines === undefined) {
        rowCount += length;
        continue;
      }
      const begins: number[] = [];
      for (let line = 0; line < length; line += 1) {
        begins.push(rowCount);
        rowCount += Math.max(1, Math.ceil(columnsOf(lines[line] ?? "") / columns));
      }
      this.rows.set(page, begins);
    }
    this.rowCount = rowCount;
  }

  /** The row that a line begins in. */
  rowOf(line: number): number {
    const page = Math.floor(line / this.pageLines);
    const place = line - page * this.pageLines;
    return line >= this.lineCount ? this.rowCount : (this.rows.get(page)?.[place] ?? (this.begins[page] ?? 0) + place);
  }

  /** The line that a row is of. */
  lineAt(row: number): number {
    let [low, high] = [0, this.lineCount];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.rowOf(middle) <= row) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return low;
  }
}
