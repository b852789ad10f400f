"""``mode="disabled"``: a run that works and writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.model import Stream
from runlake.values import flatten


class DisabledWriter:
    """Checks what is logged as a journal would, and forgets it."""

    writer = "disabled"

    def log(
        self,
        data: Mapping[str, Any],
        *,
        step: int,
        timestamp: float,
        runtime: float,
        commit: bool = True,
        stream: Stream = "history",
    ) -> dict[str, Any] | None:
        return flatten(data, lambda value: None)

    def close_row(self, stream: Stream = "history") -> None: ...

    def record(self, kind: int, body: Mapping[str, Any]) -> None: ...

    def end(self, body: Mapping[str, Any]) -> None: ...

    def sync(self) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None: ...
