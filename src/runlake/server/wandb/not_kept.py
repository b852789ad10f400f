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
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from runlake.errors import NotFoundError, NotSupportedError, PathError
from runlake.model import Alert, RunInfo, RunPath, WriterBatch
from runlake.service.contract import Service

MAX_TABLE_ROWS = 10_000
"""So many rows of a table the client puts into the file of the run, unless its user said otherwise."""

_TITLE = "not kept: "
_REASON = "Artifacts are not supported yet by this server"
_IN_GENERAL = (
    "what log_artifact and log_model send, media in a Table and its rows past 10,000 are not kept. "
    f"{_REASON}; all else is kept, and this is no failure"
)
_MAX_WAITING, _MAX_WAIT_S = 1_000, 60.0


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


def refusal(things: Iterable[str]) -> str:
    """What is told where something is refused."""
    return f"not kept: {', '.join(things)}. {_REASON}; all else of the run is kept, and nothing is tried again"


def greeting(run: RunInfo | None) -> str | None:
    """What is told as a run begins: in general where no run was before, else what that one has lost."""
    if run is None:
        return _IN_GENERAL
    lost = _known(run)
    return f"not kept of the run {run.run_id}: {', '.join(lost)}. {_REASON}; all else is kept" if lost else None


class Lost:
    """What is not kept of the rows of a request; made before they are written, asked when they are."""

    def __init__(self, service: Service, path: RunPath, batch: WriterBatch, body: bytes) -> None:
        self._is_last = batch.exit_code is not None
        found = list(_cut_tables(service, path, batch)) if b"table-file" in body else []
        self._known = _known(service.read_run(path)) if found or self._is_last else []
        self._new = [thing for thing in found if thing.what not in self._known]
        self.batch = msgspec.structs.replace(batch, alerts=tuple(thing.alert for thing in self._new))

    def told(self) -> str | None:
        """What to tell once: at the end of a run all that it lost, before that what is new."""
        new = [thing.what for thing in self._new]
        if not self._is_last:
            return refusal(new) if new else None
        lost = [*self._known, *new]
        return f"not kept of this run: {', '.join(lost)}. {_REASON}" if lost else None

    @property
    def is_last(self) -> bool:
        return self._is_last


class Greetings:
    """What runs that begin are to be told with their next request, which does not name them. Threads may share it.

    Where one person begins several at once, one may be told what was meant for another: texts name the run they are of.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str], list[tuple[float, str]]] = OrderedDict()
        self._lock = threading.Lock()

    def leave(self, who: str, entity: str, text: str) -> None:
        with self._lock:
            self._kept.setdefault((who, entity), []).append((time.monotonic(), text))
            self._kept.move_to_end((who, entity))
            while len(self._kept) > _MAX_WAITING:
                self._kept.popitem(last=False)

    def take(self, who: str, entity: str) -> str | None:
        """What was left longest ago, but not so long that the run has begun without it."""
        with self._lock:
            fresh = [left for left in self._kept.pop((who, entity), []) if time.monotonic() - left[0] < _MAX_WAIT_S]
            if len(fresh) > 1:
                self._kept[who, entity] = fresh[1:]
            return fresh[0][1] if fresh else None


def _known(run: RunInfo) -> list[str]:
    titles = (alert.title for alert in run.alerts)
    return [title.removeprefix(_TITLE) for title in titles if title.startswith(_TITLE)]


def _cut_tables(service: Service, path: RunPath, batch: WriterBatch) -> Iterator[NotKept]:
    """Tables in these rows of which the client put only the first rows into a file."""
    for row in batch.rows.get("history", ()):
        for key, table in _tables(row.values):
            row_count = table.get("nrows")
            if not isinstance(row_count, int) or row_count <= MAX_TABLE_ROWS:
                continue
            kept_count = _rows_in_file(service, path, str(table.get("path")))
            if kept_count < row_count:
                yield NotKept(f"rows past {kept_count:,} of the table {key}", f"it was logged with {row_count:,} rows")


def _tables(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, value in values.items():
        if isinstance(value, dict):
            if value.get("_type") == "table-file":
                yield prefix + key, value
            else:
                yield from _tables(value, f"{prefix}{key}.")


class _TableFile(msgspec.Struct):
    data: list[msgspec.Raw]


def _rows_in_file(service: Service, path: RunPath, name: str) -> int:
    """How many rows are in the file of a table; of one that did not arrive yet, as many as the client commonly puts."""
    with contextlib.suppress(NotFoundError, PathError, msgspec.MsgspecError), service.open_file(path, name) as file:
        return len(msgspec.json.decode(file.read(), type=_TableFile).data)
    return MAX_TABLE_ROWS
