"""Rows that are made of lines when they are asked for, some at a time: a row takes many times the room of its line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import overload

from runlake.model import LoggedRow

PIECE_ROWS = 1_000
PIECE_CHARACTERS = 500_000

MakeRows = Callable[[int, Sequence[str]], list[LoggedRow]]
"""(place of the first line, lines) -> a row for each."""


class LazyRows(Sequence[LoggedRow]):
    """The rows that `make` makes of `lines`; whoever goes through them twice makes them twice."""

    def __init__(self, lines: Sequence[str], make: MakeRows, first: int = 0) -> None:
        self._lines, self._make, self._first = lines, make, first

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> LoggedRow: ...

    @overload
    def __getitem__(self, place: slice) -> LazyRows: ...

    def __getitem__(self, place: int | slice) -> LoggedRow | LazyRows:
        chosen = range(len(self._lines))[place]
        if isinstance(chosen, int):
            return self._make(self._first + chosen, [self._lines[chosen]])[0]
        if chosen.step != 1:
            raise IndexError("lazy rows are cut in one piece")
        return LazyRows(self._lines[chosen.start : chosen.stop], self._make, self._first + chosen.start)

    def __iter__(self) -> Iterator[LoggedRow]:
        for start in range(0, len(self._lines), PIECE_ROWS):
            lines = self._lines[start : start + PIECE_ROWS]
            for first, last in _cuts(lines):
                yield from self._make(self._first + start + first, lines[first:last])


def _cuts(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Where to cut the lines, so that no piece is much longer than it may be."""
    if sum(map(len, lines)) <= PIECE_CHARACTERS:
        yield 0, len(lines)
        return
    start = size = 0
    for place, line in enumerate(lines, 1):
        size += len(line)
        if size > PIECE_CHARACTERS or place == len(lines):
            yield start, place
            start, size = place, 0
