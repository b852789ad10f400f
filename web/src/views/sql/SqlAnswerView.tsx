/** An answer: a chart of it, as far as it has numbers, and its rows. */

import { useComputed } from "@preact/signals";
import type { JSX } from "preact";
import { address, setInQuery } from "../../state/address";
import { chartOf, isNumber, isPlace, type SqlChart } from "../../state/sql_chart";
import type { SqlAnswer, SqlPlace } from "../../wire/sql";
import { Choice } from "../panels/Choice";
import { SqlBars } from "./SqlBars";
import { SqlLines } from "./SqlLines";
import { SqlRows } from "./SqlRows";

type SqlAnswerProps = { readonly answer: SqlAnswer; readonly place: SqlPlace };

export function SqlAnswerView({ answer, place }: SqlAnswerProps): JSX.Element {
  const chosen = useComputed(() => chosenIn(address.value.query));
  const chart = chartOf(answer, chosen.value);
  return (
    <>
      {answer.columns.some(isNumber) && answer.row_count > 1 && <Chart answer={answer} chart={chart} />}
      {answer.row_count === 0 ? <p class="soft">No row is so.</p> : <SqlRows answer={answer} place={place} />}
    </>
  );
}

const KINDS = [
  ["line", "lines"],
  ["bars", "bars"],
  ["none", "no chart"],
] as const;

function Chart({ answer, chart }: { readonly answer: SqlAnswer; readonly chart: SqlChart }): JSX.Element {
  const names = answer.columns.map(({ name }) => [name, name] as const);
  const numbers = answer.columns.filter(isNumber).map(({ name }) => [name, name] as const);
  const places = answer.columns.filter(isPlace).map(({ name }) => [name, name] as const);
  return (
    <section class="sql-chart" aria-label="Chart">
      <div class="sql-choices">
        <Choice label="chart" value={chart.kind} options={KINDS} onChoose={(kind) => setInQuery("chart", kind)} />
        {chart.kind !== "none" && (
          <>
            <Choice label={chart.kind === "line" ? "x" : "bar"} value={chart.x} options={chart.kind === "line" ? places : names} onChoose={(name) => setInQuery("x", name)} />
            <Choice label={chart.kind === "line" ? "y" : "length"} value={chart.y} options={numbers} onChoose={(name) => setInQuery("y", name)} />
          </>
        )}
        {chart.kind === "line" && (
          <Choice label="a line for each" value={chart.by} options={[["", "nothing"], ...names]} onChoose={(name) => setInQuery("by", name)} />
        )}
      </div>
      {chart.kind === "line" && <SqlLines answer={answer} chart={chart} />}
      {chart.kind === "bars" && <SqlBars answer={answer} chart={chart} />}
    </section>
  );
}

function chosenIn(query: string): Partial<SqlChart> {
  const said = new URLSearchParams(query);
  const kind = said.get("chart");
  const chosen: { kind?: SqlChart["kind"]; x?: string; y?: string; by?: string } = {};
  if (kind === "line" || kind === "bars" || kind === "none") {
    chosen.kind = kind;
  }
  for (const name of ["x", "y", "by"] as const) {
    const value = said.get(name);
    if (value !== null) {
      chosen[name] = value;
    }
  }
  return chosen;
}
