"""Writers that a server feeds, written to in turns: `store.journal.served` says what a turn is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import msgspec

from runlake.errors import StoreError
from runlake.lru import LruCache
from runlake.model import STREAMS, RunPath
from runlake.store.journal.bodies import clock_of
from runlake.store.journal.journal import Journal, PartName, PartPlace
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart, scan_part
from runlake.store.journal.served import Served, ServedWriters, gone
from runlake.store.journal.writer import JournalWriter
from runlake.store.run.tail import first_frame_of, mark_at
from runlake.store.store import Store

_KEPT_WRITERS = 4096
_KEPT_SAID_BYTES = 8192
"""What a client said last is kept in memory up to so many bytes: there are many of them."""


class EndedError(StoreError):
    """The writer has said its last word; `row_counts` is what it had written of each stream."""

    def __init__(self, writer: str, row_counts: dict[str, int]) -> None:
        super().__init__(f"the writer {writer} has ended; begin another with a new run or resume")
        self.row_counts = row_counts


class _NeedsTurnError(OSError):
    """Something can be done in a turn alone."""


class _LeasedPart:
    """A part that is written to in turns: what one turn adds goes to the disk at its end, or not at all."""

    def __init__(self, journal: Journal, name: PartName, size_bytes: int) -> None:
        self._journal, self.name = journal, name
        self._written_bytes, self._waiting = size_bytes, bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def size_bytes(self) -> int:
        return self._written_bytes + len(self._waiting)

    def truncate(self, size_bytes: int) -> None:
        del self._waiting[size_bytes - self._written_bytes :]

    def is_as_left(self) -> bool:
        """Whether the part still ends where the last turn of this process ended."""
        try:
            return self._journal.size_bytes(self.name) == self._written_bytes
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """What a turn wrote is put on the disk by `flush` alone."""

    def flush(self) -> None:
        """Put on the disk what waits; a disk that takes only a part of it gets none."""
        if not self._waiting:
            return
        self._journal.append(self.name, bytes(self._waiting), self._written_bytes)
        self._flushed()

    def flush_at_once(self, served: ServedWriters, said: bytes | None) -> Sequence[tuple[PartName, int]] | None:
        """As `flush`, with a turn in it: see `ServedWriters.append_at_once`. None also where nothing waits."""
        if not self._waiting:
            return None
        others = served.append_at_once(self.name, bytes(self._waiting), self._written_bytes, said)
        if others is not None:
            self._flushed()
        return others

    def _flushed(self) -> None:
        self._written_bytes += len(self._waiting)
        self._waiting = bytearray()


class _LeasedJournal:
    """A journal for `JournalWriter`, with parts that are written to in turns."""

    def __init__(self, journal: Journal) -> None:
        self.all = journal
        self.current: _LeasedPart | None = None
        self.is_in_turn = True

    def create_part(self, name: PartName) -> _LeasedPart:
        if not self.is_in_turn:
            raise _NeedsTurnError(f"the part {name} is begun in a turn")
        if self.current is not None:
            self.current.flush()
        self.all.create_part(name).close()
        self.current = _LeasedPart(self.all, name, 0)
        return self.current

    def sync(self, name: PartName) -> None:
        self.all.sync(name)

    def drop(self, name: PartName) -> None:
        self.all.drop(name)


@dataclass(slots=True)
class _Known:
    writer: JournalWriter
    journal: _LeasedJournal
    said: bytes | None = None
    """What its client said last; None where that is to be read."""


@dataclass(slots=True)
class WriterLease:
    """One turn of a writer. `said` is what its client said last; `says` is kept in place of that when what the turn
    wrote is on the disk, before the next one's turn.

    `is_one_of_several`: others write the run beside it.
    """

    writer: JournalWriter
    said: bytes
    is_one_of_several: bool = False
    says: bytes | None = None


class RemoteWriters:
    """The writers that this process has fed lately, so that most turns need not read what stands in their parts.

    Threads may share it, and other processes may take turns: whoever finds a part other than as it left it reads it.
    """

    def __init__(self, store: Store, *, limits: WriterLimits | None = None) -> None:
        self._store, self._limits = store, limits
        self._known: LruCache[tuple[RunPath, str], _Known] = LruCache(_KEPT_WRITERS)

    @contextmanager
    def turn(self, path: RunPath, writer: str) -> Iterator[WriterLease]:
        """Alone with a writer: all that is written to it is kept when the turn has ended, or nothing is.

        NotFoundError when the run is gone, EndedError when the writer has ended. OSError of the disk.
        """
        kept = self._store.served(path)
        with kept.turn(writer) as served:
            if served.ended is not None:
                raise EndedError(writer, served.ended)
            known = self._take(path, writer) or self._open(path, writer, served)
            known.journal.is_in_turn = True
            said = kept.read_said(writer) if known.said is None else known.said
            turn = WriterLease(known.writer, said, served.client is not None)
            yield turn
            if known.journal.current is not None:
                known.journal.current.flush()
            if turn.says is not None:
                kept.keep_said(writer, turn.says)
            if known.writer.is_closed:
                ended = msgspec.structs.replace(served, ended=known.writer.row_counts())
                with suppress(FileNotFoundError):  # deleted at this moment
                    kept.mark(writer, ended)
        # Only now: a turn whose end fails is not kept, and the writer is not where it believes to be.
        if not known.writer.is_closed:
            self._keep(path, known, turn)

    def write_at_once(
        self, path: RunPath, writer: str, row_count: int, write: Callable[[WriterLease], None]
    ) -> tuple[JournalWriter, Sequence[tuple[PartName, int]]] | None:
        """A turn in one step of the store, for what follows on what this process wrote: at most so many rows.

        Answers the writer and the other parts of the run. None where nothing was kept, and it takes a turn. What
        `write` raises comes out, and nothing was kept: it may have gone by what is no more.
        """
        kept = self._store.served(path)
        known = self._known.take((path, writer)) if kept.appends_at_once else None
        if known is None:
            return None
        part = known.journal.current
        if part is None or row_count > known.writer.rows_left:
            self._known.put((path, writer), known)
            return None
        turn = WriterLease(known.writer, kept.read_said(writer) if known.said is None else known.said)
        try:
            write(turn)
        except _NeedsTurnError:
            return None
        # What was said last cannot have changed without the part.
        others = part.flush_at_once(kept, turn.says)
        if others is None:
            return None
        self._keep(path, known, turn)
        return known.writer, others

    def _keep(self, path: RunPath, known: _Known, turn: WriterLease) -> None:
        said = turn.said if turn.says is None else turn.says
        known.said = said if len(said) <= _KEPT_SAID_BYTES else None
        known.journal.is_in_turn = False
        self._known.put((path, known.writer.writer), known)

    def _take(self, path: RunPath, writer: str) -> _Known | None:
        """A writer as this process left it; whoever fails with it does not put it back."""
        known = self._known.take((path, writer))
        if known is None or known.journal.current is None or not known.journal.current.is_as_left():
            return None
        return known if known.journal.all.is_here() else None

    def _open(self, path: RunPath, writer: str, served: Served) -> _Known:
        journal = self._store.journal(path)
        try:
            journal.bind()
        except FileNotFoundError:
            raise gone(writer) from None
        names = [name for name, _ in journal.list_parts() if name.writer == writer]
        place, clock = (None, 0) if not names else _place_in(journal, names[-1])
        leased = _LeasedJournal(journal)
        if place is not None:
            assert isinstance(place.part, _LeasedPart)
            leased.current = place.part
        header = served.header.body
        lasting = JournalWriter(leased, writer, header, clock_floor=clock, place=place, limits=self._limits)
        return _Known(lasting, leased)


def _place_in(journal: Journal, name: PartName) -> tuple[PartPlace, int]:
    """Where the writer of a part stands, from the part itself; and its clock."""
    part = scan_part(journal.read(name), str(name))
    next_n = _next_n(part, name, journal)
    # A worker may have been killed in its turn: half a frame, or half a row, was not acknowledged.
    size_bytes = min([part.valid_bytes, *(first_frame_of(part, stream, next_n[stream]) for stream in STREAMS)])
    if size_bytes < len(part.data):
        journal.truncate(name, size_bytes)
    turn_part = _LeasedPart(journal, name, size_bytes)
    if part.header is None:
        return PartPlace(name.number, turn_part, next_n), 0
    if part.end == "ended":
        raise EndedError(name.writer, next_n)
    mark = mark_at(part, size_bytes)
    axes = [rows.timestamp[-1] for stream in STREAMS if (rows := rows_of(name.writer, [part], stream)) is not None]
    place = PartPlace(
        name.number,
        turn_part,
        next_n,
        rows_in_part=sum(next_n.values()) - sum(part.header.first.values()),
        shapes=part.shapes,
        block_start=mark.block_start,
        crc=mark.crc,
        last_timestamp=float(max(axes, default=0.0)),
        is_closed=part.end == "closed",
    )
    return place, max((int(clock_of(body)) for _, body, _ in part.records), default=0)


def _next_n(part: ScannedPart, name: PartName, journal: Journal) -> dict[str, int]:
    """The number of the next row of each stream behind what stands in a part."""
    if part.header is None:
        if name.number == 0:
            return dict.fromkeys(STREAMS, 0)
        before = PartName(name.writer, name.number - 1)
        try:
            return _next_n(scan_part(journal.read(before), str(before)), before, journal)
        except FileNotFoundError:
            raise StoreError(f"the part {name} is empty, and the one before it is gone") from None
    first = part.header.first
    rows = {stream: rows_of(name.writer, [part], stream) for stream in STREAMS}
    return {s: first[s] if r is None else r.first_n + r.row_count for s, r in rows.items()}
