"""Which run is active in this process: for whatever names none, like ``runlake.log(…)`` or ``Artifact.save()``.

It lies on the ground of the SDK and knows no run by its class: `init` puts one here, and runs and artifacts ask.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from runlake.errors import RunlakeError
from runlake.settings import Settings, current_folder, resolve


class NotStartedError(RunlakeError, AttributeError):
    """`log`, `config` or `summary` of the module before `init`."""


class KeepingRun(Protocol):
    """What is asked of the active run by those who are not told which it is."""

    @property
    def dir(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def settings(self) -> Settings: ...
    def log_artifact(self, artifact: Any, /) -> Any: ...
    def link_artifact(self, artifact: Any, target_path: str, aliases: Sequence[str] | None = None, /) -> Any: ...
    def _earlier_files(self, name: str, /) -> Any: ...


class ActiveRun:
    """The place of the active run: there is one, or none."""

    def __init__(self) -> None:
        self.run: KeepingRun | None = None

    def needed_for(self, what: str) -> KeepingRun:
        """The active run; NotStartedError names what was asked of it."""
        if self.run is None:
            raise NotStartedError(f"runlake.{what} was used before runlake.init(); call it first")
        return self.run

    def settings(self) -> Settings:
        """Those of the active run; before there is one, those that it would have."""
        return self.run.settings if self.run is not None else resolve({}, os.environ, current_folder())

    def is_disabled(self) -> bool:
        """Whether the active run is disabled; before there is one, whether it would be."""
        return self.settings().mode == "disabled"

    def folder_for_copies(self) -> Path | None:
        """Where files can wait until the active run keeps them, on the disk that it is written to; None for nowhere."""
        run = self._keeping()
        return None if run is None else Path(run.dir)

    def earlier_files(self, name: str) -> Any:
        """The files of the newest version of an artifact in the store of the active run; None for none."""
        run = self._keeping()
        return None if run is None else run._earlier_files(name)

    def _keeping(self) -> KeepingRun | None:
        run = self.run
        return None if run is None or run.state != "running" or run.settings.mode == "disabled" else run

    def is_strict(self) -> bool:
        """Whether what the active run leaves out is an error; before there is one, whether it would be."""
        return self.settings().strict


active_run = ActiveRun()
"""That of the module `runlake`. It stands at module level since those who ask are handed nothing."""
