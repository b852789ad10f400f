"""``mode="disabled"``: a run that works and writes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from runlake.model import Stream
from runlake.sdk.run.files import Policy, RunFiles
from runlake.values import flatten


class DisabledWriter:
    """Checks what is logged as a journal would, and forgets it."""

    writer = "disabled"
    is_ended = False

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

    def row_counts(self) -> dict[str, int]:
        return {}

    def close_row(self, stream: Stream = "history") -> None: ...

    def record(self, kind: int, body: Mapping[str, Any]) -> None: ...

    def end(self, body: Mapping[str, Any]) -> None: ...

    def sync(self) -> None: ...

    def close(self) -> None: ...

    def abandon(self) -> None: ...


class DisabledFiles(RunFiles):
    """Keeps nothing; what a script writes into its folder goes with the process."""

    @cached_property
    def folder(self) -> Path:
        import atexit
        import shutil
        import tempfile

        folder = Path(tempfile.mkdtemp(prefix="runlake-disabled-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return folder

    def write(self, name: str, content: bytes) -> None: ...

    def copy(self, source: Path, name: str) -> Path:
        return self._layout.file_path(self._path, name)

    def save(
        self, pattern: str | os.PathLike[str], base_path: str | os.PathLike[str] | None, policy: Policy
    ) -> list[str]:
        return []
