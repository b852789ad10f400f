import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chartsShown, expectDrawing, noteDrawn } from "../src/state/charts_first";
import { ChartCanvas } from "../src/views/panels/chart_canvas";
import { DrawQueue } from "../src/views/panels/draw_queue";

let frames: (() => void)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (frame: () => void) => frames.push(frame));
});

afterEach(() => {
  vi.runAllTimers();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** What of some waits is over, after so long. */
async function overAfter(ms: number, waits: Readonly<Record<string, Promise<void>>>): Promise<string[]> {
  const over: string[] = [];
  for (const [name, wait] of Object.entries(waits)) void wait.then(() => over.push(name));
  await vi.advanceTimersByTimeAsync(ms);
  return over;
}

/** Have the oldest frame that was asked for. */
async function frame(): Promise<void> {
  frames.shift()?.();
  await vi.advanceTimersByTimeAsync(0);
}

test("where no chart is on its way a table waits for nothing", async () => {
  expect(await overAfter(0, { table: chartsShown() })).toEqual(["table"]);
});

test("a table waits for the frame that shows the lines", async () => {
  expectDrawing();
  const table = chartsShown();
  noteDrawn();
  expect(await overAfter(20, { table })).toEqual([]);
  await frame();
  expect(await overAfter(0, { table })).toEqual(["table"]);
});

test("a table waits no longer than a quarter of a second", async () => {
  expectDrawing();
  const table = chartsShown();
  expect(await overAfter(249, { table })).toEqual([]);
  expect(await overAfter(1, { table })).toEqual(["table"]);
});

test("the frame of earlier lines ends no wait for others", async () => {
  expectDrawing();
  noteDrawn();
  noteDrawn();
  await frame();
  expectDrawing();
  const table = chartsShown();
  await frame();
  expect(await overAfter(50, { table })).toEqual([]);
  noteDrawn();
  await frame();
  expect(await overAfter(0, { table })).toEqual(["table"]);
});

test("a chart that knows its size and has no lines yet ends no wait", async () => {
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("matchMedia", () => new EventTarget());
  const element = { getContext: () => null } as unknown as HTMLCanvasElement;
  const canvas = new ChartCanvas(element, element, new DrawQueue());
  expectDrawing();
  canvas.resize(400, 200);
  const table = chartsShown();
  await vi.advanceTimersByTimeAsync(20);
  await frame();
  expect(await overAfter(20, { table })).toEqual([]);
});
