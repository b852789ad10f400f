/** One picture, sound, film, page or table that a run logged. What a user made can run nothing that reaches the page. */

import type { JSX } from "preact";
import type { MediaItem } from "../../state/media";
import { isPlainObject } from "../../state/flat";
import { mediaItems } from "../../state/media";
import { readJson, writeJson, type Json } from "../../wire/json";
import { fetchText, fileAddress, type RunPath } from "../../wire/run";
import { formatCell, formatCount } from "../parts/format";
import { Problem } from "../parts/Problem";
import { useLoaded } from "../parts/use_loaded";
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";

const TABLE_LIMIT_BYTES = 20_000_000;
const HTML_LIMIT_BYTES = 5_000_000;
const PAGE_ROWS = 25;

/** An empty page under a policy of its own, which shows the first text it is sent: scripts of it run, and reach nothing. */
const FRAME_ADDRESS = "./page/frame";

type ItemProps = { readonly path: RunPath; readonly item: MediaItem };

export function Item({ path, item }: ItemProps): JSX.Element {
  if (item.kind === "other") {
    return <p class="soft">A value of type {item.type}: there is no small viewer of it.</p>;
  }
  const address = fileAddress(path, item.file);
  return (
    <figure class={`media-item media-${item.kind}`}>
      <Shown path={path} item={item} address={address} />
      {item.caption !== null && <figcaption>{item.caption}</figcaption>}
    </figure>
  );
}

function Shown({ path, item, address }: { readonly path: RunPath; readonly item: Exclude<MediaItem, { kind: "other" }>; readonly address: string }): JSX.Element {
  switch (item.kind) {
    case "image":
      return (
        <a href={address} target="_blank" rel="noreferrer">
          <img loading="lazy" src={address} alt={item.caption ?? item.file} />
        </a>
      );
    case "audio":
      return <audio controls preload="none" src={address} />;
    case "video":
      return <video controls preload="none" src={address} />;
    case "html":
      return <Page address={address} />;
    case "table":
      return <LoggedTable path={path} address={address} />;
    case "file":
      return (
        <a href={address} download>
          {item.file.split("/").at(-1)}
        </a>
      );
  }
}

function Page({ address }: { readonly address: string }): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchText(address, HTML_LIMIT_BYTES, ask), [address]);
  const { value, error } = loaded.value;
  if (value === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  return <Frame key={address} text={value.text} />;
}

function Frame({ text }: { readonly text: string }): JSX.Element {
  const isShown = useRef(false); // what is shown loads too, and is told nothing more
  const show = (event: { readonly currentTarget: HTMLIFrameElement }): void => {
    if (!isShown.current) {
      isShown.current = true;
      event.currentTarget.contentWindow?.postMessage(text, "*");
    }
  };
  return <iframe class="media-frame" sandbox="allow-scripts" src={FRAME_ADDRESS} title="A page that was logged" onLoad={show} />;
}

type Stored = { readonly columns: readonly string[]; readonly data: readonly (readonly Json[])[] };

function LoggedTable({ path, address }: { readonly path: RunPath; readonly address: string }): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchTable(address, ask), [address]);
  const first = useSignal(0);
  const order = useSignal<{ readonly column: number; readonly isDown: boolean } | null>(null);
  const { value: table, error } = loaded.value;
  if (table === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  const rows = order.value === null ? table.data : sorted(table.data, order.value.column, order.value.isDown);
  const sortBy = (column: number): void => {
    const now = order.peek();
    order.value = now?.column !== column ? { column, isDown: false } : now.isDown ? null : { column, isDown: true };
    first.value = 0;
  };
  return (
    <div class="table-scroll" tabIndex={0}>
      <table class="documents-table">
        <thead>
          <tr>
            {table.columns.map((name, i) => (
              <th key={i} scope="col" aria-sort={order.value?.column === i ? (order.value.isDown ? "descending" : "ascending") : "none"}>
                <button type="button" class="text-button" onClick={() => sortBy(i)}>
                  {String(name)}
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.slice(first.value, first.value + PAGE_ROWS).map((row, i) => (
            <tr key={first.value + i}>
              {row.map((cell, j) => (
                <td key={j}>
                  <Cell path={path} cell={cell} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {rows.length > PAGE_ROWS && (
        <p class="table-pages">
          <button type="button" class="button" disabled={first.value === 0} onClick={() => (first.value -= PAGE_ROWS)}>
            Before
          </button>
          <span class="soft">
            {formatCount(first.value + 1)} to {formatCount(Math.min(rows.length, first.value + PAGE_ROWS))} of {formatCount(rows.length)}
          </span>
          <button type="button" class="button" disabled={first.value + PAGE_ROWS >= rows.length} onClick={() => (first.value += PAGE_ROWS)}>
            After
          </button>
        </p>
      )}
    </div>
  );
}

function Cell({ path, cell }: { readonly path: RunPath; readonly cell: Json }): JSX.Element {
  const items = isPlainObject(cell) && "_type" in cell ? mediaItems(cell) : [];
  if (items.length > 0) {
    return (
      <>
        {items.map((item, i) => (
          <Item key={i} path={path} item={item} />
        ))}
      </>
    );
  }
  return <>{formatCell("", cell, 0)}</>;
}

async function fetchTable(address: string, ask: { signal?: AbortSignal }): Promise<Stored> {
  const { text, isCut } = await fetchText(address, TABLE_LIMIT_BYTES, ask);
  if (isCut) {
    throw new Error("This table is larger than 20 MB; download it from the files, or read it in Python.");
  }
  const found = readJson(text);
  if (!isPlainObject(found) || !Array.isArray(found["columns"]) || !Array.isArray(found["data"])) {
    throw new Error("This file is no table as one is stored.");
  }
  return found as unknown as Stored;
}

/** Numbers by size, before texts by their letters; rows that are alike stay in their order. */
function sorted(rows: Stored["data"], column: number, isDown: boolean): Stored["data"] {
  const keyOf = (cell: Json | undefined): number | string =>
    typeof cell === "number" || typeof cell === "bigint" ? Number(cell) : typeof cell === "string" ? cell : writeJson(cell ?? null);
  const compared = (one: number | string, other: number | string): number => {
    if (typeof one !== typeof other) {
      return typeof one === "number" ? -1 : 1;
    }
    return one < other ? -1 : one > other ? 1 : 0;
  };
  const sign = isDown ? -1 : 1;
  return [...rows].sort((one, other) => sign * compared(keyOf(one[column]), keyOf(other[column])));
}
