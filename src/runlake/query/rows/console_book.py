"""The console of a run as lines by position, kept for who turns its pages: new rows are added, and nothing read anew.

The lines are those of `query.rows.console.console_lines`: each in its last form, by number, or in the order in which
they were first seen where several processes printed.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence

from runlake.errors import BadValueError
from runlake.listing_model import ConsolePage, PlacedLine
from runlake.query.rows.console import cells_of, text_of
from runlake.query.rows.history import History
from runlake.stopping import check_wanted
from runlake.store.series import filled_times
from runlake.values import I64_MAX, I64_MIN

MAX_PAGE_LINES = 10_000
MAX_PAGE_CHARACTERS = 4_000_000
"""A page ends before it is longer than this, with one line at least."""

MAX_SEARCH_CHARACTERS = 1000

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")
"""What a terminal takes for colours, moves and titles, and does not show."""

_LINE_BYTES = 200
"""What a line takes beside its text."""
_CHECK_EVERY = 10_000


class ConsoleBook:
    """The lines of one generation of a run. Not for several threads at once."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._levels: list[str | None] = []
        self._sources: list[str | None] = []
        self._times = array("d")
        self._numbers = array("q")
        self._line_of: dict[tuple[str | None, int], int] | None = None  # only where several processes printed
        self._shown: list[str | None] = []
        self._character_count = 0

    def __len__(self) -> int:
        return len(self._texts)

    @property
    def size_bytes(self) -> int:
        """About what it takes of memory."""
        return self._character_count * 2 + len(self._texts) * _LINE_BYTES

    def add(self, history: History) -> None:
        """Rows of the stream ``console``, in reading order; a line that was there is replaced."""
        cells = [cells_of(history, key) for key in ("source", "line", "level", "text")]
        times = [0.0] * history.row_count if history.timestamp is None else filled_times(history.timestamp).tolist()
        for source, number, level, text, timestamp in zip(*cells, times, strict=True):
            if isinstance(number, int) and I64_MIN <= number <= I64_MAX:
                self._put(text_of(source), number, text_of(level), text_of(text) or "", timestamp)

    def page(self, offset: int, limit: int, search: str | None) -> ConsolePage:
        """`limit` lines from `offset` on, from the end where that is negative; of a search, among those that match."""
        check_page(offset, limit)
        found: Sequence[int] = range(len(self)) if not search else self._found(search)
        start = min(offset, len(found)) if offset >= 0 else max(0, len(found) + offset)
        lines: list[PlacedLine] = []
        room = MAX_PAGE_CHARACTERS
        for place in found[start : start + limit]:
            room -= len(self._texts[place])
            if room < 0 and lines:
                break
            lines.append(
                PlacedLine(
                    line=place,
                    stream="stderr" if self._levels[place] == "error" else "stdout",
                    timestamp=self._times[place],
                    text=self._texts[place],
                    source=self._sources[place],
                )
            )
        return ConsolePage(total_count=len(found), offset=start, lines=tuple(lines))

    def _put(self, source: str | None, number: int, level: str | None, text: str, timestamp: float) -> None:
        if self._line_of is None and self._sources and source != self._sources[0]:
            self._line_of = dict(zip(zip(self._sources, self._numbers, strict=True), range(len(self)), strict=True))
        if self._line_of is not None:
            place = self._line_of.setdefault((source, number), len(self))
        elif not self._numbers or number > self._numbers[-1]:
            place = len(self)
        else:
            place = bisect_left(self._numbers, number)
            if self._numbers[place] != number:
                self._insert(place, source, number, level, text, timestamp)
                return
        if place == len(self):
            self._insert(place, source, number, level, text, timestamp)
            return
        self._character_count += len(text) - len(self._texts[place])
        self._texts[place], self._levels[place], self._times[place] = text, level, timestamp
        self._shown[place] = None

    def _insert(
        self, place: int, source: str | None, number: int, level: str | None, text: str, timestamp: float
    ) -> None:
        self._texts.insert(place, text)
        self._levels.insert(place, level)
        self._sources.insert(place, source)
        self._times.insert(place, timestamp)
        self._numbers.insert(place, number)
        self._shown.insert(place, None)
        self._character_count += len(text)

    def _found(self, search: str) -> list[int]:
        """The lines that show the text, whatever its capitals and their colours."""
        if len(search) > MAX_SEARCH_CHARACTERS:
            raise BadValueError(
                f"a text of {len(search):,} characters is searched for, and {MAX_SEARCH_CHARACTERS:,} are allowed"
            )
        wanted, found = search.casefold(), []
        for place, text in enumerate(self._texts):
            if not place % _CHECK_EVERY:
                check_wanted()
            shown = self._shown[place]
            if shown is None:
                shown = self._shown[place] = text_shown(text)
            if wanted in shown:
                found.append(place)
        return found


def text_shown(text: str) -> str:
    """A line without what only a terminal takes note of, and without capitals."""
    return (_ESCAPES.sub("", text) if "\x1b" in text else text).casefold()


def check_page(offset: int, limit: int) -> None:
    """BadValueError for a page that is none."""
    if not 0 < limit <= MAX_PAGE_LINES:
        raise BadValueError(f"a page has 1 to {MAX_PAGE_LINES:,} lines or rows, not {limit:,}")
    if abs(offset) > I64_MAX:
        raise BadValueError(f"there is no offset {offset}")
