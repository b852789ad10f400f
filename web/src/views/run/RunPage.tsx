/** One run: what it is, and everything that it left. */

import type { ReadonlySignal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { formatHash, replaceQuery, address } from "../../state/address";
import { fetchRun, type RunInfo, type RunPath } from "../../wire/run";
import { isNotFound } from "../../wire/http";
import { Problem } from "../parts/Problem";
import { Artifacts } from "./Artifacts";
import { Charts } from "./Charts";
import { Console } from "./Console";
import { Documents } from "./Documents";
import { Files } from "./Files";
import { Media } from "./Media";
import { Overview } from "./Overview";
import { RunHead } from "./RunHead";
import { useLoaded } from "../parts/use_loaded";
import type { RunPartProps } from "./run_part";
import "../../style/run.css";

const TABS = ["charts", "overview", "config", "system", "console", "files", "media", "artifacts"] as const;
type Tab = (typeof TABS)[number];

const NAMES: Readonly<Record<Tab, string>> = {
  charts: "Charts",
  overview: "Overview",
  config: "Config and summary",
  system: "System",
  console: "Console",
  files: "Files",
  media: "Media",
  artifacts: "Artifacts",
};

export type RunPageProps = { readonly path: RunPath; readonly version: ReadonlySignal<string> };

export function RunPage({ path, version }: RunPageProps): JSX.Element {
  return <Run key={path.runId} path={path} version={version} />;
}

function Run({ path, version }: RunPageProps): JSX.Element {
  const query = new URLSearchParams(address.value.query);
  const generation = query.get("generation");
  const [loaded, again] = useLoaded((ask) => fetchRun(path, generation, ask), [path.entity, path.project, path.runId, generation], version.value);
  const { value: run, error } = loaded.value;
  if (run === null && error !== null) {
    return <Gone path={path} error={error} again={again} />;
  }
  const tab = TABS.find((name) => name === query.get("tab")) ?? "charts";
  const choose = (chosen: Tab): void => {
    const next = new URLSearchParams(address.peek().query);
    next.delete("P"); // charts of the machine have other axes than those of what was logged
    if (chosen === "charts") {
      next.delete("tab");
    } else {
      next.set("tab", chosen);
    }
    replaceQuery(next.toString());
  };
  return (
    <article class="run-page" aria-label={`Run ${run?.name ?? path.runId}`}>
      {run === null ? <Coming /> : <RunHead path={path} run={run} version={version} again={again} />}
      {error !== null && (isNotFound(error) ? <Gone path={path} error={error} again={again} /> : <Problem error={error} again={again} />)}
      <Tabs chosen={tab} choose={choose} />
      <div class="run-part" role="tabpanel" aria-label={NAMES[tab]}>
        <Part tab={tab} path={path} run={run} version={version} again={again} />
      </div>
    </article>
  );
}

function Coming(): JSX.Element {
  return (
    <header class="run-head">
      <span class="run-coming waiting">Loading…</span>
    </header>
  );
}

type PartProps = Omit<RunPartProps, "run"> & { readonly run: RunInfo | null; readonly tab: Tab };

/** Charts are asked for while the run itself is on its way. */
function Part({ tab, run, ...rest }: PartProps): JSX.Element | null {
  if (tab === "charts" || tab === "system") {
    const stream = tab === "charts" ? "history" : "events";
    return <Charts key={stream} path={rest.path} version={rest.version} run={run} stream={stream} />;
  }
  if (run === null) {
    return null;
  }
  const props = { ...rest, run };
  switch (tab) {
    case "overview":
      return <Overview {...props} />;
    case "config":
      return <Documents {...props} />;
    case "console":
      return <Console {...props} />;
    case "files":
      return <Files {...props} />;
    case "media":
      return <Media {...props} />;
    case "artifacts":
      return <Artifacts {...props} />;
  }
}

function Tabs({ chosen, choose }: { readonly chosen: Tab; readonly choose: (tab: Tab) => void }): JSX.Element {
  const move = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step !== 0) {
      event.preventDefault();
      const next = TABS[(TABS.indexOf(chosen) + step + TABS.length) % TABS.length] ?? chosen;
      choose(next);
      (event.currentTarget as HTMLElement).querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
    }
  };
  const bar = useRef<HTMLDivElement>(null);
  // On a narrow screen the bar is wider than what is seen of it.
  useLayoutEffect(() => {
    const tab = bar.current?.querySelector<HTMLElement>(`[data-tab="${chosen}"]`);
    if (bar.current && tab) bar.current.scrollLeft = tab.offsetLeft + tab.offsetWidth / 2 - bar.current.clientWidth / 2;
  }, [chosen]);
  return (
    <div ref={bar} class="run-tabs" role="tablist" aria-label="Parts of the run" onKeyDown={move}>
      {TABS.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          data-tab={tab}
          class="run-tab"
          aria-selected={tab === chosen}
          tabIndex={tab === chosen ? 0 : -1}
          onClick={() => choose(tab)}
        >
          {NAMES[tab]}
        </button>
      ))}
    </div>
  );
}

function Gone({ path, error, again }: { readonly path: RunPath; readonly error: Error; readonly again: () => void }): JSX.Element {
  const isAsked = useSignal(false);
  return (
    <div class="run-gone">
      <Problem
        error={error}
        again={() => {
          isAsked.value = true;
          again();
        }}
      />
      <p>
        <a href={formatHash([path.entity, path.project])}>All runs of {path.project}</a>
        {isNotFound(error) && (
          <>
            . A deleted run can be brought back from the trash:{" "}
            <code>
              runlake undelete {path.entity}/{path.project}/{path.runId}
            </code>
          </>
        )}
      </p>
    </div>
  );
}
