/** A server that makes up its runs: for looking at panels, and for measuring them, without a store. */

export type Shape = "loss" | "noise" | "spikes" | "not finite" | "one point" | "constant" | "huge" | "tiny" | "below nought" | "short";

export type FakeProject = {
  readonly runCount: number;
  readonly rowCount: number;
  readonly keys: readonly string[];
  /** Milliseconds that an answer takes. */
  readonly delayMs: number;
  /** Rows that a live run gains a second. */
  readonly rowsPerS: number;
};

type Query = {
  keys: string[];
  x: string;
  window: [number, number] | null;
  columns: number;
  smoothing: { kind: string; amount: number } | null;
  group_by: string[] | null;
  runs: string[] | null;
  known: Record<string, string> | null;
};

const SHAPES: readonly (readonly [RegExp, Shape])[] = [
  [/finite/, "not finite"], [/one_point/, "one point"], [/constant/, "constant"], [/huge/, "huge"], [/tiny/, "tiny"],
  [/below/, "below nought"], [/spike/, "spikes"], [/noise/, "noise"], [/short/, "short"],
];

function shapeOf(key: string): Shape {
  return SHAPES.find(([pattern]) => pattern.test(key))?.[1] ?? "loss";
}

function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function seedOf(text: string): number {
  let seed = 7;
  for (let i = 0; i < text.length; i++) seed = Math.imul(seed ^ text.charCodeAt(i), 16777619);
  return seed >>> 0;
}

/** The rows of a run, as they were logged. */
function valuesOf(run: string, key: string, rowCount: number): Float64Array {
  const shape = shapeOf(key);
  const random = randomOf(seedOf(run + key));
  const rate = 0.5 + 3 * random();
  const floor = 0.05 + 0.4 * random();
  const noise = 0.02 + 0.1 * random();
  const count = shape === "one point" ? 1 : shape === "short" ? Math.min(12, rowCount) : rowCount;
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const part = i / Math.max(1, count - 1);
    let value = floor + 2 * Math.exp(-rate * 3 * part) + noise * (random() - 0.5);
    if (shape === "noise") value = random() - 0.5 + Math.sin(part * 20 * rate);
    if (shape === "spikes" && random() < 2e-4) value += 20 * random();
    if (shape === "not finite" && random() < 0.02) value = [NaN, Infinity, -Infinity][Math.floor(random() * 3)]!;
    if (shape === "not finite" && part > 0.4 && part < 0.5) value = NaN;
    if (shape === "constant") value = 0.1;
    if (shape === "huge") value = 1e308 * Math.sin(9 * part * rate);
    if (shape === "tiny") value = i % 3 === 0 ? 0 : 5e-324 * (1 + (i % 4));
    if (shape === "below nought") value = 10 ** (3 * Math.cos(9 * part * rate)) - 0.01;
    values[i] = value;
  }
  return values;
}

type Points = { x: number[]; y: number[]; markX: number[]; markKind: number[]; nan: number; up: number; down: number };

/** First, lowest, highest and last of each column. */
function decimated(values: Float64Array, xOf: (row: number) => number, query: Query): Points {
  const points: Points = { x: [], y: [], markX: [], markKind: [], nan: 0, up: 0, down: 0 };
  let from = 0;
  let to = values.length;
  if (query.window !== null) {
    while (from < to && xOf(from) < query.window[0]) from++;
    while (to > from && xOf(to - 1) > query.window[1]) to--;
  }
  const perColumn = Math.max(1, (to - from) / query.columns);
  for (let start = from; start < to; start += perColumn) {
    const [first, end] = [Math.floor(start), Math.min(to, Math.floor(start + perColumn))];
    let chosen = [first, first, first, end - 1];
    let hasGap = false;
    for (let i = first; i < end; i++) {
      const value = values[i]!;
      if (Number.isFinite(value)) {
        if (!(value >= values[chosen[1]!]!)) chosen[1] = i;
        if (!(value <= values[chosen[2]!]!)) chosen[2] = i;
        continue;
      }
      const kind = Number.isNaN(value) ? 0 : value > 0 ? 1 : 2;
      hasGap ||= kind === 0;
      if (kind === 0) points.nan++;
      else if (kind === 1) points.up++;
      else points.down++;
      points.markX.push(xOf(i));
      points.markKind.push(kind);
    }
    chosen = [...new Set(chosen)].sort((one, other) => one - other).filter((i) => Number.isFinite(values[i]!));
    for (const i of chosen) {
      points.x.push(xOf(i));
      points.y.push(values[i]!);
    }
    if (hasGap) {
      points.x.push(xOf(end - 1));
      points.y.push(NaN);
    }
  }
  return points;
}

function smoothed(y: readonly number[], amount: number): number[] {
  let mean = NaN;
  return y.map((value) => {
    if (Number.isNaN(value)) return NaN;
    mean = Number.isNaN(mean) ? value : amount * mean + (1 - amount) * value;
    return mean;
  });
}

class Answer {
  private readonly values: number[] = [];

