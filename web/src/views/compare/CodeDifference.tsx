/** How the code of two or three runs differs: their commits, and what was changed and not committed. */

import type { JSX } from "preact";
import { formatHash } from "../../state/address";
import { isPlainObject } from "../../state/flat";
import { besideEachOther, type PatchLine } from "../../state/patches";
import type { RunInfo } from "../../wire/run";
import { formatCount } from "../parts/format";
import { Problem } from "../parts/Problem";
import { fetchEnvironment, lineClass, type Environment } from "../run/environment";
import { useLoaded } from "../parts/use_loaded";

/** Of more runs there is no room for their code. */
export const MOST_CODE_RUNS = 3;
const MOST_LINES = 5_000;

type Props = { readonly path: { readonly entity: string; readonly project: string }; readonly runs: readonly RunInfo[] };

export function CodeDifference({ path, runs }: Props): JSX.Element {
  const [loaded, again] = useLoaded(
    (ask) => Promise.all(runs.map(({ run_id }) => fetchEnvironment({ ...path, runId: run_id }, ask))),
    [runs.map(({ run_id, generation }) => `${run_id} ${generation}`).join()],
  );
  const { value, error } = loaded.value;
  return (
    <section class="documents compare-code" aria-label="Code">
      <h2>Code</h2>
      {error !== null && <Problem error={error} again={again} />}
      {value !== null && value.length === runs.length && <Compared path={path} runs={runs} environments={value} />}
    </section>
  );
}

function Compared({ path, runs, environments }: Props & { readonly environments: readonly Environment[] }): JSX.Element {
  const commits = environments.map(commitOf);
  const patches = environments.map(({ diff }) => diff);
  const isSame = new Set(commits).size === 1 && new Set(patches.map((patch) => patch ?? "")).size === 1;
  if (isSame) {
    const commit = commits[0];
    return (
      <p class="soft">
        {commit == null ? (
          "None of these runs says of which commit its code is: they began outside of a git repository."
        ) : (
          <>
            All of commit <code>{commit}</code>, {patches[0] ? "with the same changes" : "and nothing was changed"}.
          </>
        )}
      </p>
    );
  }
  const lines = besideEachOther(patches);
  return (
    <div class="compare-patches">
      {runs.map((run, i) => (
        <div key={run.run_id} class="compare-patch">
          <p>
            <a href={formatHash([path.entity, path.project, "runs", run.run_id])}>{run.name}</a>{" "}
            {commits[i] == null ? <span class="soft">no commit</span> : <code title={commits[i] ?? ""}>{commits[i]?.slice(0, 12)}</code>}
          </p>
          <Patch name={run.name} lines={lines[i] ?? []} />
        </div>
      ))}
    </div>
  );
}

function Patch({ name, lines }: { readonly name: string; readonly lines: readonly PatchLine[] }): JSX.Element {
  if (lines.length === 0) {
    return <p class="soft">Nothing was changed since the commit.</p>;
  }
  return (
    <>
      <pre class="code diff" tabIndex={0} role="region" aria-label={`Changes of ${name}`}>
        {lines.slice(0, MOST_LINES).map(({ text, isOnlyHere }, i) => (
          <span key={i} class={`${lineClass(text)} ${isOnlyHere ? "diff-only-here" : ""}`}>
            {`${text}\n`}
          </span>
        ))}
      </pre>
      {lines.length > MOST_LINES && <p class="soft">and {formatCount(lines.length - MOST_LINES)} more lines; the files of the run have them</p>}
    </>
  );
}

function commitOf({ metadata }: Environment): string | null {
  const { git } = metadata;
  const commit = isPlainObject(git) ? git["commit"] : undefined;
  return typeof commit === "string" ? commit : null;
}
