"""Runs that a server writes for processes elsewhere: begun, written to in batches, ended.

What a batch says goes to the journal in one turn of its writer (`ingest.lease`), so a request that comes twice, in
whichever worker, leaves what it would have left once.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from runlake.errors import BadValueError, GapError, LogTypeError, NotFoundError
from runlake.lru import LruCache
from runlake.model import LoggedRow, RunPath, State, WriterAnswer, WriterBatch, WriterHandle, WriterStart
from runlake.store.ingest.documents import Documents, changes_between, pack_documents, unpack_documents
from runlake.store.ingest.lease import EndedError, RemoteWriters, WriterLease
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.served import Served
from runlake.store.journal.stop_requests import StopRequestWatcher
from runlake.store.journal.writer import JournalWriter
from runlake.store.noting import append_change
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.store import Store
from runlake.values import flatten

_KEPT_WATCHES = 4096
_KEPT_WRITERS = 16_384


class _Announced(NamedTuple):
    """What is said of a writer when it begins: whose it is, and the rows that the run had before."""

    client: str | None
    row_counts: dict[str, int]


class RemoteRuns:
    """The runs of a store that processes elsewhere write through this one. Threads may share it."""

    def __init__(self, store: Store, *, limits: WriterLimits | None = None) -> None:
        self._store, self._limits = store, limits
        self._writers = RemoteWriters(store, limits=limits)
        self._watches: LruCache[tuple[RunPath, str], StopRequestWatcher] = LruCache(_KEPT_WATCHES)
        self._announced: LruCache[tuple[RunPath, str], _Announced] = LruCache(_KEPT_WRITERS)

    def begin(self, path: RunPath, start: WriterStart) -> WriterHandle:
        """Open the run as `store.opening.open.open_run` says. ReadOnlyError, ConflictError and UsageError as there."""
        config = flatten(start.config, stringify_keys=True)
        opened = open_run(
            self._store,
            path,
            {**_start_fields(start), "set": config},
            resume=start.resume,
            is_shared=start.is_shared,
            default_name=start.default_name,
            rewind_to=start.rewind_to,
            fork_from=start.fork_from,
            inspector=IN_PROCESS,
            clock=time.time if start.created_at is None else itertools.repeat(start.created_at).__next__,
            limits=self._limits,
        )
        before = opened.before
        base = start.row_counts or {
            "history": before.row_count if before else 0,
            "events": before.event_count if before and start.rewind_to is None else 0,
            "console": before.console_line_count if before and start.rewind_to is None else 0,
        }
        served = self._store.served(path)
        try:
            served.mark(opened.writer.writer, Served(header=opened.writer.header, client=start.client, base=base))
            served.keep_said(opened.writer.writer, pack_documents({"config": config}))
        except FileNotFoundError:
            raise NotFoundError(f"run {path} was deleted while it was opened") from None
        finally:
            opened.writer.close()
        return WriterHandle(path=path, writer=opened.writer.writer, row_counts=base, is_new=before is None)

    def find_writer(self, path: RunPath, client: str | None = None) -> WriterHandle | None:
        """The writer of a run that goes on: the newest one, of those of `client` when it is named. None without one."""
        for writer in reversed(self._store.served(path).list()):
            announced = self._announced_as(path, writer)
            if announced is not None and (client is None or announced.client == client):
                return WriterHandle(path=path, writer=writer, row_counts=announced.row_counts, is_new=False)
        return None

    def _announced_as(self, path: RunPath, writer: str) -> _Announced | None:
        """As who a writer was announced, which never changes: read once, for it is asked with each request."""
        announced = self._announced.get((path, writer))
        if announced is None:
            served = self._store.served(path).read(writer)
            if served is None:
                return None
            announced = _Announced(served.client, served.base)
            self._announced.put((path, writer), announced)
        return announced

    def write(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer:
        """Keep what a batch says. GapError where its rows do not follow on those that are there.

        NotFoundError when the run was deleted. OSError of the disk, which has kept nothing then.
        """
        if (answer := self._write_at_once(path, writer, batch)) is not None:
            return answer
        try:
            with self._writers.turn(path, writer) as lease:
                is_stopped = self._is_stop_requested(path, lease.writer)
                counts = self._apply(lease, batch, is_stopped=is_stopped)
        except EndedError as ended:
            _check_is_known(batch, ended.row_counts)
            return WriterAnswer(row_counts=ended.row_counts, is_ended=True)
        if batch.exit_code is not None:
            append_change(self._store, path, writer, "finish", lease.writer.header.incarnation)
            self._store.seal_soon(path)
        elif batch.info or batch.config or batch.alerts:
            append_change(self._store, path, writer, "edit", lease.writer.header.incarnation)
        return WriterAnswer(row_counts=counts, is_stop_requested=is_stopped)

    def _write_at_once(self, path: RunPath, writer: str, batch: WriterBatch) -> WriterAnswer | None:
        """As `write`, for what others need not be told of, in one step of the store; None where it takes a turn."""
        if batch.exit_code is not None or batch.info or batch.config or batch.alerts:
            return None
        counts: dict[str, int] = {}
        row_count = sum(map(len, batch.rows.values()))
        try:
            kept = self._writers.write_at_once(
                path, writer, row_count, lambda lease: counts.update(self._apply(lease, batch))
            )
        except (BadValueError, GapError):
            return None  # a turn knows whether that is so: rows may have come by another worker
        if kept is None:
            return None
        journal_writer, others = kept
        return WriterAnswer(row_counts=counts, is_stop_requested=self._is_stop_requested(path, journal_writer, others))

    def _apply(self, lease: WriterLease, batch: WriterBatch, *, is_stopped: bool = False) -> dict[str, int]:
        writer = lease.writer
        for stream, rows in batch.rows.items():
            known_count = writer.row_counts()[stream]
            skipped = known_count - batch.first_n.get(stream, known_count)
            if skipped < 0:
                raise GapError(
                    f"{stream} rows from {batch.first_n[stream]} on were sent, and there are only {known_count}; "
                    "send those between first",
                    known_count,
                )
            for row in rows[skipped:]:
                _log(writer, row, stream)
        known = unpack_documents(lease.said)
        before = dict(known)
        for kind, body in _news(batch, known):
            writer.record(kind, body)
        if known != before:
            lease.says = pack_documents(known)
        counts = writer.row_counts()
        if batch.exit_code is not None:
            state = batch.state or _state_after(batch.exit_code, known, is_stopped=is_stopped)
            if lease.is_one_of_several:
                # Of several, only those that decide how the run ends say that they end.
                writer.record(record.START, {"primary": True})
            writer.end({"exit_code": batch.exit_code, "state": state, "runtime": batch.runtime_s})
        return counts

    def _is_stop_requested(
        self, path: RunPath, writer: JournalWriter, parts: Sequence[tuple[PartName, int]] | None = None
    ) -> bool:
        key = (path, writer.writer)
        watch = self._watches.get(key)
        if watch is None:
            journal = self._store.journal(path)
            begun_us = int(writer.header.created_at * 1e6)
            watch = StopRequestWatcher(journal, writer.header.generation, writer.writer, since_us=begun_us)
            self._watches.put(key, watch)
        return watch.is_stop_requested(parts)


def _start_fields(start: WriterStart) -> dict[str, Any]:
    names = ("name", "notes", "group", "job_type", "user", "host", "program", "sweep")
    fields: dict[str, Any] = {name: getattr(start, name) for name in names}
    fields["tags"] = None if start.tags is None else list(start.tags)
    if start.fork_from is not None:
        fields["forked_from"] = f"{start.fork_from[0]}?_step={start.fork_from[1]}"
    return fields


def _news(batch: WriterBatch, known: Documents) -> Iterator[tuple[int, dict[str, Any]]]:
    """The records of what a batch says anew; `known`, what its writer has said before, is brought up to date."""
    said = known.get("info", {})
    if info := {name: value for name, value in batch.info.items() if name not in said or said[name] != value}:
        known["info"] = said | info
        yield record.INFO, info
    for rule in batch.rules:
        body = msgspec.to_builtins(rule)
        if known.get("rules", {}).get(rule.name) != body:
            known["rules"] = known.get("rules", {}) | {rule.name: body}
            yield record.DEFINE, {"rule": body}
    for alert in batch.alerts:
        yield record.ALERT, msgspec.structs.asdict(alert)
    for name, kind, document in (
        ("config", record.CONFIG, batch.config),
        ("summary", record.SUMMARY, batch.summary),
    ):
        if document is not None:
            flat = flatten(document, stringify_keys=True)
            edit = changes_between(known.get(name, {}), flat)
            if edit is not None:
                known[name] = flat
                yield kind, edit
    if batch.is_preempting:
        known["state"] = {"is_preempting": True}
        yield record.STATE, {"state": "preempting"}


def _state_after(exit_code: int, known: Documents, *, is_stopped: bool) -> State:
    if not exit_code:
        return "finished"
    if known.get("state", {}).get("is_preempting"):
        return "preempted"
    return "killed" if is_stopped else "failed"


def _log(writer: JournalWriter, row: LoggedRow, stream: Any) -> None:
    try:
        writer.log(row.values, step=row.step, timestamp=row.timestamp, runtime=row.runtime, stream=stream)
    except LogTypeError as error:
        raise BadValueError(f"a {stream} row of step {row.step} cannot be kept: {error}") from error


def _check_is_known(batch: WriterBatch, row_counts: Mapping[str, int]) -> None:
    """A batch for a writer that has ended: fine if it came before, and was sent once more."""
    for stream, rows in batch.rows.items():
        behind = batch.first_n.get(stream, 0) + len(rows) - row_counts[stream]
        if behind > 0:
            raise GapError(f"{behind} {stream} rows came after the end of their writer", row_counts[stream])
