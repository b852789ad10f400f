"""Numbers as a line of text; pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

_BARS = "▁▂▃▄▅▆▇█"
_GAP = " "


def sparkline(values: Sequence[float], width: int = 32) -> str:
    """The values as at most `width` block characters, low to high.

    Neighbours share a character by their mean. NaN and infinities are left out; a stretch of nothing else is a
    blank. A constant line is drawn at the bottom.
    """
    if not values or width < 1:
        return ""
    count = min(width, len(values))
    means = [_mean(values[len(values) * i // count : len(values) * (i + 1) // count]) for i in range(count)]
    finite = [mean for mean in means if mean is not None]
    if not finite:
        return _GAP * count
    low, high = min(finite), max(finite)
    return "".join(_GAP if mean is None else _BARS[_level(mean, low, high)] for mean in means)


def bar(share: float, width: int = 20) -> str:
    """A share between 0 and 1 as a bar."""
    return _BARS[-1] * round(share * width)


def _mean(values: Sequence[float]) -> float | None:
    finite = [value for value in values if math.isfinite(value)]
    # Divided before they are summed: the sum of two large doubles may be infinite.
    return sum(value / len(finite) for value in finite) if finite else None


def _level(value: float, low: float, high: float) -> int:
    if high == low:
        return 0
    # Halved, because the distance between two large doubles of opposite sign may be infinite.
    share = (value / 2 - low / 2) / (high / 2 - low / 2)
    return min(len(_BARS) - 1, int(share * len(_BARS)))
