"""What the head of a part says, or must have said where it is damaged."""

from __future__ import annotations

from runlake.errors import CorruptError
from runlake.store.care.damaged_part import whole_frames
from runlake.store.journal import record
from runlake.store.journal.first_frame import PART_HEAD_BYTES, part_header
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName, root_of
from runlake.store.run.snapshot import Snapshot


def own_head(snapshot: Snapshot, name: PartName) -> PartHeader | None:
    """What a part says of itself, where that is whole."""
    data = snapshot.journal.read(name)
    try:
        return part_header(data[:PART_HEAD_BYTES], str(name))
    except CorruptError:
        return head_in(data)


def head_in(data: bytes) -> PartHeader | None:
    """The head among the whole frames at the beginning of a part."""
    for start, end, kind in whole_frames(data[:PART_HEAD_BYTES]):
        if kind == record.PART:
            body = record.decode_body(data[start + record.HEAD.size : end])
            return PartHeader(body) if body else None
    return None


def likely_head(snapshot: Snapshot, name: PartName, data: bytes) -> PartHeader:
    """What the header must have said: as the other parts of this writer say, else as the run was then."""
    of_segments = (state.header for meta in snapshot.metas for state in meta.writers)
    of_parts = (own_head(snapshot, other) for other in snapshot.parts if other != name)
    headers = [header for header in (*of_segments, *of_parts) if header and header.body.get("incarnation")]
    for header in headers:
        if root_of(header.writer) == name.writer:
            return header.without("first", "previous_bytes").with_fields(number=name.number)
    ids = [(h.incarnation, h.generation) for h in headers if h.generation <= name.writer]
    incarnation, generation = max(ids, default=(name.writer, name.writer))
    kinds = {kind for _, _, kind in whole_frames(data)}
    rows = kinds & {record.ROW, record.MIXED}
    role = "run" if record.START in kinds or (not headers and rows) else "child" if rows else "editor"
    return PartHeader(
        {
            "format": record.FORMAT_VERSION,
            **snapshot.path._asdict(),
            "incarnation": incarnation,
            "generation": generation,
            "role": role,
            "pid": 0,
            "created_at": _made_at(name.writer),
        }
    )


def _made_at(writer: str) -> float:
    """When a writer was made, as its name says; 0 where it does not."""
    try:
        return int(writer[:11], 16) / 1000
    except ValueError:
        return 0.0
