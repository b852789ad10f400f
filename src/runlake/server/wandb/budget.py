"""How much one GraphQL answer may hold: it is made whole, so what it would hold is counted before it is made."""

from __future__ import annotations

from runlake.errors import TooLargeError
from runlake.query.rows.history import History
from runlake.stopping import check_wanted

MAX_CELLS = 4_000_000
_CHARACTERS_PER_CELL = 64


class Budget:
    """Counts the values of one answer. Belongs to one request."""

    def __init__(self, max_cells: int = MAX_CELLS) -> None:
        self._max_cells = max_cells
        self._left = max_cells

    def take_rows(self, history: History) -> None:
        """Count rows; long texts among their values count as several."""
        texts = (series.values.nbytes for series in history.series if series.lane in ("str", "json"))
        self.take(history.cell_count + sum(texts) // _CHARACTERS_PER_CELL)

    def take(self, cell_count: int) -> None:
        """`TooLargeError` when the answer would hold too much with so many values of rows more."""
        check_wanted()
        self._left -= cell_count
        if self._left < 0:
            raise TooLargeError(
                f"the answer would hold more than {self._max_cells:,} values; ask for fewer rows (samples, page_size), "
                "for fewer runs a page, or for the keys that are needed"
            )

    def take_text(self, text: str) -> str:
        """The text, which counts by its length."""
        self.take(len(text) // _CHARACTERS_PER_CELL)
        return text
