"""The header of a part, read without the rest of the part."""

from __future__ import annotations

from runlake.store.journal import record
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import Journal, PartName
from runlake.store.journal.scan import prove_head, scan_part

PART_HEAD_BYTES = 65_536
"""What is read of a part for its header, which is smaller unless the run takes over the rows of very many writers."""


def read_header(journal: Journal, name: PartName, where: object) -> PartHeader | None:
    """The header of a part of the run `where`; None when it is not whole yet. Errors as `part_header`, and as
    `Journal.read`.
    """
    return part_header(journal.read(name, 0, PART_HEAD_BYTES), f"{where}: {name}")


def part_header(data: bytes, name: str) -> PartHeader | None:
    """The header of a part, from the part's first 64 KiB; None when it is not whole yet.

    CorruptError where it is not as it was written, NewerFormatError for a later format.
    """
    start = len(record.MAGIC)
    end = start + record.HEAD.size
    if len(data) >= end:
        end += min(record.HEAD.unpack_from(data, start)[0], record.MAX_BODY_BYTES)
    return prove_head(scan_part(data[:end], name), name).header
