"""What W&B's client sends and this server does not keep yet, kept with the run, and told to whoever trains.

The client shows a person nothing of a refusal, with two exceptions. The body of an answer whose status is no success is
printed as ``wandb: 501 encountered (<body>), retrying request``, but only while a run goes on, every 5 seconds; the
first look comes as it begins. And while ``finish()`` waits for an answer that was refused for now, a terminal (not a
file) shows the reason. So there are three places to tell: where something is refused, at the end of a run that lost
something, and, for who was told at neither, at the beginning of the next run.

That a thing was told of is an alert of its run, so it holds for all processes of a server, and for `runlake show`.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from runlake.errors import NotFoundError, NotSupportedError, PathError
from runlake.lru import LruCache
from runlake.model import Alert, RunInfo, RunPath, WriterBatch
from runlake.service.contract import Service

MAX_TABLE_ROWS = 10_000
"""So many rows of a table the client puts into the file of the run, unless its user said otherwise: no shorter one is
looked at."""

_TITLE = "not kept: "
_REASON = "Artifacts are not supported yet by this server"
_IN_GENERAL = (
    "what log_artifact and log_model send, media in a Table and its rows past 10,000 are not kept. "
    f"{_REASON}; all else is kept, and this is no failure"
)
_MAX_LISTED = 10
_MAX_WAITING, _MAX_WAIT_S = 1_000, 60.0
_MAX_LEFT = 100


class NotKept(NamedTuple):
    """`what` of a run is lost, with what a person may want to know beside that."""

    what: str
    details: str

    @property
    def alert(self) -> Alert:
        return Alert(title=_TITLE + self.what, text=self.details, level="WARN", timestamp=time.time())


class NotKeptError(NotSupportedError):
    """Its text is for the terminal of whoever trains: the server answers with it and nothing else."""


def keep(service: Service, path: RunPath, client: str | None, thing: NotKept) -> bool:
    """Record with the run that something of it is lost; False where that was known."""
    begun = service.find_writer(path, client)
    if begun is None:
        raise NotFoundError(f"run {path} is not written through this server")
    if thing.what in _known(service.read_run(path)):
        return False
    service.write_batch(path, begun.writer, WriterBatch(alerts=(thing.alert,)))
    return True


def refusal(things: Sequence[str]) -> str:
    """What is told where something is refused."""
    return f"not kept: {_listed(things)}. {_REASON}; all else of the run is kept"


def greeting(run: RunInfo | None) -> str | None:
    """What is told as a run begins: in general where no run was before, else what that one has lost."""
    if run is None:
        return _IN_GENERAL
    lost = _known(run)
    return f"not kept of the run {run.run_id}: {_listed(lost)}. {_REASON}; all else is kept" if lost else None


class Lost:
    """What is not kept of a request of a run; made before the request is written, asked when it is.

    The file of a table may come after the row that names it. Then the run ends before it is looked at.
    """

    def __init__(self, service: Service, path: RunPath, batch: WriterBatch, body: bytes) -> None:
        self.is_last = batch.exit_code is not None
        tables: dict[str, Mapping[str, Any]] = {}
        if b"table-file" in body:
            for row in batch.rows.get("history", ()):
                tables.update(_long_tables(row.values))
        self._known: list[str] = []
        if tables or self.is_last:
            run = service.read_run(path)
            self._known = _known(run)
            if self.is_last:
                tables.update(_long_tables(run.summary if batch.summary is None else batch.summary))
        found = _cut_tables(service, path, tables)
        self._new = [thing for thing in found if thing.what not in self._known]
        self.batch = msgspec.structs.replace(batch, alerts=tuple(thing.alert for thing in self._new))

    def told(self) -> str | None:
        """What to tell once: at the end of a run all that it lost, before that what is new."""
        new = [thing.what for thing in self._new]
        if not self.is_last:
            return refusal(new) if new else None
        lost = [*self._known, *new]
        return f"not kept of this run: {_listed(lost)}. {_REASON}" if lost else None


class Greetings:
    """What runs that begin are to be told with their next request, which does not name them. Threads may share it.

    Where one person begins several at once, one may be told what was meant for another: texts name the run they are of.
    """

    def __init__(self) -> None:
        self._kept: LruCache[tuple[str, str], tuple[tuple[float, str], ...]] = LruCache(_MAX_WAITING)
        self._lock = threading.Lock()

    def leave(self, who: str, entity: str, text: str) -> None:
        with self._lock:
            left = (*(self._kept.get((who, entity)) or ()), (time.monotonic(), text))
            self._kept.put((who, entity), left[-_MAX_LEFT:])

    def take(self, who: str, entity: str) -> str | None:
        """What was left longest ago, but not so long that the run has begun without it."""
        with self._lock:
            left = self._kept.take((who, entity)) or ()
            fresh = tuple(text for text in left if time.monotonic() - text[0] < _MAX_WAIT_S)
            if len(fresh) > 1:
                self._kept.put((who, entity), fresh[1:])
            return fresh[0][1] if fresh else None


def _listed(things: Sequence[str]) -> str:
    more_count = len(things) - _MAX_LISTED
    return ", ".join(things) if more_count <= 0 else f"{', '.join(things[:_MAX_LISTED])}, and {more_count:,} more"


def _known(run: RunInfo) -> list[str]:
    titles = (alert.title for alert in run.alerts)
    return [title.removeprefix(_TITLE) for title in titles if title.startswith(_TITLE)]


def _long_tables(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Tables, nested or not, that may have more rows than their file."""
    for key, value in values.items():
        if isinstance(value, dict):
            if value.get("_type") != "table-file":
                yield from _long_tables(value, f"{prefix}{key}.")
            elif isinstance(row_count := value.get("nrows"), int) and row_count > MAX_TABLE_ROWS:
                yield prefix + key, value


def _cut_tables(service: Service, path: RunPath, tables: Mapping[str, Mapping[str, Any]]) -> Iterator[NotKept]:
    """Those of which the client put only the first rows into a file, as far as the file is there."""
    for key, table in tables.items():
        kept_count = _rows_in_file(service, path, str(table.get("path")))
        if kept_count is not None and kept_count < table["nrows"]:
            yield NotKept(f"rows past {kept_count:,} of the table {key}", f"it was logged with {table['nrows']:,} rows")


class _TableFile(msgspec.Struct):
    data: list[msgspec.Raw]


def _rows_in_file(service: Service, path: RunPath, name: str) -> int | None:
    with contextlib.suppress(NotFoundError, PathError, msgspec.MsgspecError), service.open_file(path, name) as file:
        return len(msgspec.json.decode(file.read(), type=_TableFile).data)
    return None
