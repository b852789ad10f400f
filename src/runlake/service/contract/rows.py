"""The verbs of rows: what runs logged, printed and measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from runlake.model import ConsoleLine, RunPath, Stream, TailCursor

if TYPE_CHECKING:
    from runlake.listing_model import ConsolePage, ValuesPage
    from runlake.query.many.blocks import HistoryBlock
    from runlake.query.rows.history import History, HistoryOutline, Tail


class RowVerbs(Protocol):
    """The rows of runs."""

    def read_history(
        self,
        path: RunPath,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        min_step: int | None = None,
        max_step: int | None = None,
        generation: str | None = None,
    ) -> History:
        """The rows with min_step ≤ `_step` < max_step, and of them the series of `keys` (all when None).

        A key is matched literally and as a dotted path (``a.b`` finds both ``{"a.b": …}`` and
        ``{"a": {"b": …}}``); one that does not exist is simply not among the series. The axis always holds every
        row in range, also rows that have none of the keys; `timestamp` and `runtime` are filled when `keys` is None or
        names ``_timestamp``, ``_runtime``.
        """
        ...

    def read_histories(
        self,
        entity: str,
        project: str,
        *,
        keys: Sequence[str] | None,
        stream: Stream = "history",
        filters: Mapping[str, Any] | None = None,
        order: Sequence[str] = ("+created_at",),
        version: str | None = None,
    ) -> Iterator[HistoryBlock]:
        """The rows of the runs that match, with the series of `keys`, or all: of each what `read_history` answers.

        Runs that share files are read together and come together, in one block or a few; blocks come in the order of
        the first run in them that had not come before (`query.many.blocks.in_order` puts runs in order). A run that was
        deleted since `version`, the version of a listing, has no rows, and neither has one that cannot be read: a
        `RunlakeWarning` says why.
        """
        ...

    def read_tail(
        self,
        path: RunPath,
        cursor: TailCursor | None,
        *,
        stream: Stream = "history",
        keys: Sequence[str] | None = None,
        limit: int | None = None,
        last: int | None = None,
    ) -> Tail:
        """The rows behind `cursor`, all from the first for None, and of them the series of `keys`; returns at once.

        Passing the cursor of each answer on gives every row of the run exactly once, each writer's in their order
        and those of one answer in reading order, whatever is sealed, resumed or killed meanwhile. Only complete rows
        are handed out: one that its writer may still add to waits until it is closed or its writer is gone. After a
        fresh start or a rewind the answer begins with the first row of the new generation and says so.

        At most `limit` rows; with `last` (and no cursor) the last rows only, 0 for a cursor at the end.
        `BadValueError` for a cursor of another stream.
        """
        ...

    def sample_history(
        self, path: RunPath, key: str, *, samples: int, stream: Stream = "history", generation: str | None = None
    ) -> History:
        """min(rows, `samples`) rows of one numeric key that draw the same line.

        First and last row, and the lowest and highest of each bucket survive; the choice depends on the data
        only. `source_row_count` is the number of rows that have the key.
        """
        ...

    def list_keys(self, path: RunPath, *, stream: Stream = "history", generation: str | None = None) -> list[str]:
        """The escaped paths of all keys, in first-logged order."""
        ...

    def outline_history(self, path: RunPath, *, stream: Stream = "history") -> HistoryOutline:
        """How many rows a stream has, and which series: what `read_history` would give, without values."""
        ...

    def read_console(
        self, path: RunPath, *, last: int | None = None, generation: str | None = None
    ) -> list[ConsoleLine]:
        """What the run printed, rewritten lines in their last form; the `last` lines only when given."""
        ...

    def read_console_lines(
        self,
        path: RunPath,
        *,
        offset: int = 0,
        limit: int = 500,
        search: str | None = None,
        generation: str | None = None,
    ) -> ConsolePage:
        """`limit` lines of what `read_console` answers, from `offset` on; a negative one counts from the end.

        With `search` of the lines that show this text: capitals and what colours a line do not matter. A page ends
        early rather than being too long to send (`query.rows.console_book`); the next begins behind its last line.
        """
        ...

    def read_values(
        self,
        path: RunPath,
        key: str,
        *,
        stream: Stream = "history",
        offset: int = 0,
        limit: int = 1000,
        generation: str | None = None,
    ) -> ValuesPage:
        """`limit` rows that have a key, with its values of whatever type, from `offset` on; negative from the end.

        The key is matched as in `read_history`. A page ends early rather than being too long to send.
        """
        ...
