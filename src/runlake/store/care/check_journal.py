"""What is wrong with the journal of a run, part by part, and which rows are nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from runlake.errors import CorruptError, NewerFormatError
from runlake.model import STREAMS
from runlake.store.care.damage import FROM_BACKUP, NOTHING, Damage
from runlake.store.care.salvage import damaged_stretches, mend_part
from runlake.store.journal import record
from runlake.store.journal.bodies import Closing, Lost
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.journal import PartName, root_of
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart, find_frame, is_frame
from runlake.store.run.snapshot import Snapshot, missing_ranges
from runlake.store.segment.meta import Meta

_BYTE = re.compile(r"\bbyte (\d+)\b")
_TOLD_PARTS = 1000
"""Of parts that follow each other and are missing, so many are told one by one."""


class KnownRows:
    """Which rows of which writer and stream have been found, and how many each writer says it has written.

    What a repair keeps under another name counts as its writer's own.
    """

    def __init__(self, metas: Iterable[Meta]) -> None:
        self._ranges: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._expected: dict[tuple[str, str], int] = {}
        for meta in metas:
            for stretch in meta.stretches:
                self.add(stretch.writer, stretch.stream, stretch.first_n, stretch.row_count)
            for state in meta.writers:
                self.expect_by(state.writer, state.records)

    def add(self, writer: str, stream: str, first_n: int, row_count: int) -> None:
        self._ranges.setdefault((root_of(writer), stream), []).append((first_n, first_n + row_count))

    def expect(self, writer: str, row_counts: dict[str, int]) -> None:
        """The writer had written so many rows by then."""
        for stream, count in row_counts.items():
            root = root_of(writer)
            self._expected[root, stream] = max(count, self._expected.get((root, stream), 0))

    def expect_by(self, writer: str, records: Iterable[tuple[int, dict[str, object]]]) -> None:
        for kind, body in records:
            if kind == record.END:
                self.expect(writer, dict(Closing(body).row_counts))
            if kind == record.LOST:  # a repair has said so
                for stream, ranges in Lost(body).rows.items():
                    for first_n, row_count in ranges:
                        self.add(writer, stream, first_n, row_count)

    def holes(self, writer: str) -> list[str]:
        """The rows of one writer that must have been there, as text."""
        found = []
        for stream in STREAMS:
            next_n = 0
            expected = self._expected.get((writer, stream), 0)
            for start, end in [*sorted(self._ranges.get((writer, stream), [])), (expected, expected)]:
                if start > next_n:
                    found.append(f"{stream} rows {next_n} to {start - 1}")
                next_n = max(next_n, end)
        return found

    def holds(self, writer: str, stream: str, first_n: int, row_count: int) -> bool:
        next_n = first_n
        for start, end in sorted(self._ranges.get((root_of(writer), stream), [])):
            if start <= next_n:
                next_n = max(next_n, end)
        return next_n >= first_n + row_count


def check_journal(snapshot: Snapshot, known: KnownRows, *, may_miss: bool) -> Iterator[Damage]:
    """What is wrong with the parts, writer by writer; their rows are added to `known`.

    `may_miss`: a segment cannot be read, so that nobody can tell which parts and rows should be here.
    """
    for writer, numbers in sorted(snapshot.numbers.items()):
        found: list[Damage] = []
        missing = [] if may_miss else [n for stretch in missing_ranges(numbers) for n in stretch[:_TOLD_PARTS]]
        parts = {name.number for name in snapshot.parts if name.writer == writer}
        for number in sorted({*parts, *missing}):
            name = PartName(writer, number)
            if number in parts:
                found += _check_part(snapshot, name, known)
                continue
            lost = "all rows and records of this part: it is in no segment either"
            found.append(Damage("missing", file_of_part(snapshot, name), lost, FROM_BACKUP))
        holes = "" if may_miss else " and ".join(known.holes(writer))
        if holes and not found:
            file = file_of_part(snapshot, PartName(writer, max(numbers)))
            lost = f"{holes} of this writer, in whichever part"
            found.append(Damage("missing", file, lost, "restore the run from a backup"))
        elif holes and found[0].kind == "missing":
            found[0] = replace(found[0], lost=f"{found[0].lost}; these are {holes}")
        yield from found


def _check_part(snapshot: Snapshot, name: PartName, known: KnownRows) -> Iterator[Damage]:
    file = file_of_part(snapshot, name)
    try:
        part = snapshot.scan(name)
    except NewerFormatError:
        yield Damage("newer", file, NOTHING, "upgrade runlake to read it")
        return
    except CorruptError as error:
        data = snapshot.journal.read(name)
        for found_in, numbers in _rows_between(mend_part(data)[0], 0, len(data)).items():
            for n in numbers:
                known.add(name.writer, found_in, n, 1)
        yield from _describe_damage(data, file, str(error))
        return
    header = part.header
    if header is None:
        if part.data and not snapshot.journal.is_held(name):
            yield _torn(file, part)
        return
    own_name = PartName(header.writer, header.number)
    if own_name != name:
        lost = f"nothing: it is {own_name} under another name"
        yield Damage("foreign", file, lost, "give it its own name again, or move it elsewhere")
        return
    known.expect(name.writer, dict(header.first))
    known.expect_by(name.writer, ((kind, body) for kind, body, _ in part.records))
    for stream in STREAMS:
        try:
            rows = rows_of(name.writer, [part], stream)
        except CorruptError as error:
            yield Damage("missing", file, str(error), FROM_BACKUP)
            continue
        if rows is not None:
            known.add(name.writer, stream, rows.first_n, rows.row_count)
    is_newest = name.number == max(snapshot.numbers[name.writer])
    # What a living process is writing at this moment is not torn.
    if part.valid_bytes < len(part.data) and is_newest and not snapshot.journal.is_held(name):
        yield _torn(file, part)


def _torn(file: Path, part: ScannedPart) -> Damage:
    lost = f"nothing that was acknowledged: {len(part.data) - part.valid_bytes} bytes of a call that never returned"
    return Damage("torn", file, lost, "none needed; readers leave them out", part.valid_bytes)


def _describe_damage(data: bytes, file: Path, message: str) -> Iterator[Damage]:
    """Every damaged stretch of a part, and what stands behind it untouched but unread."""
    if data and not data.startswith(record.MAGIC) and find_frame(data, 0) is None:
        lost = "everything that it held, if it was a part: there is no frame in it"
        yield Damage("foreign", file, lost, f"{FROM_BACKUP}, or move it elsewhere", 0)
        return
    is_found = False
    for start, end in damaged_stretches(data):
        is_found = True
        behind = _rows_between(data, end, len(data))
        rows = _rows_lost(_rows_between(data, 0, start), behind)
        unread = (
            f"; readers stop there, before {sum(map(len, behind.values()))} whole rows" if any(behind.values()) else ""
        )
        lost = f"{end - start} bytes{f': {rows}' if rows else ''}{unread}"
        yield Damage("corrupt", file, lost, FROM_BACKUP, start)
    if not is_found:  # every frame is sound, and yet a block does not fit, or frames are missing at the end
        byte = _BYTE.search(message)
        lost = "the rows and records behind that byte, which were there once"
        yield Damage("corrupt", file, lost, FROM_BACKUP, int(byte[1]) if byte else None)


def _rows_between(data: bytes, start: int, end: int) -> dict[str, set[int]]:
    """The numbers of the rows whose frames are sound, by stream."""
    found: dict[str, set[int]] = {stream: set() for stream in STREAMS}
    position = max(start, len(record.MAGIC))
    while position < end:
        if not is_frame(data, position):
            following = find_frame(data, position + 1)
            position = end if following is None else following
            continue
        length, kind, _, _ = record.HEAD.unpack_from(data, position)
        if kind in (record.ROW, record.MIXED) and length >= record.ROW_HEAD.size:
            _, flags, n, *_ = record.ROW_HEAD.unpack_from(data, position + record.HEAD.size)
            found[record.STREAM_OF_BITS.get(flags & record.STREAM_MASK, STREAMS[0])].add(n)
        position += record.HEAD.size + length
    return found


def _rows_lost(before: dict[str, set[int]], behind: dict[str, set[int]]) -> str:
    """The rows between those before some damage and those behind it."""
    lost = []
    for stream in STREAMS:
        if before[stream] and behind[stream] and max(before[stream]) + 1 < min(behind[stream]):
            lost.append(f"{stream} rows {max(before[stream]) + 1} to {min(behind[stream]) - 1}")
    return " and ".join(lost)


def file_of_part(snapshot: Snapshot, name: PartName) -> Path:
    """Where a part lies: what is checked and mended is a folder."""
    journal = snapshot.journal
    assert isinstance(journal, FolderJournal)
    return journal.place_of(name)
