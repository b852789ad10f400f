"""Writers that a server feeds: their process is elsewhere, and any worker of the server may write what it sends.

Beside the parts of such a writer lies ``<writer>.served``. It says whose the writer is, and three things hang on it:

- its lock is taken for each append: a request and its retry may run in two workers at once;
- its time is when the server last heard of the process, and so whether it lives (`Journal.last_write_at`): no process
  holds the parts themselves;
- the newest one of a run is the writer that goes on, whoever of the server's workers is asked next.

What is sealed is dropped, but this file stays: a client that sends its last request once more is told that all of it
is here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from runlake.errors import NotFoundError, StoreError
from runlake.lru import LruCache
from runlake.model import STREAMS, RunPath
from runlake.store import disk
from runlake.store.journal.bodies import clock_of
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.header import PartHeader, part_header_of
from runlake.store.journal.journal import SERVED_SUFFIX, Journal, PartName, PartPlace
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart, scan_part
from runlake.store.journal.writer import JournalWriter
from runlake.store.layout import Layout
from runlake.store.run.tail import first_frame_of, mark_at

_KEPT_WRITERS = 4096


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the file: the header of the writer's parts, and what a client needs to go on.

    `client` tells the processes of one run apart that write side by side; None for the only one. `base` are the
    numbers of lines that the run had of each stream before, as that client counts. `ended` are the writer's rows of
    each stream once it has ended, after which its parts may be gone. `user` is who sends the writer's journal, where a
    server knows that and it may name nobody else.
    """

    header: PartHeader
    client: str | None = None
    base: dict[str, int] = {}
    ended: dict[str, int] | None = None
    user: str | None = None


class EndedError(StoreError):
    """The writer has said its last word; `row_counts` is what it had written of each stream."""

    def __init__(self, writer: str, row_counts: dict[str, int]) -> None:
        super().__init__(f"the writer {writer} has ended; begin another with a new run or resume")
        self.row_counts = row_counts


def served_file(journal_dir: Path, writer: str) -> Path:
    """Where the file of a writer lies."""
    return journal_dir / f"{writer}{SERVED_SUFFIX}"


def mark_served(journal_dir: Path, writer: str, served: Served) -> None:
    """Say that a writer is fed by a server. FileNotFoundError when the run is gone."""
    content = msgspec.json.encode(served, enc_hook=lambda header: header.body)
    disk.replace_file(served_file(journal_dir, writer), content)


def read_served(journal_dir: Path, writer: str) -> Served | None:
    """What was said of a writer, None when it is not fed by a server."""
    try:
        content = disk.read_whole(served_file(journal_dir, writer))
    except FileNotFoundError:
        return None
    return _served_in(content)


def _served_in(content: bytes) -> Served:
    return msgspec.json.decode(content, type=Served, dec_hook=part_header_of)


def list_served(journal_dir: Path) -> list[str]:
    """The writers of a run that a server feeds, oldest first."""
    names = disk.list_names(journal_dir)
    return sorted(name.removesuffix(SERVED_SUFFIX) for name in names if name.endswith(SERVED_SUFFIX))


@contextmanager
def hold(journal_dir: Path, writer: str) -> Iterator[Served]:
    """Alone with a writer's parts, and the sign that it was heard of. NotFoundError when the run is gone."""
    file = served_file(journal_dir, writer)
    while True:
        try:
            fd = disk.open_to_change(file)
        except FileNotFoundError:
            raise NotFoundError(f"the run of writer {writer} was deleted; start it anew under another id") from None
        try:
            disk.wait_for_lock(fd, file)  # on Windows a server runs one worker, whose own lock is enough
            try:
                if os.stat(file).st_ino != os.fstat(fd).st_ino:  # noqa: PTH116
                    continue  # replaced while we waited
                disk.touch(file)
            except FileNotFoundError:
                continue  # moved away while we waited
            yield _served_in(os.read(fd, 1 << 24))
            return
        finally:
            os.close(fd)


