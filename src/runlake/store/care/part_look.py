"""One look at one part of a journal: what is wrong with it, and which rows it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from runlake.errors import CorruptError, NewerFormatError
from runlake.model import STREAMS
from runlake.store.care.damage import FROM_BACKUP, NOTHING, Damage
from runlake.store.care.damaged_part import damaged_stretches
from runlake.store.care.flipped_byte import mend_part
from runlake.store.care.known_rows import KnownRows
from runlake.store.care.lost_head import head_in
from runlake.store.journal import record
from runlake.store.journal.first_frame import read_header
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import ScannedPart, find_frame, is_frame
from runlake.store.run.snapshot import Snapshot

_BYTE = re.compile(r"\bbyte (\d+)\b")


@dataclass(frozen=True, slots=True)
class PartLook:
    """What is wrong with one part: `damages` as `check` tells it; none where that is nothing, or is told elsewhere.

    `kind`: sound, missing, corrupt (readers stop in it), disordered (its frames are whole, its rows are not), foreign,
    newer. `is_open`: it is the newest part, and does not say that it was the last. `rows` are (first n, end) of each
    stream; `first` is which rows come next, as the part's head says, where it has one.
    """

    name: PartName
    kind: Literal["sound", "missing", "corrupt", "disordered", "foreign", "newer"]
    damages: list[Damage] = field(default_factory=list)
    is_open: bool = False
    has_head: bool = True
    rows: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    first: Mapping[str, int] = field(default_factory=dict)


def look_at_part(snapshot: Snapshot, name: PartName, known: KnownRows) -> PartLook:
    """One part that is there; its rows are added to `known`."""
    file = file_of_part(snapshot, name)
    try:
        part = snapshot.scan(name)
    except NewerFormatError:
        return PartLook(name, "newer", [Damage("newer", file, NOTHING, "upgrade runlake to read it")])
    except CorruptError as error:
        data = snapshot.journal.read(name)
        if _is_no_part(data):
            lost = "everything that it held, if it was a part: there is no frame in it"
            return PartLook(name, "foreign", [Damage("foreign", file, lost, f"{FROM_BACKUP}, or move it elsewhere", 0)])
        header = head_in(data)
        if header is not None and _is_other(header, name):
            return _misnamed(name, file, header)
        for stream, numbers in _rows_between(mend_part(data)[0], 0, len(data)).items():
            for n in numbers:
                known.add(name.writer, stream, n, 1)
        return PartLook(name, "corrupt", list(_describe_damage(data, file, str(error))))
    is_newest = name.number == max(snapshot.numbers[name.writer])
    header = part.header
    has_tail = bool(part.data) if header is None else is_newest and part.valid_bytes < len(part.data)
    # What a living process is writing at this moment is not torn.
    torn = [_torn(file, part)] if has_tail and not snapshot.journal.is_held(name) else []
    is_open = is_newest and part.end == "open"
    if header is None:
        return PartLook(name, "sound", torn, is_open, has_head=False)
    if _is_other(header, name):
        return _misnamed(name, file, header)
    known.expect(name.writer, dict(header.first))
    known.expect_by(name.writer, ((kind, body) for kind, body, _ in part.records))
    spans: dict[str, tuple[int, int]] = {}
    holes = []
    for stream in STREAMS:
        try:
            rows = rows_of(name.writer, [part], stream)
        except CorruptError as error:
            holes.append(Damage("missing", file, str(error), FROM_BACKUP))
            continue
        if rows is not None:
            known.add(name.writer, stream, rows.first_n, rows.row_count)
            spans[stream] = (rows.first_n, rows.first_n + rows.row_count)
    kind: Literal["sound", "disordered"] = "disordered" if holes else "sound"
    return PartLook(name, kind, [*holes, *torn], is_open, rows=spans, first=header.first)


def is_stranger(snapshot: Snapshot, name: PartName) -> bool:
    """Whether what has the name of a part is foreign or newer, as `look_at_part` says."""
    try:
        header = read_header(snapshot.journal, name, snapshot.path)
    except NewerFormatError:
        return True
    except CorruptError:
        data = snapshot.journal.read(name)
        return _is_no_part(data) or _is_other(head_in(data), name)
    return _is_other(header, name)


def _is_other(header: PartHeader | None, name: PartName) -> bool:
    return header is not None and PartName(header.writer, header.number) != name


def _is_no_part(data: bytes) -> bool:
    return bool(data) and not data.startswith(record.MAGIC) and find_frame(data, 0) is None


def _misnamed(name: PartName, file: Path, header: PartHeader) -> PartLook:
    lost = f"nothing: it is {PartName(header.writer, header.number)} under another name"
    advice = "give it its own name again, or move it elsewhere"
    return PartLook(name, "foreign", [Damage("foreign", file, lost, advice)])


def _torn(file: Path, part: ScannedPart) -> Damage:
    lost = f"nothing that was acknowledged: {len(part.data) - part.valid_bytes} bytes of a call that never returned"
    return Damage("torn", file, lost, "none needed; readers leave them out", part.valid_bytes)


def _describe_damage(data: bytes, file: Path, message: str) -> Iterator[Damage]:
    """Every damaged stretch of a part, and what stands behind it untouched but unread."""
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
