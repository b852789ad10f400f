"""What one writer appends: frames → the part that is open, one write each; parts follow one another.

It knows nothing of files: where the bytes go is behind `store.journal.journal.Journal`.
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from runlake.errors import StoreError
from runlake.model import Stream
from runlake.store.journal import record
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import Part, PartMaker, PartName, PartPlace, is_of_system
from runlake.store.journal.limits import WriterLimits

Write = Callable[[bytes], int]
"""How bytes get into the part that is open; another part has another one."""

_Flight = list[Any]
"""A write that is under way: part, offset, size, block before, row, whether that was open, whether it closes the part,
and what a handler that broke into it took it for: done (True), or taken back (False). A list: each row makes one."""
_PART, _OFFSET, _SIZE, _WAS_OPEN, _SETTLED = 0, 1, 2, 5, 7
_NEVER_WHOLE = -1


class PartAppender:
    """Parts of one writer, where it stands in them, and the write that is under way. Every call takes `lock`.

    `header` is the body of each part's PART frame (who writes into what); added to it are `number`, `first` (the rows
    before this part, by stream) and `previous_bytes` (how much of the part before it counts).

    A signal handler may run between any two calls that Python makes: it may log too, end the writer, or raise, as
    Ctrl-C does, or all of these. So the state of the writer is moved on right before the write, with no call in
    between, and `_append` refuses bytes that were made for a state that is past. What a handler calls finds in
    `_flight` the write that it broke into, and before all else takes that for done, if it is, or back; the interrupted
    call learns of it when the handler returns or raises. A second handler may break into the first at any place, so
    that one looks first, then settles in one go, with no call in between, if nobody has meanwhile. It cuts nothing off:
    what is not whole stays behind in its part, and all that follows goes into another. What the handler raised is what
    comes out, and a file that is to be closed stays open until then.
    """

    def __init__(self, journal: PartMaker, writer: str, header: Mapping[str, Any], limits: WriterLimits) -> None:
        self.writer = writer
        self.lock = threading.RLock()
        self._journal, self._header = journal, dict(header)
        self._rows_per_part, self._bytes_per_part = limits.rows_per_part, limits.bytes_per_part
        self._frames_per_block = limits.frames_per_block
        self._next_n = {stream: 0 for stream in record.STREAM_BITS}
        self._is_row_open = {stream: False for stream in record.STREAM_BITS}
        self._number = self._left_bytes = self._synced_number = 0
        self._asked_number, self._is_making = -1, False
        self._part: Part | None = None
        self._left: Part | None = None
        self._write: Write | None = None
        self._offset = self._rows_in_part = self._frames_in_block = self._crc = self._block_start = 0
        self._declared: dict[int, bool] = {}
        self._is_closed = self._is_ended = False
        self._flight: _Flight | None = None
        self._broken_into_count = 0
        self._to_close: list[tuple[Part, int]] = []

    def _go_on(self, place: PartPlace) -> None:
        self._number = place.number
        self._next_n.update(place.next_n)
        if place.is_closed:
            self._number, self._left_bytes = place.number + 1, place.part.size_bytes()
            self._begin_part()
            return
        self._part, self._write = place.part, place.part.write
        self._offset, self._rows_in_part = place.part.size_bytes(), place.rows_in_part
        self._crc, self._block_start = place.crc, place.block_start
        self._declared = dict.fromkeys(place.shapes, True)

    @property
    def rows_left(self) -> int:
        """How many rows go into the part that is open before the next one is begun."""
        return self._rows_per_part - self._rows_in_part

    @property
    def header(self) -> PartHeader:
        """Who writes into what: what the header of each part says, without what tells the parts apart."""
        return PartHeader(dict(self._header))

    @property
    def is_closed(self) -> bool:
        """Whether it has ended, or was told to let go."""
        return self._is_closed

    def sync(self) -> None:
        """Wait until the disk has everything: what survives a power failure. Never called by `log`."""
        newest = self._number
        for number in range(self._synced_number, newest + 1):
            try:
                self._journal.sync(PartName(self.writer, number))
            except FileNotFoundError:
                pass  # not begun yet, or sealed already
            except OSError as error:
                raise StoreError(f"the journal of {self.writer} could not be synced: {error}") from error
        self._synced_number = newest

    def close(self) -> None:
        """Release the file. Without `end` the writer counts as crashed once its process is gone."""
        with self.lock:
            self._settle()
            self._let_go()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's file without a word in it."""
        self.lock = threading.RLock()
        self._flight, self._broken_into_count = None, 0
        self._let_go()

    def _let_go(self) -> None:
        self._is_closed = True
        parts, self._part, self._left = ((self._part, self._offset), (self._left, self._left_bytes)), None, None
        for part, size in parts:
            if part is not None:
                self._close_part(part, size)

    def _close_part(self, part: Part, size: int) -> None:
        """Not while an interrupted write is to come back to it: its number would be another file's by then."""
        if self._broken_into_count:
            self._to_close.append((part, size))
        else:
            part.close()

    def _make_room(self) -> None:
        """Between two rows, a full part gives way to the next."""
        if self._part is None or not any(self._is_row_open.values()):
            self._rotate()

    def _begin_part(self) -> None:
        """Make the next part and write its head.

        BlockingIOError in a signal handler that broke into just that: there is no part then to write into.
        """
        if self._is_making:
            raise BlockingIOError(errno.EAGAIN, "the next part of the journal is being made")
        if self._part is not None or self._is_closed:  # a handler was here meanwhile
            return
        self._is_making = True
        try:
            part = self._make_part()
            write = part.write
            if self._is_closed:
                part.close()
                return
            self._part, self._write = part, write
            self._offset = self._rows_in_part = self._frames_in_block = self._crc = self._block_start = 0
            self._declared = {}
        finally:
            self._is_making = False
        # Only now: as long as a process lives, it holds one of its two newest parts.
        left, self._left = self._left, None
        if left is not None:
            self._close_part(left, self._left_bytes)
        self._append(b"", 0, write)

    def _make_part(self) -> Part:
        name, has_asked, self._asked_number = PartName(self.writer, self._number), self._asked_number, self._number
        try:
            return self._journal.create_part(name)
        except FileExistsError:
            if has_asked != self._number:
                raise
            self._journal.drop(name)  # empty: a signal handler raised when it had just been made
            return self._journal.create_part(name)

    def _rotate(self) -> None:
        """Close the part between two rows and begin the next; where that fails, the next call tries again."""
        if self._part is not None:
            offset, write = self._offset, self._write
            close = record.frame(record.CLOSE, record.encode_body({"row_counts": dict(self._next_n)}))
            self._append(close, offset, write, closes_block=True, closes_part=True)
        if self._is_closed:
            raise StoreError(f"the journal of {self.writer} is closed")
        if self._part is None:
            self._begin_part()

    def _head_of_part(self) -> bytes:
        header = {**self._header, "writer": self.writer, "number": self._number, "first": dict(self._next_n)}
        if self._number:
            header["previous_bytes"] = self._left_bytes
        return record.MAGIC + record.frame(record.PART, record.encode_body(header))

    def _append(
        self,
        data: bytes,
        offset: int,
        write: Write | None,
        *,
        row: tuple[Stream, int, bool] | None = None,
        declares: int | None = None,
        closes_block: bool = False,
        closes_part: bool = False,
    ) -> bool:
        """One write of frames that were made for the part of `write` and this `offset`; False when it has grown since.

        `row` is (stream, n, complete) of the row that the frames are of, `declares` the shape that they declare.
        After `closes_part` nothing can get into the part any more: a sealer may drop it at once.
        """
        if offset == 0:
            data = self._head_of_part() + data
        crc = crc32(data, self._crc)
        frames_in_block, block_start = self._frames_in_block + 1, self._block_start
        size = len(data)
        if frames_in_block >= self._frames_per_block or closes_block:
            block = record.frame(record.BLOCK, record.BLOCK_BODY.pack(block_start, crc))
            block_start = offset + size
            data += block
            size += len(block)
            crc, frames_in_block = crc32(block), 0
        block_before = (self._crc, self._frames_in_block, self._block_start)
        flight: _Flight = [None, offset, size, block_before, row, False, closes_part, None]
        # No call from here to the write.
        part = flight[_PART] = self._part
        if self._offset != offset or self._write is not write or write is None or part is None:
            return False
        self._offset = offset + size
        self._crc, self._frames_in_block, self._block_start = crc, frames_in_block, block_start
        if row is not None:
            stream, n, complete = row
            flight[_WAS_OPEN] = self._is_row_open[stream]
            self._next_n[stream] = n + complete
            self._is_row_open[stream] = not complete
            self._rows_in_part += complete
            if declares is not None:
                self._declared[declares] = True
        elif closes_part:
            self._part, self._left = None, part
            self._number += 1
            self._left_bytes = offset + size
        elif closes_block:
            self._is_ended = True
        self._flight = flight
        try:
            written = write(data)
            while written < size and flight[_SETTLED] is None:
                written += write(data[written:])
        except BaseException as error:
            # A handler that raises when the write was done already leaves a row that is there, not acknowledged.
            if is_of_system(error) or not _is_whole(flight):
                self._give_up(flight)
            if self._flight is flight:
                self._flight = None
            elif flight[_SETTLED] is not None:
                self._come_back(flight)
            raise
        if self._flight is not flight:
            return self._come_back(flight)
        self._flight = None
        return True

    def _settle(self) -> None:
        """A signal handler came into the midst of a write and calls: that write is done, or it is taken back."""
        flight = self._flight
        if flight is None:
            return
        if not _is_whole(flight):
            self._take_back(flight, settled=False, leaves_part=True)
        elif self._flight is flight:
            self._flight, flight[_SETTLED] = None, True
            self._broken_into_count += 1

    def _come_back(self, flight: _Flight) -> bool:
        """To a write that a handler settled; whether it counts. What was taken back may be there since, behind all."""
        try:
            if not flight[_SETTLED] and flight[_PART].size_bytes() > flight[_OFFSET]:
                flight[_PART].truncate(flight[_OFFSET])
        except OSError:
            pass  # the next part says how much counts, and what the handler raised is not to be hidden
        finally:
            self._broken_into_count -= 1
        while self._to_close and not self._broken_into_count:
            self._to_close.pop()[0].close()
        return bool(flight[_SETTLED])

    def _give_up(self, flight: _Flight) -> None:
        """The state before a write that failed, and its part as it was; where that fails, go on in another."""
        if self._flight is flight:
            flight[_SIZE] = _NEVER_WHOLE  # so a handler that comes now leaves the part, and we may cut it
            try:
                if flight[_PART].size_bytes() != flight[_OFFSET]:
                    flight[_PART].truncate(flight[_OFFSET])
                leaves_part = False
            except OSError:
                leaves_part = True
            self._take_back(flight, settled=None, leaves_part=leaves_part)

    def _take_back(self, flight: _Flight, *, settled: bool | None, leaves_part: bool) -> None:
        """The state before a write, unless a handler did that meanwhile. A row that is open ends with its part."""
        part, offset, _, block, row, was_open, closes_part, _ = flight
        next_n, is_row_open = self._next_n.copy(), self._is_row_open.copy()
        if row is not None:
            next_n[row[0]], is_row_open[row[0]] = row[1], was_open
        if leaves_part:
            next_n = {stream: n + is_row_open[stream] for stream, n in next_n.items()}
            is_row_open = dict.fromkeys(is_row_open, False)
        # No call from here to the end.
        if self._flight is not flight:
            return
        self._flight, flight[_SETTLED] = None, settled
        self._broken_into_count += settled is not None
        self._next_n, self._is_row_open = next_n, is_row_open
        self._offset, self._is_ended = offset, False
        self._crc, self._frames_in_block, self._block_start = block
        self._declared = {}  # a shape that did not reach the disk is declared again
        if row is not None:
            self._rows_in_part -= row[2]
        if closes_part:
            self._part, self._left = part, None
            self._number -= 1
        if leaves_part:
            self._part, self._left, self._left_bytes = None, part, offset
            self._number += 1


def _is_whole(flight: _Flight) -> bool:
    """Whether all of a write is in its part."""
    part, offset, size = flight[:3]
    try:
        return bool(part.size_bytes() == offset + size)
    except OSError:
        return False
