"""Where a journal part is damaged, and which of its frames are whole. Pure.

Where damage begins is known from walking the frames; where it ends is where frames begin again of which each follows
the one before to the end of the part, or at least to a block.
"""

from __future__ import annotations

from collections.abc import Iterator

from runlake.model import STREAMS
from runlake.store.journal import record
from runlake.store.journal.record import HEAD, MAGIC, MIXED, ROW, ROW_HEAD
from runlake.store.journal.scan import find_frame, is_frame, is_torn_tail, makes_sense


def whole_frames(data: bytes) -> Iterator[tuple[int, int, int]]:
    """(start, end, kind) of every frame that is as it was written."""
    position = len(MAGIC)
    for start, end in [*damaged_stretches(data), (len(data), len(data))]:
        while position < start and is_frame(data, position):
            length, kind, _, _ = HEAD.unpack_from(data, position)
            yield position, position + HEAD.size + length, kind
            position += HEAD.size + length
        position = max(position, end)


def damaged_stretches(data: bytes) -> Iterator[tuple[int, int]]:
    """The stretches of a part that are no sound frames, or make no sense; a torn tail left out."""
    if data[: len(MAGIC)] != MAGIC:
        yield 0, len(MAGIC)
    position = len(MAGIC)
    while position < len(data):
        if is_frame(data, position):
            end = position + HEAD.size + int.from_bytes(data[position : position + 4], "little")
            if not makes_sense(data, position, end):
                yield position, end
            position = end
            continue
        if is_torn_tail(data, position):
            return
        following = _frames_begin_again(data, position)
        end = len(data) if following is None else following
        yield position, end
        position = end


def _frames_begin_again(data: bytes, position: int) -> int | None:
    """Where the next whole frame stands behind damage that begins at `position`; None when there is none."""
    if _is_head(data, position):
        end = position + HEAD.size + int.from_bytes(data[position : position + 4], "little")
        if end == len(data) or is_frame(data, end):
            return end  # only the body is damaged, and nothing in it is a frame
    candidate = find_frame(data, position + 1)
    while candidate is not None:
        end, count, has_block = candidate, 0, False
        while is_frame(data, end):
            has_block |= data[end + 4] == record.BLOCK
            count += 1
            end += HEAD.size + int.from_bytes(data[end : end + 4], "little")
        # One frame that nothing follows may as well be a text that somebody logged.
        if count > 1 or has_block or end == len(data) or is_torn_tail(data, end) or _is_head(data, end):
            return candidate
        candidate = find_frame(data, end)
    return None


def _is_head(data: bytes, position: int) -> bool:
    return position + HEAD.size <= len(data) and record.is_head(HEAD.unpack_from(data, position))


def describe_damage(data: bytes, stretches: list[tuple[int, int]]) -> str:
    """How many bytes were damaged, and what stands before and behind them."""
    size_bytes = sum(end - start for start, end in stretches)
    before = after = None
    for start, _, kind in whole_frames(data):
        if kind in (ROW, MIXED):
            _, flags, n, *_ = ROW_HEAD.unpack_from(data, start + HEAD.size)
            row = f"{record.STREAM_OF_BITS.get(flags & record.STREAM_MASK, STREAMS[0])} row {n}"
            if start < stretches[0][0]:
                before = row
            elif start >= stretches[-1][1]:
                after = row
                break
    if before and after:
        return f"{size_bytes} bytes between {before} and {after}"
    return f"{size_bytes} bytes" + (f" behind {before}" if before else f" before {after}" if after else "")
