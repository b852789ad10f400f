"""What W&B's runs have and integrations ask for, and what runlake says under another name or need not say.

A base class of `Run`, so that the file with the hot path holds nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from runlake.errors import NotSupportedError
from runlake.media.left_out import left_out, strictly
from runlake.sdk.run.config import Config
from runlake.settings import Settings
from runlake.store.layout import Layout

if TYPE_CHECKING:
    from runlake.model import RunPath

LOGS_FILE = "logs.txt"


class NotSupportedAttributeError(NotSupportedError, AttributeError):
    """A member that W&B has and runlake has not yet: `hasattr` says no, and using it names it."""


class ConfigStatic:
    """The configuration as it is now, to be read only; its keys are attributes."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        object.__setattr__(self, "__dict__", dict(values))

    def __getitem__(self, key: str) -> Any:
        return vars(self)[key]

    def keys(self) -> list[str]:
        return list(vars(self))

    def _refuse(self, *args: Any) -> NoReturn:
        raise AttributeError("config_static can only be read; change run.config")

    __setattr__ = __setitem__ = __delattr__ = _refuse

    def __repr__(self) -> str:
        return repr(vars(self))


class Familiar:
    """Methods and properties of `Run`."""

    _layout: Layout
    _settings: Settings

    if TYPE_CHECKING:

        @property
        def run_path(self) -> RunPath: ...
        @property
        def dir(self) -> str: ...
        @property
        def disabled(self) -> bool: ...
        @property
        def config(self) -> Config: ...
        def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None: ...

    def leave_out(self, message: str) -> None:
        """Warn, the first time, of what a call does not do (yet).

        A strict run raises `NotSupportedError` instead, a disabled one says nothing.
        """
        if not self.disabled:
            with strictly(self._settings.strict):
                left_out(message)

    @property
    def project_url(self) -> str:
        """Where the project lies: ``file://…``."""
        return self._layout.project_dir(*self.run_path[:2]).as_uri()

    @property
    def sweep_url(self) -> str | None:
        """Where the sweep of the run lies; None where it is of none."""
        sweep_id = self._settings.sweep_id
        return None if sweep_id is None else (self._layout.sweeps_dir(*self.run_path[:2]) / sweep_id).as_uri()

    @property
    def sync_dir(self) -> str:
        """The folder of the run: its rows and its files."""
        return str(self._layout.run_dir(self.run_path))

    @property
    def config_static(self) -> ConfigStatic:
        """A copy of the configuration that can only be read."""
        return ConfigStatic(self.config.as_dict())

    def get_project_url(self) -> str:
        """The same as `project_url`."""
        return self.project_url

    def get_sweep_url(self) -> str | None:
        """The same as `sweep_url`."""
        return self.sweep_url

    def project_name(self) -> str:
        """The same as `project`."""
        return self.run_path.project

    def join(self, exit_code: int | None = None) -> None:
        """The same as `finish`."""
        self.finish(exit_code)

    def restore(self, name: str, run_path: str | None = None, replace: bool = False, root: str | None = None) -> Any:
        """A file of this run, or of the run at `run_path`, copied to `root` and open for reading.

        Without `root` it is copied into the folder of this run's files. None where the run is disabled.
        """
        if self.disabled:
            return None
        restore = import_module("runlake").restore  # reading stands beside the SDK, and is loaded by who asks for it
        place = self.dir if root is None else root
        if run_path:
            return restore(name, run_path, replace, place)
        return restore(name, str(self.run_path), replace, place, store=self._layout.root)

    def write_logs(self, text: str) -> None:
        """Keep text with the run, in its file ``logs.txt``: it does not come among the printed lines."""
        self.leave_out(f"what write_logs() is given is kept in {LOGS_FILE}, not among the printed lines")
        if not self.disabled:
            with (Path(self.dir) / LOGS_FILE).open("a", encoding="utf-8") as file:
                file.write(text)

    def pin_config_keys(self, keys: Sequence[str] = ()) -> None:
        """Do nothing: it says which keys W&B's page shows first."""
