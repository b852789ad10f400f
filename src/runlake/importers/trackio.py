"""Runs of Trackio: a SQLite database for each project in its folder (``TRACKIO_DIR``), or the Parquet files made of it.

A row of the table ``metrics`` is a row of the run. Files of data types lie in ``media/``, those of artifacts in
``artifacts/<project>/blobs/sha256/``. Nothing says that a run has ended: one that was written to lately may go on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import msgspec

from runlake.errors import BadValueError
from runlake.importers.database import Database, is_database, open_database
from runlake.importers.foreign import ForeignRow, ForeignRun, LeftOut, mark_of, project_of, run_id_of
from runlake.importers.trackio_artifacts import artifacts_of
from runlake.importers.trackio_parquet import BASE_SUFFIX, is_of_parquet, open_parquet
from runlake.importers.trackio_values import plain, values_of
from runlake.model import Alert, Level, LoggedRow, WriterBatch, WriterStart

LIVE_S = 300.0
_LEVELS: dict[str, Level] = {"info": "INFO", "warn": "WARN", "error": "ERROR"}
_OWN_CONFIG = ("_Username", "_Created", "_Group")
_ROW_COLUMNS = ("timestamp", "step", "metrics")


def is_of(place: Path) -> bool:
    """Whether a file is a database of Trackio or a Parquet file made of one, or a folder has such a file."""
    return any(file.suffix == BASE_SUFFIX or _is_ours(file) for file in _projects(place))


def read(place: Path) -> Iterator[ForeignRun | LeftOut]:
    """Each run of each project; of a project that cannot be read, its name."""
    found = False
    for file in _projects(place):
        found = True
        try:
            with open_database(file) if file.suffix != BASE_SUFFIX else open_parquet(file) as database:
                yield from _read(file, database)
        except BadValueError as error:
            if place.is_file():
                raise
            yield LeftOut(str(file), "project", f"{file.stem}: {error}", is_damage=True)
    if not found:
        raise BadValueError(f"{place} holds no database of Trackio and no Parquet file made of one")


def _projects(place: Path) -> Iterator[Path]:
    """The database of each project, or the Parquet file of its rows where there is none; also what is damaged."""
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    for file in files:
        if file.suffix == BASE_SUFFIX and not file.with_suffix(".db").exists():
            if is_of_parquet(file):
                yield file
        elif is_database(file) and _is_ours(file) is not False:
            yield file


def _is_ours(file: Path) -> bool | None:
    """Whether a database is one of Trackio; None for one that cannot be read."""
    try:
        with open_database(file) as database:
            return database.has("metrics", "run_name", "timestamp", "step", "metrics")
    except BadValueError:
        return None


def _read(file: Path, database: Database) -> Iterator[ForeignRun | LeftOut]:
    has_ids = database.has("metrics", "run_id")
    key = "run_id" if has_ids else "run_name"
    names: dict[str, str] = {}
    for table in ("configs", "metrics", "system_metrics"):
        if database.has(table, key, "run_name"):
            for run, name in database.query(
                f"select {key}, max(run_name) from {table} group by {key} order by min(rowid)"
            ):
                names.setdefault(str(run), str(name))
    for run, name in names.items():
        yield _run(file, database, key, run, name)
    folder = file.parent / "media" / file.stem / "files"
    if folder.is_dir() and (count := sum(1 for each in folder.rglob("*") if each.is_file())):
        yield LeftOut(str(folder), "file", "of the project, and of no run of it: no home here", count)


def _run(file: Path, database: Database, key: str, run: str, name: str) -> ForeignRun:
    lost: Counter[str] = Counter()
    problems: list[str] = []
    of_run, argument = f"{key} = ?", (run,)
    config = _config(database, of_run, argument, problems)
    own = {word: config.pop(word, None) for word in _OWN_CONFIG}
    first = min(
        (
            row[0]
            for table in ("metrics", "system_metrics")
            for row in _edge(database, table, "min", key, run)
            if row[0]
        ),
        default=None,
    )
    started_at = _seconds(own["_Created"]) or _seconds(first) or 0.0
    for table, what in (("traces", "trace"),):
        if database.has(table, key) and (
            count := database.query(f"select count(*) from {table} where {of_run}", argument)[0][0]
        ):
            lost[what] += count
    return ForeignRun(
        run_id=run_id_of(run),
        mark=mark_of("trackio", file.stem, run, str(started_at)),
        place=f"{file} ({name})",
        project=project_of(file.stem),
        start=WriterStart(
            name=name,
            group=own["_Group"],
            user=own["_Username"],
            config=config,
            resume="never",
            created_at=started_at or None,
        ),
        said=_said(file, database, (key, run), started_at, lost, problems),
        artifacts=artifacts_of(file, database, run, lost, problems),
        lost=lost,
        problems=problems,
    )


def _config(database: Database, where: str, argument: tuple[str], problems: list[str]) -> dict[str, Any]:
    config: dict[str, Any] = {}
    for (text,) in database.select("configs", ("config",), where, argument):
        try:
            found = plain(msgspec.json.decode(text))
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            problems.append(f"the config is no JSON: {error}")
            continue
        config |= found if isinstance(found, dict) else {}
    return config


def _edge(database: Database, table: str, edge: str, key: str, run: str) -> list[tuple[Any, ...]]:
    if not database.has(table, key, "timestamp"):
        return []
    return database.query(f"select {edge}(timestamp) from {table} where {key} = ?", (run,))


def _said(
    file: Path,
    database: Database,
    identity: tuple[str, str],
    started_at: float,
    lost: Counter[str],
    problems: list[str],
) -> Iterator[ForeignRow | WriterBatch]:
    key, run = identity
    media, last_at = file.parent / "media", started_at
    for stream, table in (("history", "metrics"), ("events", "system_metrics")):
        rows = database.select(table, _ROW_COLUMNS, f"{key} = ?", (run,))
        for number, (timestamp, step, text) in enumerate(rows):
            at = _seconds(timestamp)
            last_at = max(last_at, at or 0.0)
            try:
                found = msgspec.json.decode(text)
                values = dict(values_of(found, media, lost, problems))
            except (msgspec.DecodeError, UnicodeError, AttributeError, TypeError, RecursionError) as error:
                problems.append(f"row {number:,} of the table {table} cannot be read: {error}")
                values = {}
            if stream == "events":
                values = {f"system.{name}": value for name, value in _leaves(values)}
            row = LoggedRow(
                number if step is None else int(step), at or last_at, max(0.0, (at or last_at) - started_at), values
            )
            yield ForeignRow(cast(Any, stream), row)
    alerts = tuple(_alerts(database, identity, last_at))
    if time.time() - last_at > LIVE_S:
        yield WriterBatch(alerts=alerts, exit_code=0, runtime_s=max(0.0, last_at - started_at))
    elif alerts:  # they would be kept once more by each import, until the run has ended
        lost["alert of a run that has not ended"] += len(alerts)


def _leaves(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _alerts(database: Database, identity: tuple[str, str], at: float) -> Iterator[Alert]:
    key, run = identity
    for timestamp, title, text, level in database.select(
        "alerts", ("timestamp", "title", "text", "level"), f"{key} = ?", (run,)
    ):
        yield Alert(
            title=str(title),
            text=str(text or ""),
            level=_LEVELS.get(str(level), "INFO"),
            timestamp=_seconds(timestamp) or at,
        )


def _seconds(text: Any) -> float | None:
    """A time as ISO 8601 has it, as seconds since 1970; one without a zone is UTC."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
