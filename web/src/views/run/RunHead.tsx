/** The head of a run's page: its name, how it is, and what can be done with it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { address, formatHash, goTo } from "../../state/address";
import { lastTableOf, neighbours } from "../../state/last_table";
import { mayEdit } from "../../state/session";
import { tagsOf } from "../../state/tags";
import { done, failed } from "../../state/undo";
import { restoreRuns } from "../../wire/asks";
import { deleteRun, editRun, stopRun } from "../../wire/run";
import { formatAge, formatDuration, formatTime } from "../parts/format";
import { Icon, type IconName } from "../parts/Icon";
import { StateDot } from "../parts/StateDot";
import type { RunPartProps } from "./run_part";

export function RunHead({ path, run, again }: RunPartProps): JSX.Element {
  const remove = async (): Promise<void> => {
    try {
      await deleteRun(path);
      done(`Deleted run ${run.name}`, async () => {
        await restoreRuns(path, [path.runId]);
      });
      goTo([path.entity, path.project]);
    } catch (error) {
      failed(error);
    }
  };
  const stop = async (): Promise<void> => {
    try {
      await stopRun(path);
      done(`Asked ${run.name} to stop; it ends as killed within seconds`);
      again();
    } catch (error) {
      failed(error);
    }
  };
  return (
    <header class="run-head">
      <Way path={path} />
      <StateDot state={run.state} />
      <Name path={path} run={run} again={again} />
      <span class="run-facts">
        {run.state}
        {run.exit_code !== null && run.exit_code !== 0 && ` with code ${run.exit_code}`}
        <span title={formatTime(run.created_at)}> · {formatAge(run.created_at, Date.now() / 1000)}</span>
        <span> · {formatDuration(run.runtime_s)}</span>
        {run.user !== null && <span> · {run.user}</span>}
        <Sweep path={path} run={run} />
      </span>
      <Tags path={path} run={run} again={again} />
      <span class="spring" />
      {mayEdit.value && run.state === "running" && (
        <button type="button" class="button" disabled={run.stop_requested} onClick={() => void stop()}>
          {run.stop_requested ? "Stopping…" : "Stop"}
        </button>
      )}
      {mayEdit.value && (
        <button type="button" class="button" title="Delete this run; it can be brought back" onClick={() => void remove()}>
          <Icon name="trash" /> Delete
        </button>
      )}
    </header>
  );
}

/** Back to the table as it was, and to the runs beside this one in it. */
function Way({ path }: Pick<RunPartProps, "path">): JSX.Element {
  const table = lastTableOf(path);
  const { previous, next } = neighbours(table, path.runId);
  const { tab } = Object.fromEntries(new URLSearchParams(address.value.query));
  const query = tab === undefined ? "" : `tab=${encodeURIComponent(tab)}`;
  const step = (runId: string, icon: IconName, title: string): JSX.Element => (
    <a class="button-icon" href={formatHash([path.entity, path.project, "runs", runId], query)} aria-label={title} title={title}>
      <Icon name={icon} />
    </a>
  );
  return (
    <nav class="run-way" aria-label="Runs of the table">
      <a class="button-icon" href={formatHash([path.entity, path.project], table?.query ?? "")} aria-label="Back to the table" title="Back to the table">
        <Icon name="table" />
      </a>
      {previous !== null && step(previous, "up", "Previous run of the table")}
      {next !== null && step(next, "down", "Next run of the table")}
    </nav>
  );
}

function Tags({ path, run, again }: Pick<RunPartProps, "path" | "run" | "again">): JSX.Element {
  const isEdited = useSignal(false);
  const put = async (tags: readonly string[]): Promise<void> => {
    await editRun(path, { info: { tags } });
    again();
  };
  const save = async (text: string): Promise<void> => {
    if (!isEdited.peek()) {
      return;
    }
    isEdited.value = false;
    const tags = tagsOf(text);
    if (tags.join() !== run.tags.join()) {
      try {
        await put(tags);
        done("Changed the tags", () => put(run.tags));
      } catch (error) {
        failed(error);
      }
    }
  };
  if (isEdited.value) {
    return (
      <input
        class="field run-tags-input"
        aria-label="Tags, with commas between them"
        placeholder="best, baseline"
        defaultValue={run.tags.join(", ")}
        ref={(input) => input?.focus()}
        onBlur={(event) => void save(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.currentTarget.blur();
          } else if (event.key === "Escape") {
            isEdited.value = false;
          }
        }}
      />
    );
  }
  return (
    <span class="run-tags">
      {run.tags.map((tag) => (
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
      {mayEdit.value && (
        <button type="button" class="button-icon" aria-label="Edit the tags" title="Edit the tags" onClick={() => (isEdited.value = true)}>
          <Icon name="tag" />
        </button>
      )}
    </span>
  );
}

function Sweep({ path, run }: Pick<RunPartProps, "path" | "run">): JSX.Element | null {
  if (run.sweep === null) {
    return null;
  }
  return (
    <span>
      {" · "}
      <a href={formatHash([path.entity, path.project, "sweeps", run.sweep])}>sweep {run.sweep}</a>
    </span>
  );
}

function Name({ path, run, again }: Pick<RunPartProps, "path" | "run" | "again">): JSX.Element {
  const isEdited = useSignal(false);
  const save = async (name: string): Promise<void> => {
    isEdited.value = false;
    if (name.trim() === "" || name === run.name) {
      return;
    }
    try {
      await rename(name);
      done(`Renamed to ${name}`, () => rename(run.name));
    } catch (error) {
      failed(error);
    }
  };
  const rename = async (name: string): Promise<void> => {
    await editRun(path, { info: { name } });
    again();
  };
  if (isEdited.value) {
    return (
      <input
        class="run-title-input"
        aria-label="Name of the run"
        value={run.name}
        ref={(input) => input?.focus()}
        onBlur={(event) => void save(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.currentTarget.blur();
          } else if (event.key === "Escape") {
            event.currentTarget.value = run.name;
            event.currentTarget.blur();
          }
        }}
      />
    );
  }
  return (
    <h1 class="run-title" title={run.name}>
      <span class="run-title-text">{run.name}</span>
      <code class="run-id">{run.run_id}</code>
      {mayEdit.value && (
        <button type="button" class="button-icon" aria-label="Rename the run" title="Rename" onClick={() => (isEdited.value = true)}>
          <Icon name="edit" />
        </button>
      )}
    </h1>
  );
}
