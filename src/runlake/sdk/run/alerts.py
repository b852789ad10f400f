"""`alert`: something to be told about, kept with the run; not more often than asked for."""

from __future__ import annotations

import datetime
import enum
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from runlake.errors import BadValueError, LogTypeError
from runlake.model import LAST_TIME_S

TITLE_LIMIT = 250
"""Letters of a title that are kept: it is a line."""


class AlertLevel(enum.StrEnum):
    """How serious an alert is."""

    INFO = "INFO"
    WARN = "WARN"
    ERROR = "ERROR"


class Alerts:
    """The alerts of one run; each is handed to `write` as ``{"title", "text", "level", "timestamp"}``.

    `timestamp` is in seconds since 1970. Nothing is sent anywhere.
    """

    def __init__(self, write: Callable[[Mapping[str, Any]], None], clock: Callable[[], float] = time.time) -> None:
        self._write, self._clock = write, clock
        self._last_s: dict[str, float] = {}

    def alert(
        self,
        title: str,
        text: str,
        level: str | AlertLevel | None = "INFO",
        wait_duration: float | datetime.timedelta | None = 0,
    ) -> bool:
        """Keep an alert, unless one of the same title was kept less than `wait_duration` seconds ago.

        Answers whether it was kept. Raises `LogTypeError` for a title or text that is no string, `BadValueError`
        for an unknown level or a negative duration.
        """
        for name, value in (("title", title), ("text", text)):
            if not isinstance(value, str):
                raise LogTypeError(f"alert: the {name} must be a string, not {type(value).__name__}")
        if level is None:
            level = AlertLevel.INFO
        if not isinstance(level, str) or level.upper() not in AlertLevel.__members__:
            raise BadValueError(f"alert: level={level!r}; possible: {', '.join(AlertLevel.__members__)}")
        wait_s = _seconds(wait_duration)
        now = self._clock()
        last_s = self._last_s.get(title)
        if last_s is not None and 0 <= now - last_s < wait_s:
            return False
        self._last_s[title] = now
        title, text = _writable(title[:TITLE_LIMIT]), _writable(text)
        self._write({"title": title, "text": text, "level": level.upper(), "timestamp": now})
        return True


def _writable(text: str) -> str:
    """The text, with half a surrogate pair (as a name that is no UTF-8 has it) written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode()


def _seconds(duration: Any) -> float:
    if duration is None:
        return 0.0
    if isinstance(duration, datetime.timedelta):
        duration = duration.total_seconds()
    if isinstance(duration, bool) or not isinstance(duration, int | float) or not 0 <= duration < math.inf:
        raise BadValueError(f"alert: wait_duration={duration!r}; give seconds, 0 or more, or a timedelta")
    return float(min(duration, LAST_TIME_S))
