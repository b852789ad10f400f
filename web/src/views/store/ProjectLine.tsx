/** A project: its details are asked for when its line comes into sight. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { formatHash } from "../../state/address";
import { askForProjectAhead, fetchColumns } from "../../wire/asks";
import type { Facet, ProjectInfo } from "../../wire/documents";
import { formatAge, formatCount, formatTime } from "../parts/format";
import { StateDot } from "../parts/StateDot";

type Details = { readonly lastSignAt: number | null; readonly newest: string | null; readonly newestId: string | null; readonly states: readonly Facet[] };

export function ProjectLine({ project }: { readonly project: ProjectInfo }): JSX.Element {
  const details = useSignal<Details | null>(null);
  const line = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    const request = new AbortController();
    const watcher = new IntersectionObserver((entries) => {
      if (entries.some(({ isIntersecting }) => isIntersecting) && project.run_count > 0) {
        watcher.disconnect();
        look(project, request.signal).then((found) => (details.value = found), () => {}); // the line does without
      }
    });
    if (line.current !== null) {
      watcher.observe(line.current);
    }
    return () => {
      watcher.disconnect();
      request.abort();
    };
  }, [project.entity, project.name, project.run_count]);
  const { entity, name, run_count } = project;
  const known = details.value;
  const askAhead = (): void => askForProjectAhead({ entity, project: name });
  return (
    <tr ref={line}>
      <td class="projects-name">
        <a href={formatHash([entity, name])} title={`${entity}/${name}`} onPointerEnter={askAhead} onFocus={askAhead}>
          <span class="soft">{entity} / </span>
          {name}
        </a>
      </td>
      <td class="number">{formatCount(run_count)}</td>
      <td class="projects-states">
        {known?.states.map(({ value, run_count: count }) => (
          <span key={String(value)} class="projects-state">
            <StateDot state={String(value)} /> {formatCount(count)} {String(value)}
          </span>
        ))}
      </td>
      <td class="soft" title={known?.lastSignAt == null ? "" : formatTime(known.lastSignAt)}>
        {known?.lastSignAt == null ? "" : formatAge(known.lastSignAt, Date.now() / 1000)}
      </td>
      <td class="projects-newest">
        {known?.newestId != null && (
          <a href={formatHash([entity, name, "runs", known.newestId])} title={known.newest ?? ""}>
            {known.newest}
          </a>
        )}
      </td>
    </tr>
  );
}

async function look({ entity, name }: ProjectInfo, signal: AbortSignal): Promise<Details> {
  const { run_ids, columns, facets } = await fetchColumns(
    { entity, project: name },
    { columns: ["name", "heartbeat_at"], order: ["-heartbeat_at"], limit: 1, facets: ["state"] },
    { signal },
  );
  const at = columns["heartbeat_at"]?.[0];
  return {
    lastSignAt: typeof at === "number" && at > 0 ? at : null,
    newest: String(columns["name"]?.[0] ?? run_ids[0] ?? ""),
    newestId: run_ids[0] ?? null,
    states: facets?.["state"] ?? [],
  };
}
