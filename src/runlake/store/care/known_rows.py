"""Which rows of a run have been found, and how many its writers say that there were."""

from __future__ import annotations

from collections.abc import Iterable

from runlake.model import STREAMS
from runlake.store.journal import record
from runlake.store.journal.bodies import Closing, Lost
from runlake.store.journal.journal import root_of
from runlake.store.segment.meta import Meta


class KnownRows:
    """Which rows of which writer and stream have been found, and how many each writer says it has written.

    What a repair keeps under another name counts as its writer's own.
    """

    def __init__(self, metas: Iterable[Meta]) -> None:
        self._ranges: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self._expected: dict[tuple[str, str], int] = {}
        for meta in metas:
            for stretch in meta.stretches:
                self.add(stretch.writer, stretch.stream, stretch.first_n, stretch.row_count)
            for state in meta.writers:
                self.expect_by(state.writer, state.records)

    def add(self, writer: str, stream: str, first_n: int, row_count: int) -> None:
        self._ranges.setdefault((root_of(writer), stream), []).append((first_n, first_n + row_count))

    def expect(self, writer: str, row_counts: dict[str, int]) -> None:
        """The writer had written so many rows by then."""
        for stream, count in row_counts.items():
            root = root_of(writer)
            self._expected[root, stream] = max(count, self._expected.get((root, stream), 0))

    def expect_by(self, writer: str, records: Iterable[tuple[int, dict[str, object]]]) -> None:
        for kind, body in records:
            if kind == record.END:
                self.expect(writer, dict(Closing(body).row_counts))
            if kind == record.LOST:  # a repair has said so
                for stream, ranges in Lost(body).rows.items():
                    for first_n, row_count in ranges:
                        self.add(writer, stream, first_n, row_count)

    def holes(self, writer: str) -> list[str]:
        """The rows of one writer that must have been there, as text."""
        found = []
        for stream in STREAMS:
            next_n = 0
            expected = self._expected.get((writer, stream), 0)
            for start, end in [*sorted(self._ranges.get((writer, stream), [])), (expected, expected)]:
                if start > next_n:
                    found.append(f"{stream} rows {next_n} to {start - 1}")
                next_n = max(next_n, end)
        return found

    def holds(self, writer: str, stream: str, first_n: int, row_count: int) -> bool:
        next_n = first_n
        for start, end in sorted(self._ranges.get((root_of(writer), stream), [])):
            if start <= next_n:
                next_n = max(next_n, end)
        return next_n >= first_n + row_count
