import { expect, test } from "vitest";
import { assignSlots, colourOf, DARK_COLOURS, DASHES, LIGHT_COLOURS, showTogether } from "../src/state/colours";

const names = (count: number) => Array.from({ length: count }, (_, i) => `run-${i}`);

function linear(hex: string): number[] {
  return [1, 3, 5].map((at) => {
    const share = parseInt(hex.slice(at, at + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = linear(hex);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** What eyes without one kind of cone see (Machado, Oliveira and Fernandes 2009), as rows of a matrix. */
const EYES: Readonly<Record<string, readonly number[]>> = {
  all: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

function seen(hex: string, eyes: readonly number[]): number[] {
  const rgb = linear(hex);
  const [r = 0, g = 0, b = 0] = [0, 3, 6].map((row) => {
    const sum = rgb.reduce((total, share, i) => total + share * eyes[row + i]!, 0);
    return Math.min(1, Math.max(0, sum));
  });
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

test.each([
  ["light", LIGHT_COLOURS, "#ffffff"],
  ["dark", DARK_COLOURS, "#121417"],
])("the %s colours stand out from the ground, and from each other for any eyes", (_, colours, ground) => {
  const faint = colours.filter((colour) => contrast(colour, ground) < 3);
  const alike = Object.entries(EYES).flatMap(([name, eyes]) =>
    colours.flatMap((one, i) =>
      colours.slice(i + 1).flatMap((other) => {
        const there = seen(other, eyes);
        const distance = Math.hypot(...seen(one, eyes).map((value, k) => value - there[k]!));
        return distance < (name === "all" ? 0.15 : 0.085) ? [`${name}: ${one} ${other} ${distance.toFixed(3)}`] : [];
      }),
    ),
  );
  expect({ faint, alike }).toEqual({ faint: [], alike: [] });
});

test("ten runs have ten colours and solid lines, fifty have fifty styles", () => {
  const ten = [...assignSlots(names(10)).values()];
  const fifty = [...assignSlots(names(50)).values()];
  expect([new Set(ten).size, Math.max(...ten), new Set(fifty).size]).toEqual([10, 9, 50]);
});

test("the style of a run does not depend on the order in which runs are shown", () => {
  expect(assignSlots(names(30).reverse())).toEqual(assignSlots(names(30)));
});

test("more runs than styles each have one", () => {
  const slots = assignSlots(names(500));
  expect([slots.size, Math.max(...slots.values()) < 10 * DASHES.length]).toEqual([500, true]);
});

test("a run that is shown alone has the colour of its id, and so has one that is not shown", () => {
  const before = colourOf("run-3");
  showTogether(["run-3"]);
  expect(colourOf("run-3")).toEqual(before);
});
