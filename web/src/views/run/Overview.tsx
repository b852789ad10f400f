/** What is known of a run beside what it logged: when, where, of which source, and what it said. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { address, formatHash } from "../../state/address";
import { isPlainObject } from "../../state/flat";
import { mayEdit } from "../../state/session";
import { done, failed } from "../../state/undo";
import type { Json, JsonObject } from "../../wire/json";
import { editRun, fetchGenerations, type Alert, type RunPath } from "../../wire/run";
import { formatCount, formatDuration, formatTime } from "../parts/format";
import { Problem } from "../parts/Problem";
import { Edits } from "./Edits";
import { fetchEnvironment, lineClass } from "./environment";
import type { RunPartProps } from "./run_part";
import { useLoaded } from "../parts/use_loaded";

export function Overview({ path, run, version, again }: RunPartProps): JSX.Element {
  const [environment] = useLoaded((ask) => fetchEnvironment(path, ask), [path.runId, run.generation]);
  const [generations] = useLoaded((ask) => fetchGenerations(path, ask), [path.runId], version.value);
  const metadata = environment.value.value?.metadata ?? {};
  const git = isPlainObject(metadata["git"]) ? metadata["git"] : {};
  return (
    <div class="overview">
      <section aria-label="Facts">
        <dl class="facts">
          <Fact name="State">
            {run.state}
            {run.exit_code !== null && ` (exit code ${run.exit_code})`}
          </Fact>
          <Fact name="Path">
            <code>{`${path.entity}/${path.project}/${path.runId}`}</code>
          </Fact>
          <Fact name="Began">{formatTime(run.created_at)}</Fact>
          <Fact name="Last sign of life">{run.heartbeat_at > 0 && formatTime(run.heartbeat_at)}</Fact>
          <Fact name="Ran for">{formatDuration(run.runtime_s)}</Fact>
          <Fact name="Rows">
            {formatCount(run.row_count)}
            {run.last_step >= 0 && `, the last at step ${formatCount(run.last_step)}`}
          </Fact>
          <Fact name="User">{run.user}</Fact>
          <Fact name="Group">{run.group}</Fact>
          <Fact name="Job type">{run.job_type}</Fact>
          <Fact name="Forked from">{run.forked_from && <code>{run.forked_from}</code>}</Fact>
        </dl>
      </section>
      <Notes path={path} notes={run.notes ?? ""} again={again} />
      <Alerts alerts={run.alerts} />
      <section aria-label="Environment">
        <h2>Environment</h2>
        {environment.value.error !== null && <Problem error={environment.value.error} />}
        <dl class="facts">
          <Fact name="Host">{run.host ?? text(metadata["host"])}</Fact>
          <Fact name="System">{text(metadata["os"])}</Fact>
          <Fact name="Python">{text(metadata["python"])}</Fact>
          <Fact name="Command">{command(metadata, run.program)}</Fact>
          <Fact name="Folder">{text(metadata["root"])}</Fact>
          <Fact name="Git commit">{text(git["commit"]) && <code>{text(git["commit"])}</code>}</Fact>
          <Fact name="Git branch">{text(git["branch"])}</Fact>
          <Fact name="Git remote">{text(git["remote"]) ?? text(git["remote_url"])}</Fact>
          <Fact name="Processors">{text(metadata["cpu_count_logical"]) ?? text(metadata["cpu_count"])}</Fact>
          <Fact name="GPU">{gpus(metadata)}</Fact>
        </dl>
      </section>
      <Edits path={path} run={run} version={version} />
      {environment.value.value?.diff != null && <Diff diff={environment.value.value.diff} />}
      {generations.value.value !== null && generations.value.value.length > 1 && (
        <section aria-label="Earlier histories">
          <h2>Histories of this run</h2>
          <p class="soft">A run that began anew or went back keeps what it had before.</p>
          <ul class="plain-list">
            {generations.value.value.map(({ generation, created_at, row_count }) => (
              <li key={generation}>
                <a
                  href={formatHash([path.entity, path.project, "runs", path.runId], generationQuery(generation))}
                  aria-current={generation === run.generation}
                >
                  {formatTime(created_at)}
                </a>{" "}
                · {formatCount(row_count)} rows
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

function generationQuery(generation: string): string {
  const query = new URLSearchParams(address.value.query);
  query.set("generation", generation);
  return query.toString();
}

function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }): JSX.Element | null {
  if (children === null || children === undefined || children === false || children === "") {
    return null;
  }
  return (
    <div class="fact">
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

type NotesProps = { readonly path: RunPath; readonly notes: string; readonly again: () => void };

function Notes({ path, notes, again }: NotesProps): JSX.Element | null {
  const isEdited = useSignal(false);
  const put = async (text: string): Promise<void> => {
    await editRun(path, { info: { notes: text } });
    again();
  };
  const save = async (text: string): Promise<void> => {
    isEdited.value = false;
    if (text !== notes) {
      try {
        await put(text);
        done("Changed the notes", () => put(notes));
      } catch (error) {
        failed(error);
      }
    }
  };
  if (notes === "" && !mayEdit.value) {
    return null;
  }
  return (
    <section aria-label="Notes">
      <h2>Notes</h2>
      {isEdited.value ? (
        <textarea
          class="notes-input"
          aria-label="Notes"
          rows={4}
          defaultValue={notes}
          ref={(area) => area?.focus()}
          onBlur={(event) => void save(event.currentTarget.value)}
        />
      ) : (
        <p class="notes">
          {notes}{" "}
          {mayEdit.value && (
            <button type="button" class="button" onClick={() => (isEdited.value = true)}>
              {notes === "" ? "Add notes" : "Edit"}
            </button>
          )}
        </p>
      )}
    </section>
  );
}

function Alerts({ alerts }: { readonly alerts: readonly Alert[] }): JSX.Element | null {
  if (alerts.length === 0) {
    return null;
  }
  return (
    <section aria-label="Alerts">
      <h2>Alerts</h2>
      <ul class="plain-list">
        {alerts.map((alert, i) => (
          <li key={i} class={`alert alert-${alert.level.toLowerCase()}`}>
            <strong>{alert.title}</strong> <span class="soft">{formatTime(alert.timestamp)}</span>
            <p>{alert.text}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Diff({ diff }: { readonly diff: string }): JSX.Element {
  return (
    <section aria-label="What was changed and not committed">
      <h2>Changed and not committed</h2>
      <pre class="code diff" tabIndex={0}>
        {diff.split("\n").map((line, i) => (
          <span key={i} class={lineClass(line)}>
            {`${line}\n`}
          </span>
        ))}
      </pre>
    </section>
  );
}

function text(value: Json | undefined): string | null {
  return typeof value === "string" ? value : typeof value === "number" ? String(value) : null;
}

function command(metadata: JsonObject, program: string | null): JSX.Element | null {
  const args = Array.isArray(metadata["args"]) ? metadata["args"].map((arg) => text(arg) ?? "") : [];
  const script = text(metadata["codePath"]) ?? text(metadata["program"]) ?? program;
  return script === null ? null : <code>{["python", script, ...args].join(" ")}</code>;
}

function gpus(metadata: JsonObject): string | null {
  const count = text(metadata["gpu_count"]);
  const name = text(metadata["gpu"]);
  return name === null ? null : count === null || count === "1" ? name : `${count} × ${name}`;
}

