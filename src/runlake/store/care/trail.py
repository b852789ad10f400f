"""How far the rows of one writer go without a hole, and which name those behind a hole get.

Of one writer, readers and segments expect rows without holes. So what stands behind lost rows is kept under a
writer's name of its own, ``<writer>r<how many rows were before, 8 hexadecimal digits>``; the rows keep their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from runlake.model import STREAMS


@dataclass(slots=True)
class Trail:
    """How far the rows of one writer have been followed, through segments and parts.

    `seen` is, of each stream, the number of the next row; `tail` the same of what is kept under `target`, and has no
    entry for a stream of which nothing is.
    """

    writer: str
    target: str
    seen: dict[str, int] = field(default_factory=dict)
    tail: dict[str, int] = field(default_factory=dict)

    def lose_before(self, stream: str, n: int) -> tuple[int, int] | None:
        """(first, count) of the rows that should have come before row `n` and have not."""
        expected = self.seen.get(stream, 0)
        if n <= expected:
            return None
        self.seen[stream] = n
        return expected, n - expected

    def go_on_behind_hole(self, stream: str, n: int) -> bool:
        """Whether row `n` cannot be kept under the same name as what was before; then `target` is another."""
        if n <= self.tail.get(stream, n):
            return False
        self.target = f"{self.writer}r{sum(self.seen.values()):08x}"
        self.tail = {}
        return True

    def keep(self, stream: str, end: int) -> None:
        """The rows before `end` are kept."""
        self.seen[stream] = max(end, self.seen.get(stream, 0))
        self.tail[stream] = end


def describe_rows(lost: list[tuple[str, int, int]]) -> str:
    """Rows by stream, as text: ``history rows 13 to 14 and console row 7``."""
    found = []
    for stream in STREAMS:
        ranges = [
            f"{first}" if count == 1 else f"{first} to {first + count - 1}"
            for name, first, count in lost
            if name == stream
        ]
        if ranges:
            is_one = len(ranges) == 1 and " " not in ranges[0]
            found.append(f"{stream} row{'' if is_one else 's'} {', '.join(ranges)}")
    return " and ".join(found)
