"""Every row of a run, one after the other, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from runlake.api.selection import Selection
from runlake.errors import BadValueError
from runlake.query.rows.dicts import iter_rows


class HistoryScan:
    """The rows of a run as dicts; each iteration reads anew, and so sees what was logged meanwhile.

    Integers are integers, nested is nested, and a row holds only the keys that were logged in it.
    """

    def __init__(self, select: Callable[[], Selection], page_size: int, keys: Sequence[str] | None) -> None:
        if isinstance(page_size, bool) or not isinstance(page_size, int) or page_size < 1:
            raise BadValueError(f"page_size={page_size!r}; it must be a whole number from 1 up")
        self._select = select
        self._page_size = page_size
        self._rows: Iterator[dict[str, Any]] | None = None
        self.keys = keys

    def __iter__(self) -> Iterator[dict[str, Any]]:
        selection = self._select()
        return iter_rows(selection.history, axes=selection.axes, batch_row_count=max(self._page_size, 1000))

    def __next__(self) -> dict[str, Any]:
        """The next row of a reading that all calls of `next` share; it begins anew after the last one."""
        if self._rows is None:
            self._rows = iter(self)
        try:
            return next(self._rows)
        except StopIteration:
            self._rows = None
            raise

    next = __next__
