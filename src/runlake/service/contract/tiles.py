"""The verbs of charts: lines of many runs at once, and which keys there are to draw."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runlake.model import ProjectKeys, Stream

if TYPE_CHECKING:
    from runlake.query.tiles.question import TilesQuery
    from runlake.query.tiles.tiles import Tiles


class TileVerbs(Protocol):
    """What charts show of a project."""

    def read_tiles(self, entity: str, project: str, asked: TilesQuery) -> Tiles:
        """Lines of the numbers of some keys, of all runs that are asked for, on one grid.

        Each line goes through the first, the lowest, the highest and the last row of each column; values that are no
        finite numbers are gaps, marked and counted. Smoothing goes over all rows first (`query.tiles.smoothing` has the
        formulas), and every run counts in its group (`query.tiles.groups`). A key that a run does not have, or not in
        numbers, has no line.

        A run that cannot be read is left out, with its error, and all others are answered; one whose version is in
        `known` is looked at and not read. `BadValueError` for what cannot be drawn, `TooLargeError` for more than 64
        keys or more columns in all than one answer may hold, `FilterError` as `list_runs` has it.
        """
        ...

    def list_project_keys(
        self, entity: str, project: str, *, stream: Stream = "history", offset: int = 0, limit: int | None = None
    ) -> ProjectKeys:
        """The keys that runs of a project logged, by name: a slice of them, from what the listing knows.

        Those of `history` are what summaries have of the rows, so a key whose summary was edited away is not among
        them; those of `events` are the last system metrics. `BadValueError` for the stream `console`.
        """
        ...
