"""The rows of a run, what is told with them, and its end. `log()` is the hot path of the whole library.

From a call to the disk: `RunWriter.log` decides which row and step the values belong to, `JournalWriter.log` packs them
and makes one `os.write`. Nothing else happens in the caller's thread: no queue, no hashing of files, no network.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Literal, Self

from runlake.errors import BadValueError, LogTypeError, UsageError
from runlake.model import RUNTIME, TIMESTAMP, MetricRule, State
from runlake.sdk.exit_hooks import end_with_worker, exit_code_of
from runlake.sdk.run.backlog import FAULTS, is_fault
from runlake.sdk.run.files import Policy
from runlake.sdk.run.rules import make_rule
from runlake.sdk.run.run_records import RunRecords
from runlake.store.journal import record
from runlake.store.journal.row_encoder import axes_of
from runlake.values import flatten, unflatten


class RunWriter(RunRecords):
    """A run being written, from its first row to its end."""

    on_finishing: Callable[[], None] | None = None
    on_finished: Callable[[], None] | None = None
    is_stop_requested = False
    is_interrupted = False
    """Somebody pressed Ctrl-C in a run of an agent: ended by that KeyboardInterrupt, it was killed."""
    _is_preempting = False
    _named_step: int | None = None

    def log(
        self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None
    ) -> None:
        """Log one row: durable against the death of the process when it returns.

        Without `step` the row is complete and the step rises by one. With `step`, or ``commit=False``, the row stays
        open: later calls join it until a plain ``log``, a higher step or `finish`. A lower step than the present
        one is kept as a row of its own. `sync` is accepted and has no meaning here.
        Raises LogTypeError for what cannot be logged (nothing of the call is written then) and UsageError after
        `finish`.
        """
        if not isinstance(data, Mapping):
            raise LogTypeError(f'log() takes a dict, like {{"loss": 0.1}}, not {type(data).__name__}')
        with self._lock:
            if self._state != "running":
                raise self._log_after_finish()
            if step is None and commit is not False and self._open_step is None and not self._rules:
                at = self._next_step
                self._next_step = at + 1  # before the write: a signal handler may log a row of its own in there
                try:
                    self._write(data, at, True)
                except Exception:
                    self._next_step = at
                    raise
            else:
                self._log_row(data, step, commit)

    def _log_row(self, data: Mapping[str, Any], step: int | None, commit: bool | None) -> None:
        if step is not None:
            step = _whole_step(step)
        if self._rules:
            data = self._rules.with_step_metrics(data)
        if step is not None and step < self.step:
            self._warn(
                "lower step",
                f"step {step} is lower than the present one ({self.step}): kept as a row of its own; said once",
            )
            self._write_behind(data, step)
            return
        commits = step is None if commit is None else commit
        if step is not None and step != self._open_step:
            self._close_row()
            self._next_step = self._named_step = step
        at = self._next_step if self._open_step is None else self._open_step
        self._write(data, at, commits)
        self._open_step = None if commits else at
        self._next_step = at + 1 if commits else at

    def _write_behind(self, data: Mapping[str, Any], step: int) -> None:
        """A row of a step that is past: whole at once, beside whatever row is open."""
        if self._open_step is None:
            self._write(data, step, True)
            return
        # Pieces of one row stand together in the journal. What is still to come of the open row becomes a row of
        # its own with the same step: nothing is lost.
        self._close_journal_row()
        self._write(data, step, True)

    def _close_journal_row(self) -> None:
        if self._backlog:
            self._backlog.keep(self._writer.close_row, count=0)
        else:
            self._writer.close_row()

    def _close_row(self) -> None:
        if self._open_step is not None:
            self._close_journal_row()
            self._next_step, self._open_step = self._open_step + 1, None

    def _write(self, data: Mapping[str, Any], step: int, commit: bool) -> None:
        timestamp = self._clock()
        runtime = time.monotonic() - self._monotonic_start
        if self._backlog and not self._backlog.work_off():
            self._write_later(data, step, commit, timestamp, runtime)
            return
        try:
            flat = self._writer_log(data, step=step, timestamp=timestamp, runtime=runtime, commit=commit)
        except FAULTS as error:
            if self._state != "running":  # a signal handler has ended it
                raise self._log_after_finish() from None
            if self._settings.strict or not is_fault(error):
                raise
            self._write_later(data, step, commit, timestamp, runtime)
            self._tell_fault(error)
            return
        if flat is None and not self._rules:
            self._note(data)
        else:
            self._live.take(flatten(data) if flat is None else flat, self._row_number())

    def _row_number(self) -> int | None:
        """Which row was written to last: the same for all pieces of one."""
        return self._writer.row_counts().get("history")

    def _log_after_finish(self) -> UsageError:
        return UsageError(f"log() after finish(): run {self.path} has ended; begin another with runlake.init()")

    def log_apart(self, take: Callable[[], Iterable[tuple[Mapping[str, Any], float]]]) -> None:
        """Log whole rows, each with its time; called by helpers.

        A row that is open for a step of the program's own stays open, and these stand beside it; one that is open
        without a step, as `watch` leaves it, is joined. `take` hands them out while the run is held: rows that two
        threads bring stay in order. After the end none is taken.
        """
        with self._lock:
            if self._state != "running":
                return
            for data, timestamp in take():
                age_s = self._clock() - timestamp
                runtime = max(0.0, time.monotonic() - self._monotonic_start - age_s)
                timed = {TIMESTAMP: timestamp, RUNTIME: runtime, **data}
                if self._open_step is not None and self._open_step == self._named_step:
                    self._write_behind(timed, self._open_step)
                else:
                    self.log(timed)

    def _write_later(self, data: Mapping[str, Any], step: int, commit: bool, timestamp: float, runtime: float) -> None:
        try:
            flat = flatten(self.prepare(data, step))
            step, timestamp, runtime = axes_of(flat, step, timestamp, runtime)
            values = unflatten(flat.items())
        except FAULTS:  # media, whose files the disk refuses too
            self._backlog.lost_count += 1
            return

        def write() -> None:
            self._writer_log(values, step=step, timestamp=timestamp, runtime=runtime, commit=commit)
            self._live.take(flatten(values), self._row_number())

        self._backlog.keep(write)

    # Metrics and files

    def define_metric(
        self,
        name: str,
        step_metric: str | MetricRule | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> MetricRule:
        """Say what the summary keeps of a metric, and which metric it is drawn over; answers all that holds of it.

        `name` may end with a ``*``; a dot in a key may be written as ``\\.``. A later call of the same name adds to
        the earlier ones: their aggregates are kept, and what it leaves out. With ``overwrite=True`` it stands alone.
        `step_metric` may be what an earlier call answered.
        """
        if overwrite is not None and not isinstance(overwrite, bool):
            raise BadValueError(f"define_metric: overwrite={overwrite!r} is a {type(overwrite).__name__}; give a bool")
        asked = {
            "step_metric": step_metric, "step_sync": step_sync, "hidden": hidden, "summary": summary, "goal": goal,
        }  # fmt: skip
        with self._lock:
            before = None if overwrite or not isinstance(name, str) else self._rules.rule_named(name)
            rule = make_rule(name, asked, before)
            body = {field: getattr(rule, field) for field in rule.__struct_fields__}
            self._record(record.DEFINE, {"rule": {**body, "summary": list(rule.summary)}})
            self._live.add_rule(rule)
        return rule

    def save(
        self,
        glob_str: str | os.PathLike[str],
        base_path: str | os.PathLike[str] | None = None,
        policy: Policy = "live",
    ) -> list[str]:
        """Keep files or a folder with the run; answers where the copies lie, with a warning where nothing matches."""
        saved = self.files_of_run.save(glob_str, base_path, policy)
        if not saved and not self.disabled:
            name = os.fsdecode(glob_str)
            self._warn(f"save {name}", f"save: no file matches {name!r} in {os.getcwd()}: nothing was kept")  # noqa: PTH109
        return saved

    # Console and system metrics: called by what is attached to the run

    def write_console(self, number: int, level: str | None, text: str, timestamp: float) -> None:
        """Keep a printed line; a number that comes again replaces the line."""
        values: dict[str, Any] = {"line": number, "text": text}
        if level is not None:
            values["level"] = level
        if self.source is not None:
            values["source"] = self.source
        self._write_beside("console", values, timestamp)

    def write_events(self, values: Mapping[str, Any]) -> None:
        """Keep one sample of the machine."""
        if self._settings.label is not None:
            values = {f"{key}/l:{self._settings.label}": value for key, value in values.items()}
        self._write_beside("events", values, self._clock())

    def _write_beside(self, stream: Literal["events", "console"], values: Mapping[str, Any], timestamp: float) -> None:
        if self._state != "running" or os.getpid() != self._pid:
            return
        runtime = time.monotonic() - self._monotonic_start
        try:
            self._writer.log(values, step=self.step, timestamp=timestamp, runtime=runtime, stream=stream)
        except FAULTS as error:
            if not is_fault(error):
                raise
            if self._state == "running":  # and was not ended by another thread meanwhile
                self._backlog.lost_count += 1
                self._tell_fault(error)

    # Life

    def sync_to_disk(self) -> None:
        """Wait until the disk itself has all rows: what a power failure cannot take."""
        self._writer.sync()

    def refresh_files(self, *, at_end: bool = False) -> None:
        """Copy again the saved files that have changed; what cannot be copied is told once a file."""
        for name, error in self.files_of_run.refresh(at_end=at_end):
            self._warn(f"file {name}", f"the saved file {name!r} could not be copied: {error}")

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run: `finished` with exit code 0 or None, `failed` otherwise. A second call does nothing."""
        self.end(0 if exit_code is None else _whole_exit_code(exit_code))

    def end(self, exit_code: int, state: State | None = None) -> None:
        """`finish`, with a state that the exit code does not tell, like killed. Whatever fails, the run ends.

        A signal handler may come in the midst of it and call it too: then that call does all that is left to do, since
        there may be no way back here.
        """
        with self._lock:
            if self._state == "running":
                self._close_attached()
                self._config.tell_last_changes()
                self._before_last_row()
                self._close_row()
                self.refresh_files(at_end=True)
                self._backlog.work_off()
                self._backlog.give_up()
            if not self._has_written_end:
                self._write_end(exit_code, self._state_after(exit_code, state))
        on_finished, self.on_finished = self.on_finished, None
        if on_finished is not None:
            on_finished()
        if self._backlog.lost_count:
            self._warn(
                "lost",
                f"{self._backlog.lost_count} rows or records of run {self.path} could not be written and are lost",
            )

    def _before_last_row(self) -> None:
        """What is to end while the row that is open can still be joined."""

    def before_finish(self, call: Callable[[], None]) -> None:
        """Have `call` made when the run ends, while rows can still be logged."""
        others = self.on_finishing

        def finishing() -> None:
            call()
            if others is not None:
                others()

        self.on_finishing = finishing

    def _close_attached(self) -> None:
        """End what runs beside: once, also when a second Ctrl-C breaks it off."""
        on_finishing, self.on_finishing = self.on_finishing, None
        if on_finishing is not None:
            try:
                on_finishing()
            except FAULTS as error:
                if not is_fault(error):
                    raise
                self._warn("helpers", f"the closing files of run {self.path} could not all be written: {error}")

    def _state_after(self, exit_code: int, state: State | None) -> State:
        if state is None:
            is_killed = self.is_interrupted and isinstance(sys.exception(), KeyboardInterrupt)
            state = "killed" if self.is_stop_requested or is_killed else "failed" if exit_code else "finished"
        return "preempted" if self._is_preempting and state != "finished" else state

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end(exit_code_of(error))

    def __reduce__(self) -> Any:
        raise TypeError(
            f"run {self.path} cannot be sent to another process: there, begin with "
            f'runlake.init(project={self.project!r}, id={self.id!r}, resume="must")'
        )

    # Fork

    def hold(self) -> None:
        """Called before a fork: no thread may be in the midst of a row, or of loading what a row needs."""
        self._lock.acquire()
        self._config.tell_changes(from_beside=True)

    def release(self) -> None:
        """Called in the parent after a fork."""
        self._lock.release()

    def enter_child(self) -> None:
        """Called in a forked child: the parent's file is the parent's, the child opens its own when it first writes."""
        # How the child ends is not how the run ends.
        self._leave_writer_to_parent(lambda: end_with_worker(lambda: lambda _exit_code: self.end(0)))
        self.on_finishing = self.on_finished = None


def _whole_step(step: Any) -> int:
    if isinstance(step, bool) or not hasattr(step, "__index__"):
        raise LogTypeError(f"step must be an integer, not {step!r} ({type(step).__name__})")
    whole = int(step.__index__())
    if not -(2**63) <= whole < 2**63:
        raise LogTypeError(f"step {whole} does not fit into 64 bits")
    return whole


def _whole_exit_code(code: Any) -> int:
    if not hasattr(code, "__index__") or not -(2**63) <= int(code.__index__()) < 2**63:
        raise BadValueError(f"finish: exit_code={code!r:.60}; give an integer, 0 where all went well")
    return int(code.__index__())
