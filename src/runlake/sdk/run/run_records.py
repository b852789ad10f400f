"""Everything that a run writes but its rows: edits, its last word; and what is done when the disk refuses.

Errors of the caller raise at once. Faults of the world (a full disk, a share that went away) never stop training: one
warning, what was to be written is kept in memory and tried again with the next call, and `finish()` says what was lost.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from runlake.errors import UsageError, warn
from runlake.model import RUNTIME, TIMESTAMP, State, is_time
from runlake.plain import plain_of
from runlake.sdk.run.backlog import FAULTS, Backlog, is_fault
from runlake.sdk.run.config import Config
from runlake.sdk.run.facts import RunFacts
from runlake.sdk.run.live_summary import LiveSummary
from runlake.sdk.run.summary import Summary
from runlake.settings import Settings
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.proof import prove_record
from runlake.store.journal.writer import JournalWriter
from runlake.store.opening.writers import OpenedRun, open_child

_PLAIN = frozenset({float, int, str, bool, type(None), bytes})


class RunRecords(RunFacts):
    """A run with this process's writer, and with one of its own in each forked child."""

    def __init__(
        self,
        opened: OpenedRun,
        layout: FolderStore,
        settings: Settings,
        *,
        config: Mapping[str, Any],
        name: str,
        allow_val_change: bool = False,
        locked: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        before = opened.before
        self._clock = clock
        self._writer_log = opened.writer.log
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._is_child_without_writer = self._has_written_end = False
        self._on_own_writer: Callable[[], None] = lambda: None
        self._live = LiveSummary(
            before.summary if before else {}, before.metric_rules if before else (), opened.numbers
        )
        self._rules, self._note = self._live.rules, self._live.note
        self._backlog = Backlog()
        self._warned: set[str] = set()
        started_at = clock()
        self._monotonic_start = time.monotonic() - (before.runtime_s if before else 0.0)
        super().__init__(
            opened,
            layout,
            settings,
            config=Config(
                config,
                self._edit_config,
                allow_val_change=allow_val_change,
                locked=locked,
                on_lend=self._tell_config_with_the_next_row,
            ),
            summary=Summary(self._current_summary, self._edit_summary, self._convert_for_summary),
            name=name,
            started_at=started_at,
            on_info=self._record_info,
        )

    def _record(self, kind: int, body: Mapping[str, Any]) -> None:
        with self._lock:
            if self._state != "running":
                raise self._edit_after_finish()
            write = partial(self._write_record, kind, body)
            if self._backlog and not self._backlog.work_off():
                prove_record(kind, {"clock": 0, "n": 0, **body})  # now: later it would stop what waits behind it
                self._backlog.keep(write)
                return
            try:
                write()
            except FAULTS as error:
                if self._state != "running":  # a signal handler has ended it
                    raise self._edit_after_finish() from None
                if self._settings.strict or not is_fault(error):
                    raise
                self._backlog.keep(write)
                self._tell_fault(error)

    def _edit_after_finish(self) -> UsageError:
        return UsageError(f"run {self.path} has ended; edit it with runlake.Api().run({self.path!r})")

    def _write_record(self, kind: int, body: Mapping[str, Any]) -> None:
        self._writer_here().record(kind, body)

    def _tell_fault(self, error: Exception) -> None:
        self._warn("fault", f"{error}: rows are kept in memory and written as soon as the disk takes them; said once")

    def _warn(self, what: str, message: str) -> None:
        if what not in self._warned:
            self._warned.add(what)
            warn(message)

    # Config, summary, names

    def _edit_config(self, paths_set: Mapping[str, Any], paths_unset: list[str]) -> None:
        self._record(record.CONFIG, {"set": dict(paths_set), "unset": list(paths_unset)})

    def _edit_summary(self, paths_set: Mapping[str, Any], paths_unset: list[str]) -> None:
        edit = {"set": dict(paths_set), "unset": list(paths_unset)}
        with self._lock:
            self._record(record.SUMMARY, edit)
            self._live.edit(edit)

    def _record_info(self, name: str, value: Any) -> None:
        self._record(record.INFO, {name: value})

    def _current_summary(self) -> dict[str, Any]:
        with self._lock:
            return self._live.current()

    def _tell_config_with_the_next_row(self) -> None:
        """Somebody holds a dict of the config, and may change it before the next row."""
        self._writer_log = self._tell_config_and_log

    def _tell_config_and_log(self, data: Mapping[str, Any], **where: Any) -> dict[str, Any] | None:
        self._writer_log = self._open_and_log if self._is_child_without_writer else self._writer.log
        self._config.tell_changes()
        return self._writer_log(data, **where)

    # Media

    def prepare(self, data: Mapping[str, Any], step: int) -> Mapping[str, Any]:
        """The row with media stored as files and replaced by their descriptions, large arrays as histograms.

        A time of the caller's that cannot be one is left out: the row has that of the call.
        """
        if TIMESTAMP in data or RUNTIME in data:
            data = self._with_possible_times(data)
        if _PLAIN.issuperset(map(type, data.values())):
            return data  # without loading what knows about media
        from runlake.media.convert import prepare
        from runlake.media.large_arrays import with_histograms
        from runlake.media.left_out import strictly

        with strictly(self._settings.strict):
            return prepare(with_histograms(data), self.files_of_run.write, step)

    def _with_possible_times(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in (TIMESTAMP, RUNTIME):
            value = plain_of(data.get(name))
            if type(value) in (int, float) and not is_time(value):
                self._warn(name, f"log: {name!r} is {value!r:.60}, and is left out; give seconds; said once")
                data = {key: item for key, item in data.items() if key != name}
        return data

    def _convert_for_summary(self, value: Any) -> Any:
        from runlake.media.convert import convert_value
        from runlake.media.left_out import strictly

        with strictly(self._settings.strict):
            return convert_value(value, self.files_of_run.write, "summary", self.step)

    # The last record

    def _write_end(self, exit_code: int, ended: State) -> None:
        """The last record; where the disk refuses it the run will read as crashed."""
        if self._state == "running":
            self._state = ended
        if self._is_child_without_writer:
            return
        runtime = time.monotonic() - self._monotonic_start
        body = {
            "exit_code": exit_code,
            "state": self._state,
            "runtime": runtime,
            "lost_count": self._backlog.lost_count,
        }
        try:
            if self._writer.is_ended:  # by a call that a signal handler broke off
                self._writer.close()
            else:
                self._writer.end(body)
            self._has_written_end = True
        except FAULTS as error:
            if self._has_written_end:  # by a signal handler, meanwhile
                return
            if not is_fault(error):
                raise
            self._has_written_end = True
            self._writer.close()
            if self._settings.strict:
                raise
            self._warn("end", f"the end of run {self.path} could not be written ({error}): it will read as crashed")

    # Fork

    def _leave_writer_to_parent(self, on_own_writer: Callable[[], None]) -> None:
        """In a forked child: its own writer is opened when it first writes, and `on_own_writer` is called then."""
        self._lock = threading.RLock()
        self._writer.abandon()
        self._backlog.forget()
        self.files_of_run.forget()
        self._is_child_without_writer = True
        self._writer_log, self._on_own_writer = self._open_and_log, on_own_writer

    def _writer_here(self) -> JournalWriter:
        """This process's own writer."""
        if self._is_child_without_writer:
            opened = open_child(self._layout, self._opened, prepare=self.prepare, clock=self._clock)
            self._writer, self._writer_log, self._pid = opened.writer, opened.writer.log, os.getpid()
            self._is_child_without_writer = False
            self._on_own_writer()
        return self._writer

    def _open_and_log(self, data: Mapping[str, Any], **where: Any) -> dict[str, Any] | None:
        return self._writer_here().log(data, **where)
