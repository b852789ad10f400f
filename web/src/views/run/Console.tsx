/** What a run printed: any number of lines, of which those in sight are asked for. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { ansiPieces, plainText, type Style } from "../../drawing/ansi";
import { WrappedLines } from "../../drawing/wrapped_lines";
import { fetchConsole, type ConsoleLine, type ConsolePage, type RunPath } from "../../wire/run";
import { isAborted, type Ask } from "../../wire/http";
import { counted, formatTime } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { rowsInSight } from "../parts/virtual_window";
import type { RunPartProps } from "./run_part";

const ROW_PX = 18;
const PAGE_LINES = 500;
const SPARE_ROWS = 40;
const SEARCH_DELAY_MS = 200;
/** What stands before the text of a line, in letters: its number, and its time. */
const GUTTER_LETTERS = 9;
const FEWEST_COLUMNS = 20;

/** What was read of the console, page by page; `search` finds only lines that have it. */
type Read = { readonly search: string; readonly totalCount: number; readonly pages: ReadonlyMap<number, readonly ConsoleLine[]> };

const NOTHING: Read = { search: "", totalCount: 0, pages: new Map() };

export function Console({ path, run, version }: RunPartProps): JSX.Element {
  const read = useSignal<Read | null>(null);
  const error = useSignal<Error | null>(null);
  const search = useSignal("");
  const isFollowing = useSignal(run.state === "running");
  const isTimed = useSignal(false);
  const isWrapped = useSignal(false);
  const lettersAcross = useSignal(80);
  const scroller = useRef<HTMLDivElement>(null);
  const sight = useSignal({ scrollPx: 0, heightPx: 600 });
  const asked = useRef(new Set<number>());

  const askPage = async (page: number, signal?: AbortSignal): Promise<void> => {
    const query = { offset: page * PAGE_LINES, limit: PAGE_LINES, search: search.peek() };
    try {
      const answer = await fetchPage(path, query, signal === undefined ? {} : { signal });
      const before = read.peek()?.search === query.search ? (read.peek() ?? NOTHING) : NOTHING;
      const pages = new Map(before.pages).set(page, answer.lines);
      read.value = { search: query.search, totalCount: answer.total_count, pages };
      error.value = null;
    } catch (caught) {
      if (!isAborted(caught)) {
        error.value = caught as Error;
      }
    }
  };

  // Another search begins anew; new lines are behind the last page that was read.
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(
      () => {
        asked.current.clear();
        void askPage(0, abort.signal);
      },
      search.value === "" ? 0 : SEARCH_DELAY_MS,
    );
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [search.value]);
  useEffect(() => {
    const { totalCount } = read.peek() ?? NOTHING;
    if (totalCount > 0) {
      void askPage(Math.floor(totalCount / PAGE_LINES));
    }
  }, [version.value]);

  const columns = useComputed(() =>
    isWrapped.value ? Math.max(FEWEST_COLUMNS, lettersAcross.value - GUTTER_LETTERS * (isTimed.value ? 2 : 1)) : null,
  );
  const wrapped = useComputed(() => wrappedAt(read.value ?? NOTHING, columns.value));
  useSignalEffect(() => {
    const found = read.value;
    if (found === null) {
      return;
    }
    const { first, end } = linesInSight(sight.value, found.totalCount, wrapped.value);
    for (let page = Math.floor(first / PAGE_LINES); page * PAGE_LINES < end; page += 1) {
      if (!found.pages.has(page) && !asked.current.has(page)) {
        asked.current.add(page);
        void askPage(page);
      }
    }
  });
  useLayoutEffect(() => {
    const box = scroller.current;
    if (box !== null && isFollowing.value) {
      box.scrollTop = box.scrollHeight;
    }
  }, [read.value, isFollowing.value, columns.value]);
  useEffect(() => (scroller.current === null ? undefined : watchLetters(scroller.current, (count) => (lettersAcross.value = count))), [
    read.value === null,
  ]);

  if (error.value !== null && read.value === null) {
    return <Problem error={error.value} again={() => void askPage(0)} />;
  }
  if (read.value?.totalCount === 0 && read.value.search === "") {
    return <Empty title="This run has printed nothing." />;
  }
  const found = read.value ?? NOTHING;
  const { first, end } = linesInSight(sight.value, found.totalCount, wrapped.value);
  const [rowCount, firstRow] = wrapped.value === null ? [found.totalCount, first] : [wrapped.value.rowCount, wrapped.value.rowOf(first)];
  const rows = Array.from({ length: end - first }, (_, i) => first + i);
  return (
    <section class="console" aria-label="Console">
      <div class="console-tools">
        <input
          type="search"
          class="field"
          placeholder="Find in the console"
          aria-label="Find in the console"
          value={search.value}
          onInput={(event) => (search.value = event.currentTarget.value)}
        />
        <span class="soft">
          {counted(found.totalCount, "line")}
          {found.search !== "" && " found"}
        </span>
        <label class="check">
          <input type="checkbox" checked={isTimed.value} onChange={() => (isTimed.value = !isTimed.value)} /> Times
        </label>
        <label class="check">
          <input type="checkbox" checked={isWrapped.value} onChange={() => (isWrapped.value = !isWrapped.value)} /> Wrap
        </label>
        <label class="check">
          <input type="checkbox" checked={isFollowing.value} onChange={() => (isFollowing.value = !isFollowing.value)} /> Follow
        </label>
        <button type="button" class="button" onClick={() => void copyLines(found)}>
          Copy what is loaded
        </button>
      </div>
      <div
        ref={scroller}
        class={isWrapped.value ? "console-lines console-wrapped" : "console-lines"}
        tabIndex={0}
        role="log"
        aria-label="Lines of the console"
        onWheel={(event) => {
          if (event.deltaY < 0) {
            isFollowing.value = false;
          }
        }}
        onScroll={(event) => {
          const box = event.currentTarget;
          sight.value = { scrollPx: box.scrollTop, heightPx: box.clientHeight };
        }}
      >
        <div class="console-space" style={{ height: `${rowCount * ROW_PX}px` }}>
          <div class="console-rows" style={{ transform: `translateY(${firstRow * ROW_PX}px)` }}>
            {rows.map((row) => (
              <Line
                key={row}
                line={found.pages.get(Math.floor(row / PAGE_LINES))?.[row % PAGE_LINES]}
                isTimed={isTimed.value}
                search={found.search}
                columns={columns.value}
              />
            ))}
          </div>
        </div>
      </div>
    </section>
  );
}

