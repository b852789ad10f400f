"""Numbers that a store has about itself, for whoever watches a server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol


class Number(NamedTuple):
    """One number. Its name has no prefix and no suffix: ``bucket_calls``; `labels` are pairs of name and value.

    A *count* only grows; a *level* goes up and down.
    """

    name: str
    said: str
    value: float
    labels: tuple[tuple[str, str], ...] = ()
    kind: Literal["count", "level"] = "count"


class Numbers(Protocol):
    """What a store counts."""

    def of_process(self) -> Iterable[Number]:
        """What this process did and has. Of several processes they are added up. Asks nobody."""

    def of_store(self) -> Iterable[Number]:
        """How the store stands: the same, whichever process is asked. Nothing where that cannot be found out now."""
