"""An event file that grows: each `read` gives the rows that have become whole since the last.

A row is all that a file says of one step. It is whole when the file goes on to another step, or says one of its tags
again; the last one when the file is done with. Texts alone make no row, as they make none with W&B: they wait for the
numbers of a later step. Nothing is read twice, and a torn frame at the end is waited for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runlake.errors import BadValueError
from runlake.integrations.tensorboard.event import Event, TaggedValue, WireError, read_event
from runlake.integrations.tensorboard.logged import logged_value
from runlake.integrations.tensorboard.record_file import DamagedFileError, take_records
from runlake.integrations.tensorboard.scalars import ScalarReader

STEP_KEY = "global_step"
PIECE_BYTES = 2**22


@dataclass(slots=True)
class FileRow:
    """What a file says of one step; `wall_time` is that of its first value, in seconds since 1970."""

    wall_time: float
    step: int
    values: dict[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """The row as `Run.log` takes it."""
        return {STEP_KEY: self.step, **self.values}

    def is_of_texts(self) -> bool:
        """Whether there is nothing but texts in it."""
        items = (value if isinstance(value, list) else [value] for value in self.values.values())
        return all(isinstance(item, str) for each in items for item in each)


class EventFile:
    """One file; `prefix` stands before its tags, and `tell` is called with what could not be read."""

    def __init__(self, path: Path, prefix: str, tell: Callable[[str], None], *, piece_bytes: int = PIECE_BYTES) -> None:
        self.path = path
        self.hyperparameters: dict[str, Any] = {}
        self._prefix = f"{prefix}/" if prefix else ""
        self._tell = tell
        self._offset = 0
        self._piece_bytes = piece_bytes
        self._plugins: dict[str, str] = {}
        self._scalars = ScalarReader()
        self._row: FileRow | None = None
        self._is_damaged = False

    def read(self) -> list[FileRow]:
        """The rows that are whole by now."""
        return [row for rows in self.read_pieces() for row in rows]

    def read_pieces(self) -> Iterator[list[FileRow]]:
        """The same, a piece of the file at a time: whole files may be larger than memory."""
        while not self._is_damaged and (records := self._next_records()):
            rows: list[FileRow] = []
            for record, scalar in zip(records, self._scalars.read(records), strict=True):
                if scalar is None:
                    self._take(record, rows)
                    continue
                wall_time, step, tag, number = scalar
                key, row = self._prefix + tag, self._row
                if row is None or row.step != step or key in row.values:
                    row = self._row_for(wall_time, step, key, rows)
                row.values[key] = number
            yield rows

    def close(self) -> list[FileRow]:
        """The rows that are left, when nobody writes the file any more."""
        rows = self.read()
        if self._row is not None:
            rows.append(self._row)
            self._row = None
        return rows

    def _next_records(self) -> list[bytes]:
        while True:
            try:
                with self.path.open("rb") as file:
                    file.seek(self._offset)
                    data = file.read(self._piece_bytes)
                records, taken_bytes = take_records(data)
            except FileNotFoundError:  # not there yet, or not any more
                return []
            except (DamagedFileError, OSError) as error:
                self._is_damaged = True
                self._tell(f"{self.path} cannot be read on at byte {self._offset}: {error}")
                return []
            self._offset += taken_bytes
            if records or len(data) < self._piece_bytes:
                return records
            self._piece_bytes *= 2  # a frame that is larger than that

    def _take(self, record: bytes, rows: list[FileRow]) -> None:
        try:
            event = read_event(record)
        except (WireError, ValueError, IndexError) as error:
            self._tell(f"an event in {self.path}, before byte {self._offset}, is none: {error}")
            return
        self.hyperparameters |= event.hyperparameters
        for tagged in event.values:
            self._put(event, self._with_plugin(tagged), rows)

    def _with_plugin(self, tagged: TaggedValue) -> TaggedValue:
        """Some writers say what a tag is only the first time."""
        if tagged.plugin:
            self._plugins[tagged.tag] = tagged.plugin
            return tagged
        return TaggedValue(tagged.tag, tagged.value, self._plugins.get(tagged.tag, ""))

    def _put(self, event: Event, tagged: TaggedValue, rows: list[FileRow]) -> None:
        try:
            value = logged_value(tagged)
        except BadValueError as error:
            self._tell(f"the value of {tagged.tag!r} at step {event.step} in {self.path}: {error}")
            return
        if value is None:
            return
        key = self._prefix + tagged.tag
        self._row_for(event.wall_time, event.step, key, rows).values[key] = value

    def _row_for(self, wall_time: float, step: int, key: str, rows: list[FileRow]) -> FileRow:
        """The row that a value goes into; one that is whole by that goes to the others."""
        row = self._row
        if row is not None and (row.step != step or key in row.values):
            waiting = row.values if row.is_of_texts() and key not in row.values else {}
            if not waiting:
                rows.append(row)
            row = self._row = FileRow(wall_time, step, waiting)
        if row is None:
            row = self._row = FileRow(wall_time, step)
        return row