class _LeasedPart:
    """A part that is written to in turns: what one turn adds goes to the disk at its end, or not at all."""

    def __init__(self, file: Path, size_bytes: int) -> None:
        self._file, self._written_bytes, self._waiting = file, size_bytes, bytearray()

    def write(self, data: bytes) -> int:
        self._waiting += data
        return len(data)

    def size_bytes(self) -> int:
        return self._written_bytes + len(self._waiting)

    def truncate(self, size_bytes: int) -> None:
        del self._waiting[size_bytes - self._written_bytes :]

    def is_as_left(self) -> bool:
        """Whether the file still ends where the last turn of this process ended."""
        try:
            return self._file.stat().st_size == self._written_bytes
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """What a turn wrote is put on the disk by `flush` alone."""

    def flush(self) -> None:
        """Put on the disk what waits; a disk that takes only a part of it gets none."""
        if not self._waiting:
            return
        disk.append_to(self._file, bytes(self._waiting), self._written_bytes)
        self._written_bytes += len(self._waiting)
        self._waiting = bytearray()


class _LeasedJournal(FolderJournal):
    """The folder's journal with parts that are written to in turns."""

    current: _LeasedPart | None = None

    def create_part(self, name: PartName) -> _LeasedPart:
        if self.current is not None:
            self.current.flush()
        super().create_part(name).close()
        self.current = _LeasedPart(self.folder / str(name), 0)
        return self.current


@dataclass(slots=True)
class _Known:
    writer: JournalWriter
    journal: _LeasedJournal


@dataclass(slots=True)
class WriterLease:
    """One turn of a writer; `afterwards` is called when what it wrote is on the disk, before the next one's turn.

    `is_one_of_several`: others write the run beside it.
    """

    writer: JournalWriter
    is_one_of_several: bool = False
    afterwards: Callable[[], None] | None = None


class RemoteWriters:
    """The writers that this process has fed lately, so that most turns need not read what stands in their parts.

    Threads may share it, and other processes may take turns: whoever finds a part other than as it left it reads it.
    """

    def __init__(self, layout: Layout, *, limits: WriterLimits | None = None) -> None:
        self._layout, self._limits = layout, limits
        self._known: LruCache[tuple[Path, str], _Known] = LruCache(_KEPT_WRITERS)

    @contextmanager
    def turn(self, path: RunPath, writer: str) -> Iterator[WriterLease]:
        """Alone with a writer: all that is written to it is on the disk when the turn has ended, or nothing is.

        NotFoundError when the run is gone, EndedError when the writer has ended. OSError of the disk.
        """
        folder = self._layout.journal_dir(path)
        with hold(folder, writer) as served:
            if served.ended is not None:
                raise EndedError(writer, served.ended)
            known = self._take(folder, writer)
            if known is None:
                known = self._open(folder, writer, served)
            turn = WriterLease(known.writer, served.client is not None)
            yield turn
            current = known.journal.current
            if current is not None:
                current.flush()
            if turn.afterwards is not None:
                turn.afterwards()
            if known.writer.is_closed:
                ended = msgspec.structs.replace(served, ended=known.writer.row_counts())
                with suppress(FileNotFoundError):  # deleted at this moment
                    mark_served(folder, writer, ended)
                return
            self._known.put((folder, writer), known)

    def _take(self, folder: Path, writer: str) -> _Known | None:
        """A writer as this process left it; whoever fails with it does not put it back."""
        known = self._known.take((folder, writer))
        if known is None or known.journal.current is None or not known.journal.current.is_as_left():
            return None
        return known if known.journal.is_here() else None

    def _open(self, folder: Path, writer: str, served: Served) -> _Known:
        journal = _LeasedJournal(folder)
        try:
            journal.bind()
        except FileNotFoundError:
            raise NotFoundError(f"the run of writer {writer} was deleted; start it anew under another id") from None
        names = [name for name, _ in journal.list_parts() if name.writer == writer]
        place, clock = (None, 0) if not names else _place_in(journal, names[-1])
        if place is not None:
            assert isinstance(place.part, _LeasedPart)
            journal.current = place.part
        header = served.header.body
        lasting = JournalWriter(journal, writer, header, clock_floor=clock, place=place, limits=self._limits)
        return _Known(lasting, journal)


def _place_in(journal: _LeasedJournal, name: PartName) -> tuple[PartPlace, int]:
    """Where the writer of a part stands, from the part itself; and its clock."""
    part = scan_part(journal.read(name), str(name))
    next_n = _next_n(part, name, journal)
    # A worker may have been killed in its turn: half a frame, or half a row, was not acknowledged.
    size_bytes = min([part.valid_bytes, *(first_frame_of(part, stream, next_n[stream]) for stream in STREAMS)])
    if size_bytes < len(part.data):
        disk.cut_off(journal.folder / str(name), size_bytes)
    turn_part = _LeasedPart(journal.folder / str(name), size_bytes)
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
