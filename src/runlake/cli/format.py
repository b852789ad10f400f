"""Numbers, times, sizes and values as a person reads them; pure."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Mapping
from typing import Any

from runlake.clean_text import one_line
from runlake.values import Json, encode_json

NOTHING = "–"
"""What stands where there is no value."""

_PHRASE = re.compile(r"[,:(]| (?:at|by|of|that|which|whose|without) ")
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def format_time(seconds: float) -> str:
    """Seconds since 1970 as local time to the second."""
    if not seconds:
        return NOTHING
    return datetime.datetime.fromtimestamp(seconds).isoformat(sep=" ", timespec="seconds")


def format_duration(seconds: float) -> str:
    """A duration with its two largest units: ``2.5s``, ``3m 20s``, ``5h 02m``, ``2d 03h``."""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest_s = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes}m {rest_s:02d}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes:02d}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours:02d}h"


def format_size(size_bytes: int) -> str:
    """A size in bytes with a binary unit: ``512 B``, ``1.5 KiB``."""
    size, unit = float(size_bytes), 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def format_count(count: int, word: str) -> str:
    """A number with its noun: ``1 run``, ``1,200 runs``."""
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def format_things(count: int, what: str) -> str:
    """So many of what is told by a word or a phrase: ``2 files``, but ``2 × file that is gone``."""
    return f"{count:,} × {what}" if count > 1 and _PHRASE.search(what) else format_count(count, what)


def format_number(value: float) -> str:
    """A number with up to six significant digits; integers in full."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.6g}" if math.isfinite(value) else str(value)


def format_value(value: Any) -> str:
    """Any stored value on one line: text as it is, a histogram in a few words, the rest as JSON."""
    if isinstance(value, Mapping):
        from runlake.query.rows.in_short import in_short  # which loads Arrow

        value = in_short(value) or value
    if isinstance(value, str) and not isinstance(value, Json):
        return one_line(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return one_line(encode_json(value))


def shorten(text: str, limit: int) -> str:
    """The text, cut to `limit` characters with a mark where it was longer."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