  put(...arrays: readonly (readonly number[])[]): [number, number] {
    const at = this.values.length;
    for (const array of arrays) for (const value of array) this.values.push(value);
    return [at, arrays[0]!.length];
  }

  bytes(header: object): ArrayBuffer {
    const text = new TextEncoder().encode(JSON.stringify(header));
    const start = Math.ceil((4 + text.length) / 8) * 8;
    const buffer = new ArrayBuffer(start + 8 * this.values.length);
    new DataView(buffer).setUint32(0, text.length, true);
    new Uint8Array(buffer, 4, text.length).set(text);
    new Float64Array(buffer, start).set(this.values);
    return buffer;
  }
}

const BEGIN_S = 1_780_000_000;

export class FakeServer {
  readonly asked: Query[] = [];
  private readonly startedMs = performance.now();
  private readonly rows = new Map<string, Float64Array>();

  constructor(readonly project: FakeProject) {}

  get runIds(): string[] {
    return Array.from({ length: this.project.runCount }, (_, i) => `run${String(i).padStart(4, "0")}`);
  }

  /** Take the place of the real server. */
  install(): void {
    const real = globalThis.fetch;
    globalThis.fetch = async (address, request) => {
      const url = String(address);
      if (!url.includes("/api/v1/")) return real(address, request);
      await new Promise((resolve) => setTimeout(resolve, this.project.delayMs));
      if (request?.signal?.aborted === true) throw new DOMException("ended", "AbortError");
      if (url.endsWith("/tiles")) return new Response(this.tiles(JSON.parse(String(request?.body)) as Query));
      if (url.includes("/keys")) return Response.json(this.keys());
      return new Response("{}", { status: 404 });
    };
  }

  get rowCount(): number {
    const { rowCount, rowsPerS } = this.project;
    return rowCount + Math.floor((rowsPerS * (performance.now() - this.startedMs)) / 1000);
  }

  private keys(): object {
    const keys = this.project.keys.map((key) => ({ key, kind: "number", media_type: null, run_count: this.project.runCount }));
    return { version: "1", total_count: keys.length, keys };
  }

  private tiles(query: Query): ArrayBuffer {
    this.asked.push(query);
    const answer = new Answer();
    const version = String(this.rowCount);
    const series = query.keys.flatMap((key) => this.runIds.map((run) => this.series(answer, run, key, query)));
    const versions = Object.fromEntries(this.runIds.map((run) => [run, version]));
    const shown = query.group_by === null ? series : series.filter((_, i) => i % this.runIds.length < 4).map((one, i) => grouped(answer, one, i));
    const withKey = shown.filter((one) => !(one.key.includes("partly") && Number(String(one.run).slice(3)) % 9 === 0));
    return answer.bytes({
      columns: query.columns, window: [0, this.rowCount], run_count: this.project.runCount, versions, left_out: [], series: withKey,
    });
  }

  private series(answer: Answer, run: string, key: string, query: Query): { run: string | null; key: string; line: [number, number] } {
    const values = this.valuesOf(run, key);
    const paceS = 0.5 + (seedOf(run) % 100) / 100;
    const xOf = query.x === "_step" ? (row: number) => row : (row: number) => row * paceS + (query.x === "_timestamp" ? BEGIN_S : 0);
    const { x, y, markX, markKind, nan, up, down } = decimated(values, xOf, query);
    const finite = y.filter(Number.isFinite);
    const isSmooth = query.smoothing !== null;
    return {
      run, key, group: null, is_unchanged: false, is_exact: true, row_count: values.length, nan_count: nan,
      positive_infinity_count: up, negative_infinity_count: down, lowest: Math.min(...finite), highest: Math.max(...finite),
      last: y.at(-1) ?? null, run_count: 1, line: answer.put(x, isSmooth ? smoothed(y, 0.97) : y),
      raw: isSmooth ? answer.put(x, y) : null, band: null, marks: answer.put(markX, markKind),
    } as never;
  }

  private valuesOf(run: string, key: string): Float64Array {
    const count = this.rowCount;
    const name = `${run} ${key} ${count}`;
    let values = this.rows.get(name);
    if (values === undefined) {
      values = valuesOf(run, key, count);
      if (this.project.rowsPerS === 0) this.rows.set(name, values);
    }
    return values;
  }
}

function grouped(answer: Answer, one: { run: string | null; key: string }, i: number): { run: string | null; key: string; line: [number, number] } {
  const x = Array.from({ length: 200 }, (_, row) => row * 50);
  const y = x.map((at) => 2 * Math.exp(-at / (1000 + 900 * i)) + 0.1 * i + 0.05 * Math.sin(at));
  const band = answer.put(x, y.map((value) => value - 0.15), y.map((value) => value + 0.2));
  const group = { "config.lr": [0.1, 0.01, 0.001, 1e-4][i % 4], "config.optimizer": i % 2 ? "adam" : "sgd" };
  return { ...one, run: null, group, run_count: 12, line: answer.put(x, y), band } as never;
}
