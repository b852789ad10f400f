"""What a run that is being written says of itself: which one it is, where it lies, how it is called.

A base class of `Run`, so that the file with the hot path holds nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlake.errors import LogTypeError
from runlake.model import RunPath, State
from runlake.sdk.run.config import Config
from runlake.sdk.run.files import RunFiles
from runlake.sdk.run.summary import Summary
from runlake.settings import Settings
from runlake.store.journal.writer import JournalWriter
from runlake.store.layout import Layout
from runlake.store.opening.writers import OpenedRun


class RunFacts:
    """Properties of `Run`."""

    files_of_run: RunFiles
    _opened: OpenedRun
    _layout: Layout
    _settings: Settings
    _writer: JournalWriter
    _config: Config
    _summary: Summary
    _info: dict[str, Any]
    _state: State
    _started_at: float
    _next_step: int
    _open_step: int | None

    if TYPE_CHECKING:

        def _edit_info(self, name: str, value: Any) -> None: ...

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

    def __repr__(self) -> str:
        return f"<Run {self.path} ({self._state})>"

    def _repr_html_(self) -> str:
        return f"<p>runlake run <b>{_escape(self.name)}</b> ({self._state}) in <code>{_escape(self.path)}</code></p>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
