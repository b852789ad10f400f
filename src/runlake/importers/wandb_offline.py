"""Runs that W&B's client wrote into its folder ``wandb/``: their ``.wandb`` files, and what lies beside these.

What the records mean is told by numbered fields of Protocol Buffers messages (``wandb_internal.proto``), whose numbers
are fixed; they are read without W&B's package.
"""

from __future__ import annotations

import io
import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, cast

from runlake.errors import BadValueError
from runlake.importers.foreign import ForeignArtifact, ForeignFile, ForeignRow, ForeignRun, mark_of
from runlake.importers.wandb_artifacts import read_artifact
from runlake.importers.wandb_items import (
    Names,
    all_json,
    edit,
    fields_behind,
    nested,
    read_items,
    split_items,
    step_of,
)
from runlake.importers.wandb_records import OFTEN, SUMMARY, Record, in_pieces, plain_rows, read_log_records
from runlake.importers.wandb_rows import PlainRow
from runlake.importers.wandb_summary import Summary
from runlake.integrations.tensorboard.wire import WireError, fields, raw, text
from runlake.model import (
    AXES,
    HIDDEN_KEY,
    METADATA_FILE,
    RUNTIME,
    STEP,
    TIMESTAMP,
    Alert,
    Level,
    LoggedRow,
    MetricRule,
    WriterBatch,
    WriterStart,
)
from runlake.sdk.capture.terminal import Terminal
from runlake.values import encode_json

OUTPUT, CONFIG, FILES, STATS, ARTIFACT, TENSORBOARD, ALERT = 4, 5, 6, 7, 8, 9, 10
METRIC, OUTPUT_RAW, RUN, EXIT, PREEMPTING, LINK_ARTIFACT, USE_ARTIFACT, ENVIRONMENT = 12, 13, 17, 18, 23, 24, 25, 26
_LOST = {
    TENSORBOARD: "TensorBoard folder", LINK_ARTIFACT: "linked artifact",
    USE_ARTIFACT: "used artifact",
}  # fmt: skip
_NOT_OF_THE_USER = frozenset({*AXES, HIDDEN_KEY})
_SUMMARY_KINDS = {1: "min", 2: "max", 3: "mean", 4: "best", 5: "last", 6: "none", 7: "copy", 8: "first"}
_GOALS = {1: "minimize", 2: "maximize"}
_LEVELS = ("INFO", "WARN", "ERROR")
_ENVIRONMENT = {
    1: "os", 2: "python", 6: "program", 7: "codePath", 8: "codePathLocal", 10: "email", 11: "root", 12: "host",
    13: "username", 14: "executable", 16: "cpu_count", 17: "cpu_count_logical", 18: "gpu", 19: "gpu_count",
}  # fmt: skip
_ITEM_TAG = b"\x0a"
_FIRST_RECORDS = 64
"""Within so many records a run says who it is, and where it ran."""


def is_of(place: Path) -> bool:
    """Whether a file or folder holds such runs."""
    return next(find_logs(place), None) is not None


def find_logs(place: Path) -> Iterator[Path]:
    """The ``.wandb`` files of a run's folder, of a folder ``wandb``, or of one that has it in it; oldest first."""
    if place.is_file():
        yield from [place] if place.suffix == ".wandb" else []
        return
    for pattern in ("*.wandb", "*run-*/*.wandb", "wandb/*run-*/*.wandb"):
        if found := sorted(file for file in place.glob(pattern) if not file.parent.is_symlink()):
            yield from found
            return


def read(place: Path) -> Iterator[ForeignRun]:
    """Each run below a place."""
    for log in find_logs(place):
        yield read_log(log)