type LineProps = {
  readonly line: ConsoleLine | undefined;
  readonly isTimed: boolean;
  readonly search: string;
  /** Where a line is broken; null: nowhere. */
  readonly columns: number | null;
};

function Line({ line, isTimed, search, columns }: LineProps): JSX.Element {
  if (line === undefined) {
    return <div class="console-line console-waiting" />;
  }
  return (
    <div class={line.stream === "stderr" ? "console-line console-error" : "console-line"}>
      <span class="console-number">{line.line + 1}</span>
      {isTimed && <span class="console-time">{formatTime(line.timestamp).slice(11, 19)}</span>}
      <span class="console-text" style={columns === null ? {} : { width: `${columns}ch` }}>
        {search === "" ? ansiPieces(line.text).map((piece, i) => <Styled key={i} {...piece} />) : <Found text={plainText(line.text)} search={search} />}
      </span>
    </div>
  );
}

function Styled({ text, style }: { readonly text: string; readonly style: Style }): JSX.Element {
  const [ink, ground] = style.isSwapped ? [style.ground, style.ink] : [style.ink, style.ground];
  const classes = [
    typeof ink === "number" ? `ansi-ink-${ink}` : style.isSwapped && ink === null ? "ansi-swapped-ink" : "",
    typeof ground === "number" ? `ansi-ground-${ground}` : style.isSwapped && ground === null ? "ansi-swapped-ground" : "",
    style.isBold ? "ansi-bold" : "",
    style.isFaint ? "ansi-faint" : "",
    style.isItalic ? "ansi-italic" : "",
    style.isUnderlined ? "ansi-underlined" : "",
    style.isStruck ? "ansi-struck" : "",
  ].filter(Boolean);
  const colours = {
    ...(typeof ink === "string" ? { color: ink } : {}),
    ...(typeof ground === "string" ? { backgroundColor: ground } : {}),
  };
  return classes.length === 0 && Object.keys(colours).length === 0 ? (
    <>{text}</>
  ) : (
    <span class={classes.join(" ")} style={colours}>
      {text}
    </span>
  );
}

function Found({ text, search }: { readonly text: string; readonly search: string }): JSX.Element {
  const at = text.toLowerCase().indexOf(search.toLowerCase());
  if (at < 0) {
    return <>{text}</>;
  }
  return (
    <>
      {text.slice(0, at)}
      <mark>{text.slice(at, at + search.length)}</mark>
      <Found text={text.slice(at + search.length)} search={search} />
    </>
  );
}

/** A whole page: the server ends one early where its lines are very long. */
async function fetchPage(path: RunPath, query: { offset: number; limit: number; search: string }, ask: Ask): Promise<ConsolePage> {
  const page = await fetchConsole(path, query, ask);
  const lines = [...page.lines];
  while (lines.length > 0 && lines.length < query.limit && query.offset + lines.length < page.total_count) {
    const rest = { ...query, offset: query.offset + lines.length, limit: query.limit - lines.length };
    const more = await fetchConsole(path, rest, ask);
    if (more.lines.length === 0) {
      break;
    }
    lines.push(...more.lines);
  }
  return { ...page, lines };
}

function wrappedAt({ pages, totalCount }: Read, columns: number | null): WrappedLines | null {
  if (columns === null) {
    return null;
  }
  const texts = new Map([...pages].map(([page, lines]) => [page, lines.map(({ text }) => plainText(text))]));
  return new WrappedLines(texts, totalCount, PAGE_LINES, columns);
}

type Sight = { readonly scrollPx: number; readonly heightPx: number };

/** The lines to draw, the last one excluded. */
function linesInSight({ scrollPx, heightPx }: Sight, lineCount: number, wrapped: WrappedLines | null): { first: number; end: number } {
  const { first, end } = rowsInSight(scrollPx, heightPx, ROW_PX, wrapped?.rowCount ?? lineCount, SPARE_ROWS);
  return wrapped === null ? { first, end } : { first: wrapped.lineAt(first), end: Math.min(lineCount, wrapped.lineAt(end) + 1) };
}

/** Tell how many letters fit beside each other, now and whenever that is another number. */
function watchLetters(box: HTMLElement, told: (count: number) => void): () => void {
  const measure = document.createElement("canvas").getContext("2d");
  const observer = new ResizeObserver(() => {
    if (measure !== null) {
      measure.font = getComputedStyle(box).font;
      told(Math.floor(box.clientWidth / measure.measureText("0").width));
    }
  });
  observer.observe(box);
  return () => observer.disconnect();
}

async function copyLines(read: Read): Promise<void> {
  const lines = [...read.pages].sort(([one], [other]) => one - other).flatMap(([, page]) => page);
  await navigator.clipboard?.writeText(lines.map(({ text }) => plainText(text)).join("\n"));
}
