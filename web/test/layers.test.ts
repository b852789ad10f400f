import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { expect, test } from "vitest";

const SOURCES = join(import.meta.dirname, "../src");

/** Which layer may import which, beside itself. */
const BELOW: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  drawing: [],
  state: ["wire"],
  views: ["state", "wire", "drawing"],
};
const IMPORT = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));

function importsOf(name: string): string[] {
  const text = readFileSync(join(SOURCES, name), "utf8");
  return [...text.matchAll(IMPORT)].map((found) => normalize(join(dirname(name), found[1] ?? "")));
}

test("imports point down: views, then drawing and state, then wire", () => {
  const upward = files.flatMap((name) => {
    const layer = name.split("/")[0] ?? "";
    const allowed = [layer, ...(BELOW[layer] ?? Object.keys(BELOW)), "style"];
    return importsOf(name)
      .filter((target) => !allowed.includes(target.split("/")[0] ?? ""))
      .map((target) => `${name} imports ${target}`);
  });
  expect(upward).toEqual([]);
});

test("no files import each other in a circle, not even their types", () => {
  const modules = new Map(files.map((name) => [name.replace(/\.tsx?$/, ""), importsOf(name)]));
  // What imports nothing that is left is no part of a circle.
  for (let before = -1; before !== modules.size; ) {
    before = modules.size;
    for (const [name, targets] of [...modules]) if (!targets.some((target) => modules.has(target))) modules.delete(name);
  }
  expect([...modules.keys()]).toEqual([]);
});

test("drawing and wire know nothing of signals, components or the page", () => {
  const knowing = files.filter(
    (name) => /^(drawing|wire)\//.test(name) && /from "(preact|@preact)/.test(readFileSync(join(SOURCES, name), "utf8")),
  );
  expect(knowing).toEqual([]);
});

test("no file is longer than 400 lines", () => {
  const long = files.filter((name) => readFileSync(join(SOURCES, name), "utf8").split("\n").length > 401);
  expect(long.map((name) => relative(SOURCES, join(SOURCES, name)))).toEqual([]);
});
