"""One writer: rows and records → frames → the part that is open, one write inside each call."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from runlake.model import Stream
from runlake.store.journal import record
from runlake.store.journal.appender import PartAppender
from runlake.store.journal.journal import PartMaker, PartPlace
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.proof import prove_record
from runlake.store.journal.row_encoder import Prepare, RowEncoder, sound_frame

_UNUSUAL = (KeyError, TypeError, OverflowError, struct.error)
"""An unknown shape, an unhashable key, an integer beyond 64 bits: and not all that a signal handler may raise."""


class JournalWriter(PartAppender):
    """Rows and records of one writer → frames → the open part. Threads may share it: every call takes `lock`.

    OSError from the disk comes out of `log` and `record` after the file was cut back to its last whole frame, or left
    for a new part where that fails too: the caller may go on calling, and nothing that was acknowledged is touched.
    """

    def __init__(
        self,
        journal: PartMaker,
        writer: str,
        header: Mapping[str, Any],
        *,
        prepare: Prepare | None = None,
        clock: Callable[[], float] = time.time,
        clock_floor: int = 0,
        limits: WriterLimits | None = None,
        place: PartPlace | None = None,
    ) -> None:
        limits = limits or WriterLimits()
        super().__init__(journal, writer, header, limits)
        self._time, self._clock, self._last_timestamp = clock, clock_floor, 0.0
        self._max_body_bytes = limits.max_body_bytes
        self._rows = RowEncoder(prepare, limits)
        self._raw_shapes = self._rows.known
        if place is None:
            self._begin_part()
        else:
            self._last_timestamp = place.last_timestamp
            self._rows.go_on_with(place.shapes)
            self._go_on(place)

    def log(
        self,
        data: Mapping[str, Any],
        *,
        step: int,
        timestamp: float,
        runtime: float,
        commit: bool = True,
        stream: Stream = "history",
    ) -> dict[str, Any] | None:
        """Append one row, or with ``commit=False`` a piece of a row that later calls go on with.

        Durable against the death of the process on return. Raises LogTypeError before anything is written. Answers
        the canonical values by path, or None where `data` was flat numbers and so says it all itself.
        """
        flat = None
        with self.lock:
            while True:
                if self._flight is not None:
                    self._settle()
                if (
                    self._rows_in_part >= self._rows_per_part
                    or self._offset >= self._bytes_per_part
                    or self._part is None
                ):
                    self._make_room()
                offset, write, n = self._offset, self._write, self._next_n[stream]
                bits = record.STREAM_BITS[stream] | commit
                declares = None
                try:
                    shape = self._raw_shapes[(*data, *map(type, data.values()))]
                    body = shape.pack(shape.number, bits, n, step, timestamp, runtime, *data.values())
                except _UNUSUAL:
                    frames, flat, declares = self._rows.encode(
                        data, bits, n, step, timestamp, runtime, declared=self._declared
                    )
                else:
                    frames = shape.head + crc32(body).to_bytes(4, "little") + body
                    if shape.number not in self._declared:
                        frames, declares = shape.declaration + frames, shape.number
                if self._append(frames, offset, write, row=(stream, n, commit), declares=declares):
                    self._last_timestamp = timestamp
                    return flat

    def close_row(self, stream: Stream = "history") -> None:
        """The open row gets no more pieces: the next call begins a new one. Writes nothing."""
        with self.lock:
            self._settle()
            if self._is_row_open[stream]:
                self._is_row_open[stream] = False
                self._next_n[stream] += 1
                self._rows_in_part += 1

    def record(self, kind: int, body: Mapping[str, Any]) -> None:
        """Append a record that is no row, stamped with the clock and the number of history rows before it.

        BadValueError for what no reader could make sense of; nothing is written then.
        """
        with self.lock:
            self._append_record(kind, body)

    def row_counts(self) -> dict[str, int]:
        """How many rows of each stream this writer has begun."""
        with self.lock:
            self._settle()
            return {stream: n + self._is_row_open[stream] for stream, n in self._next_n.items()}

    @property
    def is_ended(self) -> bool:
        """Whether its END is written; a signal handler may have kept it from closing."""
        with self.lock:
            self._settle()
            return self._is_ended

    def end(self, body: Mapping[str, Any]) -> None:
        """Append END and close: the writer says nothing more, and its parts may be dropped once sealed."""
        with self.lock:
            self._append_record(record.END, body)
            self.close()

    def _stamped(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """A hybrid clock: microseconds, but later than every record and row of this writer and all it has read of."""
        self._clock = max(int(self._time() * 1e6), self._clock + 1, int(self._last_timestamp * 1e6) + 1)
        return {"clock": self._clock, "n": self.row_counts()["history"], **body}

    def _append_record(self, kind: int, body: Mapping[str, Any]) -> None:
        while True:
            self._settle()
            offset, write = self._offset, self._write
            said = self._stamped(body)
            if kind == record.END:
                said["row_counts"] = self.row_counts()
            prove_record(kind, said)
            frame = sound_frame(kind, record.encode_body(said), self._max_body_bytes)
            if self._part is None:
                self._rotate()
            elif self._append(frame, offset, write, closes_block=kind == record.END):
                return
