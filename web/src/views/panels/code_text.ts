/** The code that gives the numbers of a panel: all rows of them, not only what is drawn. */

import type { JsonObject } from "../../wire/json";

export type CodeOf = {
  readonly entity: string;
  readonly project: string;
  readonly key: string;
  readonly stream: "history" | "events";
  readonly runs: readonly string[] | null;
  readonly filters: JsonObject | null;
};

/** A value as Python writes it. */
export function pythonText(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : `float("${value}")`;
  if (typeof value === "string") return JSON.stringify(value).replace(/\\\//g, "/");
  if (Array.isArray(value)) return `[${value.map(pythonText).join(", ")}]`;
  const entries = Object.entries(value as object);
  return `{${entries.map(([name, one]) => `${pythonText(name)}: ${pythonText(one)}`).join(", ")}}`;
}

export function pythonCode(of: CodeOf): string {
  const { entity, project, key, stream, runs, filters } = of;
  const only = runs === null ? filters : { run_id: { $in: runs } };
  const chosen = only === null || Object.keys(only).length === 0 ? "" : `, filters=${pythonText(only)}`;
  const system = stream === "events" ? ', stream="system"' : "";
  return [
    "import runlake",
    "",
    `runs = runlake.Api().runs(${pythonText(`${entity}/${project}`)}${chosen})`,
    "# an Arrow table: run_id, _step, and the key",
    `rows = runs.scan([${pythonText(key)}]${system})`,
    "print(rows.to_pandas())",
  ].join("\n");
}

const quoted = (text: string): string => `'${text.replace(/'/g, "''")}'`;

export function sqlCode(of: CodeOf): string {
  const { entity, project, key, stream, runs } = of;
  const only = runs === null ? "" : `\n  AND run_id IN (${runs.map(quoted).join(", ")})`;
  const lines = [
    "-- in DuckDB, beside the store; rows that are sealed",
    "SELECT run_id, step, coalesce(f64, i64) AS value",
    `FROM read_parquet(${quoted(`.runlake/${entity}/${project}/runs/*/segments/*-${stream}.parquet`)})`,
    `WHERE key = ${quoted(key)} AND lane IN ('f64', 'i64')${only}`,
    "QUALIFY generation = max(generation) OVER (PARTITION BY run_id)",
    "ORDER BY run_id, writer, n;",
  ];
  if (runs === null && of.filters !== null) lines.splice(1, 0, "-- the filter of the runs is not in it: add run_id IN (...)");
  return lines.join("\n");
}
