/**
 * Which values of the config matter for a metric: their importance to a random forest that predicts it, and their
 * correlation with it. The importances add up to 1. The same runs give the same answer.
 */

import { hashOf } from "./colours";

export type Importance = {
  readonly name: string;
  readonly importance: number;
  /** Pearson's; null where it has none: text, or the same number in all runs. */
  readonly correlation: number | null;
  readonly runCount: number;
};

const TREES = 60;
const MOST_DEPTH = 12;
const LEAST_RUNS = 2;

/** What each run has under a name. */
export type Parameter = { readonly name: string; readonly values: readonly unknown[] };

type Feature = { readonly parameter: number; readonly numbers: Float64Array };

const isAbsent = (value: unknown): boolean => value === null || value === undefined;

function ranksOf(values: readonly unknown[]): Float64Array {
  const numbers = values.map(Number);
  const sorted = [...new Set(numbers)].sort((one, other) => one - other);
  const places = new Map(sorted.map((value, i) => [value, i]));
  return Float64Array.from(numbers, (value) => places.get(value)!);
}

/** A parameter as features: the ranks of numbers, or one for each different value; none where all runs have the same. */
function featuresOf({ values }: Parameter, parameter: number): Feature[] {
  if (values.every((value) => typeof value === "number" && Number.isFinite(value))) {
    const numbers = ranksOf(values);
    return numbers.some((rank) => rank > 0) ? [{ parameter, numbers }] : [];
  }
  const words = values.map((value) => (isAbsent(value) ? "" : String(value)));
  const kinds = [...new Set(words)].sort();
  if (kinds.length < 2) return [];
  return kinds.map((kind) => ({ parameter, numbers: Float64Array.from(words, (word) => (word === kind ? 1 : 0)) }));
}

type Split = { readonly feature: Feature; readonly cut: number; readonly gain: number };

/** The split that leaves the least squares, of some features. */
function bestSplit(features: readonly Feature[], runs: readonly number[], metric: Float64Array): Split | null {
  let best: Split | null = null;
  const total = runs.reduce((sum, run) => sum + metric[run]!, 0);
  for (const feature of features) {
    const order = [...runs].sort((one, other) => feature.numbers[one]! - feature.numbers[other]!);
    let left = 0;
    for (let i = 1; i < order.length; i++) {
      left += metric[order[i - 1]!]!;
      const [below, above] = [feature.numbers[order[i - 1]!]!, feature.numbers[order[i]!]!];
      if (below === above) continue;
      const right = total - left;
      const gain = (left * left) / i + (right * right) / (order.length - i) - (total * total) / order.length;
      if (gain > (best?.gain ?? 1e-12)) best = { feature, cut: (below + above) / 2, gain };
    }
  }
  return best;
}

function grow(features: readonly Feature[], runs: readonly number[], metric: Float64Array, gains: Float64Array): void {
  const waiting: { runs: readonly number[]; depth: number }[] = [{ runs, depth: 0 }];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.runs.length < LEAST_RUNS || node.depth >= MOST_DEPTH) continue;
    const split = bestSplit(features, node.runs, metric);
    if (split === null) continue;
    gains[split.feature.parameter]! += split.gain;
    const isLeft = (run: number): boolean => split.feature.numbers[run]! < split.cut;
    waiting.push({ runs: node.runs.filter(isLeft), depth: node.depth + 1 });
    waiting.push({ runs: node.runs.filter((run) => !isLeft(run)), depth: node.depth + 1 });
  }
}

function correlationOf(values: readonly unknown[], metric: Float64Array): number | null {
  if (!values.every((value) => isAbsent(value) || (typeof value === "number" && Number.isFinite(value)))) return null;
  const pairs = values.flatMap((value, i) => (isAbsent(value) ? [] : [[value as number, metric[i]!] as const]));
  const mean = (place: 0 | 1) => pairs.reduce((sum, pair) => sum + pair[place] / pairs.length, 0);
  const [meanX, meanY] = [mean(0), mean(1)];
  let [xx, yy, xy] = [0, 0, 0];
  for (const [x, y] of pairs) {
    xx += (x - meanX) ** 2;
    yy += (y - meanY) ** 2;
    xy += (x - meanX) * (y - meanY);
  }
  return xx > 0 && yy > 0 ? Math.max(-1, Math.min(1, xy / Math.sqrt(xx * yy))) : null;
}

/** Between 0 and 1, so that squares of large values are finite. */
function scaled(values: readonly number[]): Float64Array {
  const low = Math.min(...values) / 2;
  const half = Math.max(...values) / 2 - low;
  return Float64Array.from(values, (value) => (half > 0 ? (value / 2 - low) / half : 0));
}

/** The parameters that differ between the runs that have the metric, the most important one first. */
export function importanceOf(parameters: readonly Parameter[], metric: readonly unknown[]): Importance[] {
  const runs = metric.flatMap((value, i) => (typeof value === "number" && Number.isFinite(value) ? [i] : []));
  if (runs.length < 2) return [];
  const given = parameters.map(({ name, values }) => ({ name, values: runs.map((run) => values[run]) }));
  const reached = scaled(runs.map((run) => metric[run] as number));
  const features = given.flatMap(featuresOf);
  const gains = new Float64Array(given.length);
  for (let tree = 0; tree < TREES; tree++) {
    const drawn = runs.map((_, i) => hashOf(`${tree} ${i}`) % runs.length);
    grow(features, drawn, reached, gains);
  }
  const total = gains.reduce((sum, gain) => sum + gain, 0);
  const differing = new Set(features.map(({ parameter }) => parameter));
  const found = given.flatMap(({ name, values }, i) =>
    differing.has(i)
      ? [{
          name,
          importance: total > 0 ? gains[i]! / total : 0,
          correlation: correlationOf(values, reached),
          runCount: values.filter((value) => !isAbsent(value)).length,
        }]
      : [],
  );
  return found.sort((one, other) => other.importance - one.importance || (one.name < other.name ? -1 : 1));
}
