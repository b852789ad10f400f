/** What a run logged beside numbers, by key and step: pictures, sounds, films, pages, histograms, tables. */

import { useSignal, type Signal } from "@preact/signals";
import type { JSX } from "preact";
import { histogramOf, mediaItems, mediaKeys, placeOfStep, type Histogram } from "../../state/media";
import { fetchValues, type RunPath, type ValueRow } from "../../wire/run";
import { formatCount } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { HeatMapView } from "./HeatMapView";
import { Item } from "./MediaItem";
import type { RunPartProps } from "./run_part";
import { useLoaded } from "../parts/use_loaded";

const MOST_STEPS = 1000;

export function Media({ path, run, version }: RunPartProps): JSX.Element {
  const keys = mediaKeys(run.summary);
  const search = useSignal("");
  const step = useSignal<number | null>(null);
  const isTogether = useSignal(true);
  if (keys.length === 0) {
    return <Empty title="This run has logged no media." code={'run.log({"picture": runlake.Image(array)})'} />;
  }
  const found = keys.filter(({ key }) => key.toLowerCase().includes(search.value.toLowerCase()));
  return (
    <div class="media">
      {keys.length > 1 && (
        <div class="documents-tools">
          {keys.length > 6 && (
            <input
              type="search"
              class="field"
              placeholder="Find a key"
              aria-label="Find a key"
              value={search.value}
              onInput={(event) => (search.value = event.currentTarget.value)}
            />
          )}
          <Together isTogether={isTogether} />
        </div>
      )}
      <div class="media-cards">
        {found.map(({ key }) => (
          <Card key={key} path={path} name={key} step={isTogether.value ? step : null} version={run.state === "running" ? version.value : run.generation} />
        ))}
      </div>
    </div>
  );
}

/** Whether the sliders go together. */
export function Together({ isTogether }: { readonly isTogether: Signal<boolean> }): JSX.Element {
  return (
    <label class="media-together">
      <input type="checkbox" checked={isTogether.value} onChange={(event) => (isTogether.value = event.currentTarget.checked)} />
      All at the same step
    </label>
  );
}

type CardProps = {
  readonly path: RunPath;
  readonly name: string;
  /** The step that several share, null for the last one; without it each has its own. */
  readonly step: Signal<number | null> | null;
  readonly version: string;
};

function Card(props: CardProps): JSX.Element {
  return (
    <section class="media-card" aria-label={props.name}>
      <h2 class="media-name" title={props.name}>
        {props.name}
      </h2>
      <MediaByStep {...props} />
    </section>
  );
}

/** What one run logged under one key, with a slider over the steps. */
export function MediaByStep({ path, name, step, version }: CardProps): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchValues(path, { key: name, limit: MOST_STEPS }, ask), [path.runId, name], version);
  const { value: page, error } = loaded.value;
  if (page === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  return (
    <>
      <ByStep path={path} rows={page.rows} name={name} step={step} />
      {page.total_count > page.rows.length && (
        <p class="soft">
          The first {formatCount(page.rows.length)} of {formatCount(page.total_count)} steps.
        </p>
      )}
    </>
  );
}

type ByStepProps = Omit<CardProps, "version"> & { readonly rows: readonly ValueRow[] };

function ByStep({ path, rows, name, step }: ByStepProps): JSX.Element {
  // null: the last one, whatever comes; a chosen step stays where it is.
  const own = useSignal<number | null>(null);
  const chosen = step ?? own;
  const histograms = rows.map(({ step, value }) => histogramOf(step, value)).filter((one): one is Histogram => one !== null);
  if (histograms.length > 0) {
    return <HeatMapView histograms={histograms} name={name} />;
  }
  const shown = rows.filter(({ value }) => mediaItems(value).length > 0);
  const at = placeOfStep(shown, chosen.value);
  const row = shown[at];
  if (row === undefined) {
    return <p class="soft">Nothing that can be shown.</p>;
  }
  return (
    <>
      <div class="media-items">
        {mediaItems(row.value).map((item, i) => (
          <Item key={`${row.step} ${i}`} path={path} item={item} />
        ))}
      </div>
      {shown.length > 1 ? (
        <label class="media-step">
          <input
            type="range"
            min={0}
            max={shown.length - 1}
            value={at}
            aria-label={`Step of ${name}`}
            aria-valuetext={`step ${row.step}`}
            onInput={(event) => {
              const place = Number(event.currentTarget.value);
              chosen.value = place === shown.length - 1 ? null : (shown[place]?.step ?? null);
            }}
          />
          <span class="soft">
            step {formatCount(row.step)} · {at + 1} of {formatCount(shown.length)}
          </span>
        </label>
      ) : (
        <p class="soft">step {formatCount(row.step)}</p>
      )}
    </>
  );
}
