/** The files of a run, as a list that is searched, and a look into one of them. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { address, setInQuery } from "../../state/address";
import { fetchFiles, fileAddress, type FileInfo, type RunPath } from "../../wire/run";
import { formatBytes, formatCount, formatTime } from "../parts/format";
import { Empty } from "../parts/Empty";
import { Problem } from "../parts/Problem";
import { Preview } from "./Preview";
import type { RunPartProps } from "./run_part";
import { useLoaded } from "../parts/use_loaded";

const MOST_FILES = 2000;

export function Files({ path, run, version }: RunPartProps): JSX.Element {
  const [loaded, again] = useLoaded((ask) => fetchFiles(path, ask), [path.runId], run.state === "running" ? version.value : "");
  const search = useSignal("");
  const { value: files, error } = loaded.value;
  if (files === null) {
    return error === null ? <p class="waiting">Loading…</p> : <Problem error={error} again={again} />;
  }
  if (files.length === 0) {
    return <Empty title="This run has no files." code={'run.save("model.pt")'} />;
  }
  const chosen = new URLSearchParams(address.value.query).get("file");
  const choose = (name: string | null): void => {
    setInQuery("file", name);
  };
  const found = files.filter(({ name }) => name.toLowerCase().includes(search.value.toLowerCase()));
  const file = files.find(({ name }) => name === chosen);
  return (
    <div class={file === undefined ? "files" : "files files-with-preview"}>
      <section class="files-list" aria-label="Files">
        <div class="console-tools">
          <input
            type="search"
            class="field"
            placeholder="Find a file"
            aria-label="Find a file"
            value={search.value}
            onInput={(event) => (search.value = event.currentTarget.value)}
          />
          <span class="soft">
            {formatCount(found.length)} files, {formatBytes(found.reduce((sum, { size_bytes }) => sum + size_bytes, 0))}
          </span>
        </div>
        <table class="documents-table">
          <tbody>
            {found.slice(0, MOST_FILES).map((one) => (
              <FileRow key={one.name} path={path} file={one} isChosen={one.name === chosen} choose={choose} />
            ))}
          </tbody>
        </table>
        {found.length > MOST_FILES && (
          <p class="soft">
            The first {formatCount(MOST_FILES)} of {formatCount(found.length)} are shown; find others by their names.
          </p>
        )}
      </section>
      {file !== undefined && (
        <Preview
          key={`${file.name} ${file.updated_at}`}
          name={file.name}
          address={fileAddress(path, file.name)}
          sizeBytes={file.size_bytes}
          close={() => choose(null)}
        />
      )}
    </div>
  );
}

type FileRowProps = {
  readonly path: RunPath;
  readonly file: FileInfo;
  readonly isChosen: boolean;
  readonly choose: (name: string) => void;
};

function FileRow({ path, file, isChosen, choose }: FileRowProps): JSX.Element {
  return (
    <tr class={isChosen ? "chosen" : ""}>
      <th scope="row">
        <button type="button" class="text-button" aria-pressed={isChosen} onClick={() => choose(file.name)}>
          {file.name}
        </button>
      </th>
      <td class="number">{formatBytes(file.size_bytes)}</td>
      <td class="soft wide-only">{formatTime(file.updated_at).slice(0, 16)}</td>
      <td>
        <a href={fileAddress(path, file.name)} download={file.name.split("/").at(-1) ?? "file"}>
          Download
        </a>
      </td>
    </tr>
  );
}
