"""Names that are near one that was asked for: for messages that say what may have been meant."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

MAX_CHARACTERS = 100
MAX_COMPARED = 200


def near_names(asked: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Those of `known` that are nearest, the nearest first; none for a name that nobody types.

    Who asks may have chosen both sides, and comparing costs the square of their lengths: few are compared, and no
    long ones.
    """
    if len(asked) > MAX_CHARACTERS:
        return []
    import difflib

    usable = (name for name in known if len(name) <= MAX_CHARACTERS)
    compared = heapq.nsmallest(MAX_COMPARED, usable, key=lambda name: abs(len(name) - len(asked)))
    return difflib.get_close_matches(asked, compared, count)
