/** Histograms over steps as a heat map: one column a histogram, on bins shared by all; numbers in, pixels out. */

export type Histogram = { readonly step: number; readonly values: readonly number[]; readonly bins: readonly number[] };
export type HeatMap = {
  readonly steps: readonly number[];
  readonly low: number;
  readonly high: number;
  /** Shares of a column's count, column after column, the lowest bin first. */
  readonly shares: Float64Array;
  readonly rowCount: number;
  readonly largest: number;
};

/** All histograms on `rowCount` equal bins: each of their bins is spread over those that it covers. */
export function heatMap(histograms: readonly Histogram[], rowCount: number): HeatMap | null {
  const usable = histograms.filter(({ values, bins }) => values.length > 0 && bins.length === values.length + 1);
  const edges = usable.flatMap(({ bins }) => [bins[0] ?? 0, bins[bins.length - 1] ?? 0]).filter(Number.isFinite);
  if (edges.length === 0) {
    return null;
  }
  const low = Math.min(...edges);
  const high = Math.max(...edges);
  const width = (high - low || 1) / rowCount;
  const shares = new Float64Array(usable.length * rowCount);
  usable.forEach(({ values, bins }, column) => {
    const total = values.reduce((sum, value) => sum + value, 0) || 1;
    values.forEach((value, i) => {
      const from = ((bins[i] ?? low) - low) / width;
      const to = ((bins[i + 1] ?? low) - low) / width;
      spread(shares.subarray(column * rowCount, (column + 1) * rowCount), from, to, value / total);
    });
  });
  const largest = shares.reduce((most, share) => Math.max(most, share), 0);
  return { steps: usable.map(({ step }) => step), low, high, shares, rowCount, largest };
}

function spread(column: Float64Array, from: number, to: number, share: number): void {
  const first = Math.max(0, Math.min(column.length - 1, Math.floor(from)));
  const last = Math.max(first, Math.min(column.length - 1, Math.ceil(to) - 1));
  for (let row = first; row <= last; row += 1) {
    const part = to > from ? (Math.min(to, row + 1) - Math.max(from, row)) / (to - from) : 1;
    column[row] = (column[row] ?? 0) + share * Math.max(0, part);
  }
}

/** Pixels of the map, RGBA, one a cell, the highest bin at the top; `ink` is what a full cell is drawn with. */
export function heatMapPixels(map: HeatMap, ink: readonly [number, number, number]): Uint8ClampedArray {
  const columnCount = map.steps.length;
  const pixels = new Uint8ClampedArray(columnCount * map.rowCount * 4);
  for (let column = 0; column < columnCount; column += 1) {
    for (let row = 0; row < map.rowCount; row += 1) {
      const share = map.shares[column * map.rowCount + row] ?? 0;
      const at = ((map.rowCount - 1 - row) * columnCount + column) * 4;
      pixels.set(ink, at);
      pixels[at + 3] = 255 * Math.sqrt(share / (map.largest || 1)); // a root: rare values are seen too
    }
  }
  return pixels;
}