def read_log(log: Path) -> ForeignRun:
    """The run of one ``.wandb`` file. BadValueError for a file that is none, or that says of no run."""
    problems: list[str] = []
    records = read_log_records(log, problems)
    first = list(itertools.islice(records, _FIRST_RECORDS))
    run = next((raw(content) for number, content in first if number == RUN), None)
    if run is None:
        raise BadValueError(f"{log} says of no run; it is empty, or was cut off at once")
    said = dict[int, Any]()
    config: dict[str, Any] = {}
    tags: list[str] = []
    for number, _, content in fields(run):
        if number == 4:
            config = nested(read_items(raw(content))[0])
        elif number == 10:
            tags.append(text(content))
        else:
            said[number] = content
    words = {number: text(said[number]) for number in (1, 2, 3, 6, 7, 8, 9, 13) if number in said}
    machine = _environment(content for number, content in first if number == ENVIRONMENT)
    started_at = _seconds(raw(said[17])) if 17 in said else None
    config.pop(HIDDEN_KEY, None)
    lost: Counter[str] = Counter()
    mark = mark_of("wandb", words.get(2, ""), words.get(3, ""), words[1], str(started_at))
    reader = _Reader(log, mark, config, started_at or 0.0, lost, problems)
    return ForeignRun(
        run_id=words[1],
        mark=mark,
        place=str(log),
        start=WriterStart(
            name=words.get(8),
            notes=words.get(9) or None,
            tags=tuple(tags) or None,
            group=words.get(6) or None,
            job_type=words.get(7) or None,
            user=machine.get("username"),
            host=words.get(13) or machine.get("host"),
            program=machine.get("program"),
            config=config,
            resume="allow" if said.get(18) else "never",
            created_at=started_at,
        ),
        said=reader.read(itertools.chain(first, records)),
        files=reader.files(),
        artifacts=reader.artifacts,
        lost=lost,
        problems=problems,
    )


