import { expect, test } from "vitest";
import { columnsOf, WrappedLines } from "../src/drawing/wrapped_lines";

test("letters of East Asia are two columns wide, and a tab goes on to the next eighth", () => {
  expect([columnsOf("abc"), columnsOf("a\tb"), columnsOf("漢字"), columnsOf("🚀"), columnsOf("")]).toEqual([3, 9, 4, 2, 0]);
});

test("each line stands behind the rows of those before, and each row is of one line", () => {
  const pages = new Map([[0, ["a".repeat(25), "", "b"]], [2, ["c".repeat(10), "d".repeat(11)]]]);
  const lines = new WrappedLines(pages, 8, 3, 10);
  const begins = Array.from({ length: 9 }, (_, line) => lines.rowOf(line));
  expect(begins).toEqual([0, 3, 4, 5, 6, 7, 8, 9, 11]);
  expect(lines.rowCount).toBe(11);
  expect(Array.from({ length: 11 }, (_, row) => lines.lineAt(row))).toEqual([0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 7]);
});

test("nothing has no rows", () => {
  const lines = new WrappedLines(new Map(), 0, 500, 80);
  expect([lines.rowCount, lines.lineAt(0)]).toEqual([0, 0]);
});
