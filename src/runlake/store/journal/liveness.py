"""Whether the processes that write a journal live: by their locks, or by when they last wrote."""

from __future__ import annotations

import time

from runlake.store.journal.fold import Liveness
from runlake.store.journal.journal import Journal, PartName

STALE_S = 300.0
"""Where nothing tells whether a process lives, a run that was silent this long counts as crashed."""


def liveness(journal: Journal) -> dict[str, Liveness]:
    """Of each writer with a part, whether its process lives, by the lock of its newest part or else its last write."""
    return {writer: "alive" if is_alive(journal, writer) else "gone" for writer in _writers(journal)}


def held_writers(journal: Journal) -> frozenset[str]:
    """The writers of which a lock says that they live: where nothing tells, whoever comes goes on behind them."""
    return frozenset(writer for writer in _writers(journal) if is_alive(journal, writer, stale_s=0.0))


def is_any_alive(journal: Journal) -> bool:
    """Whether the process of any of its writers lives."""
    return any(is_alive(journal, writer) for writer in _writers(journal))


def is_alive(
    journal: Journal, writer: str, *, stale_s: float = STALE_S, strangers: frozenset[PartName] = frozenset()
) -> bool:
    """Whether a writer's process lives; where no lock tells, whether it wrote less than `stale_s` ago.

    `strangers` have names of its parts, and are none.

    A writer locks a new part before it lets go of the one before. So whoever finds the newest, the one before and the
    newest once more without a lock, and then no newer one, knows that nobody holds any.
    """
    newest: PartName | None = None
    while True:
        names = [name for name, _ in journal.list_parts() if name.writer == writer and name not in strangers]
        if not names or names[-1] == newest:
            return False
        newest = names[-1]
        for name in (newest, *names[-2:-1], newest):
            held = journal.is_held(name)
            if held is None:
                try:
                    held = stale_s > 0 and time.time() - journal.last_write_at(name) < stale_s
                except FileNotFoundError:
                    held = False  # sealed meanwhile
            if held:
                return True


def _writers(journal: Journal) -> set[str]:
    return {name.writer for name, _ in journal.list_parts()}
