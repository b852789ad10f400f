"""What a run that is being written says of itself: which one it is, where it lies, how it is called, how it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from runlake.errors import LogTypeError
from runlake.model import RunPath, State
from runlake.sdk.run.config import Config
from runlake.sdk.run.disabled import DisabledFiles
from runlake.sdk.run.files import RunFiles
from runlake.sdk.run.summary import Summary
from runlake.settings import Settings
from runlake.store.folder_store import FolderStore
from runlake.store.opening.writers import OpenedRun


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


class RunFacts:
    """A run as it was opened, and as it stands; `RunWriter` moves it on.

    `on_info` is called with what is edited, like `notes`, and its new value, before the run has it.
    """

    def __init__(
        self,
        opened: OpenedRun,
        layout: FolderStore,
        settings: Settings,
        *,
        config: Config,
        summary: Summary,
        name: str,
        started_at: float,
        on_info: Callable[[str, Any], None],
    ) -> None:
        before = opened.before
        self._opened, self._layout, self._settings = opened, layout, settings
        self._config, self._summary, self._on_info = config, summary, on_info
        self._writer = opened.writer
        self._state: State = "running"
        self._next_step = opened.next_step
        self._open_step: int | None = None
        self._started_at = started_at
        self._info: dict[str, Any] = {
            "name": name,
            "tags": settings.tags or (before.tags if before else ()),
            "notes": settings.notes if settings.notes is not None else (before.notes if before else None),
            "group": settings.group or (before.group if before else None),
            "job_type": settings.job_type or (before.job_type if before else None),
        }
        self.files_of_run = (DisabledFiles if self.disabled else RunFiles)(layout, opened.path)
        settings.tell_places(files_dir=str(layout.files_dir(opened.path)), sync_dir=self.sync_dir)

    @property
    def project_url(self) -> str:
        """Where the project lies: ``file://…``."""
        return self._layout.project_dir(self.entity, self.project).as_uri()

    @property
    def sweep_url(self) -> str | None:
        """Where the sweep of the run lies; None where it is of none."""
        sweep_id = self._settings.sweep_id
        return None if sweep_id is None else (self._layout.sweeps_dir(self.entity, self.project) / sweep_id).as_uri()

    @property
    def sync_dir(self) -> str:
        """The folder of the run: its rows and its files."""
        return str(self._layout.run_dir(self.run_path))

    @property
    def config_static(self) -> ConfigStatic:
        """A copy of the configuration that can only be read."""
        return ConfigStatic(self._config.as_dict())

    @property
    def id(self) -> str:
        return self._opened.path.run_id

    @property
    def entity(self) -> str:
        return self._opened.path.entity

    @property
    def project(self) -> str:
        return self._opened.path.project

    @property
    def path(self) -> str:
        """``entity/project/run_id``."""
        return str(self._opened.path)

    @property
    def run_path(self) -> RunPath:
        return self._opened.path

    @property
    def incarnation(self) -> str:
        """Which life of the run id this is."""
        return self._opened.incarnation

    @property
    def generation(self) -> str:
        """Which history of the run this is."""
        return self._opened.generation

    @property
    def writer_id(self) -> str:
        """The name of this process's journal."""
        return self._writer.writer

    @property
    def journal_dir(self) -> Path:
        return self._layout.journal_dir(self._opened.path)

    @property
    def url(self) -> str:
        """Where the run lies: ``file://…``."""
        return self._layout.run_dir(self._opened.path).as_uri()

    @property
    def dir(self) -> str:
        """The folder of the run's files: what is written there belongs to the run."""
        return str(self.files_of_run.folder)

    @property
    def step(self) -> int:
        """The step of the next row."""
        return self._next_step if self._open_step is None else self._open_step

    @property
    def starting_step(self) -> int:
        """The first step of this process: 0, or behind the last one of a resumed run."""
        return self._opened.next_step

    @property
    def first_console_line(self) -> int:
        """The number of the first line this process prints: behind those of a resumed run."""
        return self._opened.before.console_line_count if self._opened.before else 0

    @property
    def resumed(self) -> bool:
        """Whether the run goes on from an earlier process."""
        return self._opened.before is not None

    @property
    def source(self) -> str | None:
        """How printed lines of this process are told from those of others in the run; None when it is alone."""
        return self._settings.label or (self.writer_id if self._opened.is_beside else None)

    @property
    def start_time(self) -> float:
        """When this process began to write, in seconds since 1970."""
        return self._started_at

    @property
    def state(self) -> State:
        return self._state

    @property
    def settings(self) -> Settings:
        return self._settings

    @property
    def offline(self) -> bool:
        """Whether nothing is sent anywhere: without a server that is the normal mode."""
        return self._settings.base_url is None or self._settings.mode == "offline"

    @property
    def disabled(self) -> bool:
        return self._settings.mode == "disabled"

    @property
    def config(self) -> Config:
        return self._config

    @property
    def summary(self) -> Summary:
        return self._summary

    @property
    def name(self) -> str:
        return str(self._info["name"])

    @name.setter
    def name(self, value: str) -> None:
        self._edit_info("name", value)

    @property
    def notes(self) -> str | None:
        notes: str | None = self._info["notes"]
        return notes

    @notes.setter
    def notes(self, value: str | None) -> None:
        self._edit_info("notes", value)

    @property
    def tags(self) -> tuple[str, ...]:
        return tuple(self._info["tags"])

    @tags.setter
    def tags(self, value: Any) -> None:
        if isinstance(value, str) or not isinstance(value, Iterable) or not all(isinstance(tag, str) for tag in value):
            raise LogTypeError(f"tags must be a list of strings, not {value!r}")
        self._edit_info("tags", tuple(dict.fromkeys(value)))

    @property
    def group(self) -> str | None:
        group: str | None = self._info["group"]
        return group

    @property
    def job_type(self) -> str | None:
        job_type: str | None = self._info["job_type"]
        return job_type

    @property
    def sweep_id(self) -> str | None:
        """The sweep that the run is of, None where it is of none."""
        return self._settings.sweep_id

    def _edit_info(self, name: str, value: Any) -> None:
        self._on_info(name, list(value) if isinstance(value, tuple) else value)
        self._info[name] = value

    def __repr__(self) -> str:
        return f"<Run {self.path} ({self._state})>"

    def _repr_html_(self) -> str:
        return f"<p>runlake run <b>{_escape(self.name)}</b> ({self._state}) in <code>{_escape(self.path)}</code></p>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
