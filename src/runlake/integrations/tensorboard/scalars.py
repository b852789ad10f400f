"""Events that hold one number, as nearly all events of most files do, many at a time.

What stands in such an event before its number is the same in every event of a tag, but for the time and the step: it is
read once, and known again by its bytes. Whatever is otherwise is for `event.read_event`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from runlake.integrations.tensorboard.tensor import shortest
from runlake.integrations.tensorboard.wire import FIXED32, WireError, fields, raw, text, varint_at

Scalar = tuple[float, int, str, float]
"""(wall time, step, tag, number)."""

_TIME_TAG, _STEP_TAG, _SUMMARY_TAG = 0x09, 0x10, 0x2A
_SHORTEST_EVENT = 9 + 2 + 2 + 5
_FIRST_DIGITS, _LAST_DIGITS = 6, 9
_EXACT_POWER = 22
"""Powers of ten up to this are whole float64s."""


class ScalarReader:
    """Reads the events of one file; it knows the tags that came."""

    def __init__(self) -> None:
        self._tag_of_head: dict[bytes, str | None] = {}

    def read(self, records: Sequence[bytes]) -> list[Scalar | None]:
        """For each record its number, or None for one that is not like that."""
        places: list[int] = []
        steps: list[int] = []
        tags: list[str] = []
        known = self._tag_of_head
        for place, record in enumerate(records):
            if len(record) < _SHORTEST_EVENT or record[0] != _TIME_TAG:
                continue
            step, at = 0, 9
            if record[9] == _STEP_TAG:
                step, at = record[10], 11
                if step >= 0x80 and record[11] < 0x80:
                    step, at = step & 0x7F | record[11] << 7, 12
                elif step >= 0x80 and record[12] < 0x80:
                    step, at = step & 0x7F | (record[11] & 0x7F) << 7 | record[12] << 14, 13
                elif step >= 0x80:
                    try:
                        step, at = varint_at(record, 10)
                    except WireError:
                        continue
                    if step >= 1 << 63:
                        continue
            head = record[at:-4]
            tag = known.get(head, "")
            if tag == "":
                tag = known[head] = _tag_of(head)
            if tag is not None:
                places.append(place)
                steps.append(step)
                tags.append(tag)
        found: list[Scalar | None] = [None] * len(records)
        times = np.frombuffer(b"".join([records[place][1:9] for place in places]), "<f8").tolist()
        numbers = shortest_of(np.frombuffer(b"".join([records[place][-4:] for place in places]), "<f4"))
        for place, scalar in zip(places, zip(times, steps, tags, numbers, strict=True), strict=True):
            found[place] = scalar
        return found


def _tag_of(head: bytes) -> str | None:
    """The tag of an event that has nothing but one number; `head` lacks the four bytes of this, and time and step."""
    if head[:1] != bytes((_SUMMARY_TAG,)):
        return None
    try:
        ((_, _, summary),) = fields(head + bytes(4))
        ((value_number, _, value),) = fields(raw(summary))
        (tag_number, _, tag), (last_number, kind, _) = fields(raw(value))
        is_number = (value_number, tag_number, last_number, kind) == (1, 1, 2, FIXED32)
        return (text(tag) or None) if is_number else None
    except ValueError:  # WireError is one, and so is what has more or fewer fields
        return None


def shortest_of(numbers: npt.NDArray[np.float32]) -> list[float]:
    """`tensor.shortest` of many numbers at once."""
    exact = numbers.astype(np.float64)
    found = np.array(exact)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(exact)))
    left = np.flatnonzero(np.isfinite(size) & (np.abs(size) <= _EXACT_POWER - _LAST_DIGITS))
    is_unsure = np.isfinite(exact) & (exact != 0)
    is_unsure[left] = False
    for digits in range(_FIRST_DIGITS, _LAST_DIGITS + 1):
        if not len(left):
            break
        values, shift = exact[left], digits - 1 - size[left]
        power = 10.0 ** np.abs(shift)
        scaled = np.where(shift >= 0, values * power, values / power)
        whole = np.rint(scaled)
        short = np.where(shift >= 0, whole / power, whole * power)
        is_tie = np.abs(np.abs(scaled - whole) - 0.5) < 1e-5
        is_same = (short.astype(np.float32) == numbers[left]) & ~is_tie
        is_unsure[left[is_tie]] = True
        found[left[is_same]] = short[is_same]
        left = left[~is_same & ~is_tie]
    is_unsure[left] = False  # with nine digits every number is itself
    answer: list[float] = found.tolist()
    for place in np.flatnonzero(is_unsure).tolist():
        answer[place] = shortest(answer[place])
    return answer
