/** Rows of an answer as bars. */

import type { JSX } from "preact";
import { useCallback, useMemo } from "preact/hooks";
import { barsHeight, drawBars } from "../../drawing/bars";
import { barsOfColumns, MOST_BARS } from "../../drawing/columns_chart";
import type { Surface, Theme } from "../../drawing/surface";
import { colourOf, isDark } from "../../state/colours";
import { numbersOf, wordsOf, type SqlChart } from "../../state/sql_chart";
import type { SqlAnswer } from "../../wire/sql";
import { formatCount } from "../parts/format";
import { SqlCanvas, type Size } from "./SqlCanvas";

export function SqlBars({ answer, chart }: { readonly answer: SqlAnswer; readonly chart: SqlChart }): JSX.Element {
  const { x, y } = chart;
  const bars = useMemo(() => barsOfColumns(wordsOf(answer, x), numbersOf(answer, y), colourOf), [answer, x, y, isDark.value]);
  const draw = useCallback((surface: Surface, { width }: Size, theme: Theme) => drawBars(surface, bars, width, theme), [bars]);
  return (
    <>
      <SqlCanvas label={`${y} of each ${x}, as bars`} height={barsHeight(bars.length)} draw={draw} />
      {answer.row_count > MOST_BARS && <p class="soft sql-note">The first {MOST_BARS} of {formatCount(answer.row_count)} rows.</p>}
    </>
  );
}
