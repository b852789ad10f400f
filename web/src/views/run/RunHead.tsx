/** The head of a run's page: its name, how it is, and what can be done with it. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { formatHash, goTo } from "../../state/address";
import { mayEdit } from "../../state/session";
import { done, failed } from "../../state/undo";
import { restoreRuns } from "../../wire/asks";
import { deleteRun, editRun, stopRun } from "../../wire/run";
import { formatAge, formatDuration, formatTime } from "../parts/format";
import { Icon } from "../parts/Icon";
import { StateDot } from "../parts/StateDot";
import type { RunPartProps } from "./RunPage";

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
      {run.tags.map((tag) => (
        <span key={tag} class="tag">
          {tag}
        </span>
      ))}
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
