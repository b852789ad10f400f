import { afterEach, expect, test } from "vitest";
import { fetchRunNames, nameOfRun } from "../src/state/run_names";
import type { RunTriple } from "../src/wire/artifacts";
import { answerFrom } from "../src/wire/http";

const asked: string[] = [];

afterEach(() => {
  asked.length = 0;
});

/** A server with one project, whose runs are called by their ids in capitals; `gone` is deleted. */
function serve(status: number): void {
  answerFrom(async (address, request) => {
    asked.push(address);
    if (!address.includes("/ada/vision/")) return new Response(JSON.stringify({ error: { type: "Refused", message: "no" } }), { status });
    const ids = (JSON.parse(request.body as string) as { run_ids: string[] }).run_ids.filter((id) => id !== "gone");
    return new Response(JSON.stringify({ run_ids: ids, columns: { name: ids.map((id) => id.toUpperCase()) } }));
  });
}

const RUNS: readonly RunTriple[] = [["ada", "vision", "a"], ["bob", "secret", "b"], ["ada", "vision", "gone"], ["ada", "vision", "c"]];

test.each([403, 404])("runs are called by their names, those that answer %d or are gone by their ids, with one question a project", async (status) => {
  serve(status);
  const names = await fetchRunNames(RUNS);
  expect(RUNS.map((run) => nameOfRun(names, run))).toEqual(["A", "b", "gone", "C"]);
  expect(asked.toSorted()).toEqual(["./api/v1/projects/ada/vision/runs/columns", "./api/v1/projects/bob/secret/runs/columns"]);
});

test("a server that fails is told", async () => {
  serve(500);
  await expect(fetchRunNames(RUNS)).rejects.toThrow("no");
});