class _Reader:
    """What one log says, in its order, as rows and batches."""

    def __init__(
        self, log: Path, mark: str, config: dict[str, Any], started_at: float, lost: Counter[str], problems: list[str]
    ) -> None:
        self.artifacts: list[ForeignArtifact] = []
        self._mark = mark
        self._log, self._lost, self._problems, self._started_at = log, lost, problems, started_at
        self._config = config
        self._summary = Summary()
        self._names = Names()
        self._row_keys: dict[str, Any] = {}
        self._row_order: list[str] = []
        self._machine: dict[str, Any] = {}
        self._saved: list[str] = []
        self._alerts: list[Alert] = []
        self._numbers = itertools.count()
        self._terminals = {0: Terminal(self._numbers.__next__), 1: Terminal(self._numbers.__next__)}
        self._step = self._event_count = 0
        self._last_at = started_at
        self._is_over = False
        self._read: dict[int, Callable[[bytes], Iterator[ForeignRow | WriterBatch]]] = {
            CONFIG: self._take_config, STATS: self._stats,
            METRIC: self._metric, OUTPUT: self._output, OUTPUT_RAW: self._output, ALERT: self._alert,
            ARTIFACT: self._take_artifact, FILES: self._take_files, ENVIRONMENT: self._take_environment,
            EXIT: self._exit, RUN: self._pass,
        }  # fmt: skip

    def read(self, records: Iterator[Record]) -> Iterator[ForeignRow | WriterBatch]:
        """Rows, and batches for what stands between them."""
        for piece in in_pieces(records):
            yield from self._read_piece(piece)
        if not self._is_over:
            yield from self._last_lines()
            yield WriterBatch(summary=self._summary_of_user())
            if self._alerts:  # they would be kept once more by each import, until the run has ended
                self._lost["alert of a run that has not ended"] += len(self._alerts)

    def _read_piece(self, piece: list[Record]) -> Iterator[ForeignRow | WriterBatch]:
        plain = plain_rows(piece)
        for place, (number, content) in enumerate(piece):
            if number in OFTEN:
                try:
                    if number == SUMMARY:
                        self._take_summary(raw(content), piece[place + 1 : place + 2], plain.get(place + 1))
                    else:
                        yield ForeignRow("history", self._row(raw(content), plain.get(place)))
                except (WireError, BadValueError) as error:
                    self._problems.append(f"{self._log.name}: {error}")
                continue
            if number == PREEMPTING:
                yield WriterBatch(is_preempting=True)
            elif number in _LOST:
                self._lost[_LOST[number]] += 1
            elif number in self._read:
                try:
                    yield from self._read[number](raw(content))
                except (WireError, BadValueError) as error:
                    self._problems.append(f"{self._log.name}: {error}")
            else:
                self._lost[f"record of kind {number}"] += 1
            self._is_over = self._is_over or number == EXIT

    def files(self) -> Iterator[ForeignFile]:
        """The files beside the log; to be read behind what it says, which names those that were saved elsewhere."""
        folder = self._log.parent / "files"
        names = set()
        for place, _, found in os.walk(folder):
            for each in found:
                file = Path(place, each)
                name = file.relative_to(folder).as_posix()
                if file.is_symlink() and name not in self._saved:
                    self._problems.append(f"{file} is a link, and not one that the run saved: it was not followed")
                elif file.is_file():
                    names.add(name)
                    yield ForeignFile(name, _opener(file))
        for name in self._saved:
            if name not in names and not any(char in name for char in "*?["):
                self._lost["saved file that is not beside the log"] += 1
        if self._machine and METADATA_FILE not in names:
            content = encode_json(self._machine).encode()
            yield ForeignFile(METADATA_FILE, partial(io.BytesIO, content))

    def _row(self, message: bytes, plain: PlainRow | None) -> LoggedRow:
        row: dict[str, Any]
        if plain is not None:
            row, step = plain.values, plain.step if plain.step >= 0 else plain.values.get(STEP)
        else:
            row, others = self._read_row(message)
            step = row.get(STEP)
            for number, content in others:
                if number == 2:
                    step = step_of(raw(content))
        self._step = step if type(step) is int else self._step + 1
        timestamp, runtime = row.get(TIMESTAMP), row.get(RUNTIME)
        self._last_at = float(timestamp) if isinstance(timestamp, int | float) else self._last_at
        runtime_s = float(runtime) if isinstance(runtime, int | float) else self._last_at - self._started_at
        if row.keys() != self._row_keys.keys():
            self._row_keys = row
            self._row_order = [key for key in sorted(row) if key not in _NOT_OF_THE_USER]
        values = {key: row[key] for key in self._row_order}  # in one order rows of the same keys are of one shape
        return LoggedRow(self._step, self._last_at, runtime_s, values)

    def _read_row(self, message: bytes) -> tuple[dict[str, Any], list[tuple[int, int | bytes]]]:
        keys, texts, end = split_items(message)
        if keys and message[end : end + 1] != _ITEM_TAG:
            row = dict(zip(map(self._names.__getitem__, keys), all_json(texts), strict=True))
            return row, fields_behind(message[end:])
        items, others = read_items(message)
        return nested(items), others

    def _stats(self, message: bytes) -> Iterator[ForeignRow]:
        items, others = read_items(message, item_field=3)
        at = next((_seconds(raw(content)) for number, content in others if number == 2), self._last_at)
        values = {f"system.{'.'.join(path)}": value for path, value in sorted(items)}
        yield ForeignRow("events", LoggedRow(self._event_count, at, at - self._started_at, values))
        self._event_count += 1

    def _take_summary(self, message: bytes, following: list[Record], row: PlainRow | None) -> None:
        if row is not None and row.has_items(raw(following[0][1]), message):
            self._summary.take_row(message, row)
        else:
            self._summary.take(message)

    def _take_config(self, message: bytes) -> Iterator[WriterBatch]:
        edit(self._config, message)
        self._config.pop(HIDDEN_KEY, None)
        yield WriterBatch(config=_copied(self._config))

    def _metric(self, message: bytes) -> Iterator[WriterBatch]:
        said = {number: content for number, _, content in fields(message)}
        if 10 in said:
            return  # made of a rule with a glob, which is here too
        flags = dict((number, value) for number, _, value in fields(raw(said.get(7, b""))))
        options = dict((number, value) for number, _, value in fields(raw(said.get(6, b""))))
        rule = MetricRule(
            text(said.get(1) or said.get(2, b"")),
            text(said[4]) if 4 in said else None,
            tuple(_SUMMARY_KINDS[number] for number in sorted(flags) if flags[number] and number in _SUMMARY_KINDS),
            _GOALS.get(int(said.get(8, 0))),
            bool(options.get(2)),
            bool(options.get(1, 0)) if 4 in said else True,
        )
        yield WriterBatch(rules=(rule,))

    def _output(self, message: bytes) -> Iterator[ForeignRow]:
        said = {number: content for number, _, content in fields(message)}
        kind = int(said.get(1, 0)) and 1
        at = _seconds(raw(said[2])) if 2 in said else self._last_at
        terminal = self._terminals[kind]
        terminal.feed(text(said.get(3, b"")), at)
        yield from self._lines(kind, is_done=False)

    def _lines(self, kind: int, *, is_done: bool) -> Iterator[ForeignRow]:
        terminal = self._terminals[kind]
        for line in list(terminal.changed):
            if line.number is not None and (is_done or line is not terminal.current):
                del terminal.changed[line]
                values = {"line": line.number, "text": line.shown, **({} if kind else {"level": "error"})}
                at = line.changed_at
                yield ForeignRow("console", LoggedRow(0, at, max(0.0, at - self._started_at), values))

    def _alert(self, message: bytes) -> Iterator[WriterBatch]:
        said = {number: content for number, _, content in fields(message)}
        words = {number: text(said.get(number, b"")) for number in (1, 2, 3)}
        level = cast(Level, words[3] if words[3] in _LEVELS else "INFO")
        self._alerts.append(Alert(title=words[1], text=words[2], level=level, timestamp=self._last_at))
        return iter(())

    def _take_artifact(self, message: bytes) -> Iterator[WriterBatch]:
        folder = self._log.parent.parent.parent  # the one in which the client made its folder wandb/
        try:
            self.artifacts.append(read_artifact(message, self._mark, self._last_at, folder))
        except BadValueError as error:
            self._lost["artifact"] += 1
            self._problems.append(f"{self._log.name}: {error}")
        return iter(())

    def _take_files(self, message: bytes) -> Iterator[WriterBatch]:
        for _, _, item in fields(message):
            self._saved += [text(content) for number, _, content in fields(raw(item)) if number == 1]
        return iter(())

    def _take_environment(self, message: bytes) -> Iterator[WriterBatch]:
        self._machine |= _environment([message])
        return iter(())

    def _exit(self, message: bytes) -> Iterator[ForeignRow | WriterBatch]:
        yield from self._last_lines()
        said = {number: content for number, _, content in fields(message)}
        summary = self._summary_of_user()
        hidden = self._summary.read().get(HIDDEN_KEY)
        runtime = hidden.get("runtime") if isinstance(hidden, dict) else None
        yield WriterBatch(
            summary=summary,
            alerts=tuple(self._alerts),
            exit_code=int(said.get(1, 0)),
            runtime_s=float(runtime if isinstance(runtime, int | float) else said.get(2, 0)),
        )

    def _last_lines(self) -> Iterator[ForeignRow]:
        for kind in self._terminals:
            yield from self._lines(kind, is_done=True)

    def _summary_of_user(self) -> dict[str, Any]:
        return {key: value for key, value in self._summary.read().items() if key not in _NOT_OF_THE_USER}

    def _pass(self, message: bytes) -> Iterator[WriterBatch]:
        return iter(())


def _environment(messages: Any) -> dict[str, Any]:
    """What records say of the machine and the program, under the names of ``wandb-metadata.json``."""
    found: dict[str, Any] = {}
    for message in messages:
        for number, _, content in fields(raw(message)):
            if number == 5:
                found.setdefault("args", []).append(text(content))
            elif number == 9:
                git = {field: text(part) for field, _, part in fields(raw(content)) if field in (1, 2)}
                found["git"] = {name: git[field] for field, name in ((1, "remote"), (2, "commit")) if field in git}
            elif number == 3:
                found["startedAt"] = _seconds(raw(content))
            elif number in _ENVIRONMENT:
                found[_ENVIRONMENT[number]] = content if isinstance(content, int) else text(content)
    return found


def _seconds(message: bytes) -> float:
    """A Timestamp as seconds since 1970."""
    said = {number: int(value) for number, _, value in fields(message) if isinstance(value, int)}
    return said.get(1, 0) + said.get(2, 0) / 1e9


def _copied(document: dict[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in document.items()}


def _opener(file: Path) -> Callable[[], BinaryIO]:
    return lambda: file.open("rb")
