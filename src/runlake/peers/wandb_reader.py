"""What a W&B server has, through the official client. See `answer` for how it is asked.

Which server, and whose key, the variables of the client say. One run and one artifact are remembered, since what is
asked of them comes in a row.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import wandb

VERSION = wandb.__version__

ROWS_AT_ONCE = 500
STEPS_AT_ONCE = 1000
MOST_STEPS_AT_ONCE = 10_000_000
EVENTS_ASKED_FOR = 1_000_000

_COUNTS = """
query RunCounts($project: String!, $entity: String!, $name: String!) {
    project(name: $project, entityName: $entity) { run(name: $name) { historyLineCount eventsLineCount } }
}
"""


@functools.cache
def _api() -> Any:
    return wandb.Api(timeout=60)


@functools.lru_cache(1)
def _run(path: str) -> Any:
    return _api().run(path)


@functools.lru_cache(1)
def _artifact(name: str) -> Any:
    return _api().artifact(name)


def runs(project: str, filters: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    """Who the runs of a project are, the oldest first, and how they stand."""
    for run in _api().runs(project, filters=filters or {}, order="+created_at", per_page=100):
        yield {
            "run_id": run.id,
            "created_at": _seconds(run.created_at),
            "state": run.state,
            "row_count": run._attrs.get("historyLineCount"),
        }


def run(path: str) -> Iterator[dict[str, Any]]:
    """All that is known of one run, but for its rows and files."""
    _run.cache_clear()
    found = _run(path)
    attributes = found._attrs
    user = attributes.get("user") or {}
    rows, events = _line_counts(found)
    yield {
        "name": found.name,
        "state": found.state,
        "config": dict(found.config),
        "hidden": (found.rawconfig or {}).get("_wandb") or {},
        "summary": dict(found.summary_metrics),
        "tags": list(found.tags or ()),
        "notes": attributes.get("notes"),
        "group": attributes.get("group"),
        "job_type": attributes.get("jobType"),
        "sweep": attributes.get("sweepName"),
        "user": user.get("username"),
        "created_at": _seconds(attributes.get("createdAt")),
        "heartbeat_at": _seconds(attributes.get("heartbeatAt")),
        "row_count": rows,
        "event_count": events,
        "machine": found.metadata or {},
    }


def history(path: str) -> Iterator[dict[str, Any]]:
    """All rows, some at a time. A run whose steps are far apart is asked for more of them at once."""
    found = _run(path)
    last_step = found.lastHistoryStep
    row_count = _line_counts(found)[0] or last_step + 1
    step_count = STEPS_AT_ONCE * max(1, (last_step + 1) // max(1, row_count))
    scan = found.scan_history(page_size=min(step_count, MOST_STEPS_AT_ONCE), use_cache=False)
    rows: list[dict[str, Any]] = []
    for row in scan:
        rows.append(row)
        if len(rows) == ROWS_AT_ONCE:
            yield {"rows": rows}
            rows = []
    yield {"rows": rows}


def events(path: str) -> Iterator[dict[str, Any]]:
    """The system metrics, some at a time."""
    rows = _run(path).history(samples=EVENTS_ASKED_FOR, stream="system", pandas=False)
    for start in range(0, len(rows), ROWS_AT_ONCE):
        yield {"rows": rows[start : start + ROWS_AT_ONCE]}


def console(path: str) -> Iterator[dict[str, Any]]:
    """What the run printed, some lines at a time; where the client cannot read it, its file says it."""
    found = _run(path)
    if not hasattr(found, "console_logs"):
        yield {"is_file": True}
        return
    lines: list[list[Any]] = []
    for line in found.console_logs(per_page=ROWS_AT_ONCE):
        at = None if line.timestamp is None else line.timestamp.timestamp()
        lines.append([line.number, at, line.level or None, line.content, line.label or None])
        if len(lines) == ROWS_AT_ONCE:
            yield {"lines": lines}
            lines = []
    yield {"lines": lines}


def files(path: str) -> Iterator[dict[str, Any]]:
    """The files of a run."""
    for file in _run(path).files(per_page=200):
        yield {"name": file.name, "md5": file.md5, "size_bytes": file.size}


def file(path: str, name: str, folder: str) -> Iterator[dict[str, Any]]:
    """Where one file of a run was put, below a folder."""
    found = next(each for each in _run(path).files(names=[name]) if each.name == name)
    with found.download(root=folder, replace=True) as content:
        yield {"place": str(Path(content.name).absolute())}


def sweeps(project: str) -> Iterator[dict[str, Any]]:
    """The sweeps of a project."""
    entity, name = project.split("/")
    for sweep in _api().project(name, entity=entity).sweeps():
        yield {"sweep_id": sweep.id, "name": sweep.name, "config": sweep.config, "state": sweep._attrs.get("state")}


def reports(project: str) -> Iterator[dict[str, Any]]:
    """The reports of a project."""
    for report in _api().reports(project):
        yield {"name": report.display_name}


def versions(project: str) -> Iterator[dict[str, Any]]:
    """The versions of all artifacts of a project, those of one name in their order."""
    for kind in _api().artifact_types(project=project):
        for collection in kind.collections():
            found = [each for each in collection.artifacts() if getattr(each, "state", "COMMITTED") == "COMMITTED"]
            for version in sorted(found, key=lambda each: int(each.version[1:])):
                yield _version(version, project, collection.name)


def _version(version: Any, project: str, name: str) -> dict[str, Any]:
    ttl = getattr(version, "ttl", None)
    return {
        "name": name,
        "type": version.type,
        "version": version.version,
        "qualified": f"{project}/{name}:{version.version}",
        "is_link": version.qualified_name != version.source_qualified_name,
        "artifact_id": version.id,
        "digest": version.digest,
        "description": version.description,
        "metadata": dict(version.metadata or {}),
        "aliases": list(version.aliases),
        "tags": list(getattr(version, "tags", ()) or ()),
        "created_at": _seconds(version.created_at),
        "ttl_s": None if ttl is None else ttl.total_seconds(),
        "size_bytes": version.size,
        "history_step": getattr(version, "history_step", None),
    }


def lineage(qualified: str) -> Iterator[dict[str, Any]]:
    """Which run logged a version, and which used it."""
    version = _artifact(qualified)
    made_by = version.logged_by()
    yield {
        "logged_by": None if made_by is None else list(made_by.path),
        "used_by": [list(each.path) for each in version.used_by()],
    }


def manifest(qualified: str) -> Iterator[dict[str, Any]]:
    """What a version is made of."""
    entries = _artifact(qualified).manifest.entries.values()
    for entry in entries:
        yield {
            "path": str(entry.path),
            "digest": entry.digest,
            "size_bytes": entry.size or 0,
            "ref": None if entry.ref is None else str(entry.ref),
            "extra": dict(entry.extra or {}),
        }


def entry(qualified: str, name: str, folder: str) -> Iterator[dict[str, Any]]:
    """Where one file of a version was put, below a folder."""
    place = _artifact(qualified).get_entry(name).download(root=folder, skip_cache=True)
    yield {"place": str(Path(place).absolute())}


def _line_counts(found: Any) -> tuple[int | None, int | None]:
    """How many rows and system metrics the server says that there are; None where it does not say it."""
    try:
        counts = found._exec(_COUNTS)["project"]["run"]
        return counts["historyLineCount"], counts["eventsLineCount"]
    except Exception:
        return found._attrs.get("historyLineCount"), None


def _seconds(text: str | None) -> float | None:
    if not text:
        return None
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()  # noqa: UP017 - older Pythons


VERBS = {
    verb.__name__: verb
    for verb in (runs, run, history, events, console, files, file, sweeps, reports, versions, lineage, manifest, entry)
}
