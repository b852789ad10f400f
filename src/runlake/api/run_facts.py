"""What a run is, as it was read: names, times, counts, and what was kept of how it was started."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from runlake.api.paths import web_address
from runlake.api.stored_summary import summary_data
from runlake.errors import NotFoundError
from runlake.model import METADATA_FILE, Alert, RunInfo
from runlake.plain import iso_time

if TYPE_CHECKING:
    from runlake.api.people import User
    from runlake.service.contract import Service


class RunFacts:
    """One run as `info` has it. Nothing of it can be changed here."""

    def __init__(self, service: Service, info: RunInfo) -> None:
        self._service = service
        self._info = info

    @property
    def id(self) -> str:
        return self._info.run_id

    @property
    def entity(self) -> str:
        return self._info.entity

    @property
    def project(self) -> str:
        return self._info.project

    @property
    def path(self) -> list[str]:
        """Entity, project and run id."""
        return list(self._info.path)

    @property
    def url(self) -> str:
        """Where the run is: its folder in a store of files, its page on a server."""
        return web_address(self._service.url, self._info.path)

    @property
    def storage_id(self) -> str:
        """Names this one life of the run id: a deleted and recreated run has another."""
        return self._info.incarnation

    @property
    def state(self) -> str:
        return self._info.state

    @property
    def user(self) -> User | None:
        from runlake.api.people import User

        return None if self._info.user is None else User(self._info.user)

    @property
    def created_at(self) -> str:
        """ISO time in UTC, to the second; filters take it for any moment in that second."""
        return iso_time(self._info.created_at)

    @property
    def heartbeat_at(self) -> str:
        """When the run last showed a sign of life; ISO time in UTC."""
        return iso_time(self._info.heartbeat_at)

    @property
    def runtime_s(self) -> float:
        return self._info.runtime_s

    @property
    def exit_code(self) -> int | None:
        return self._info.exit_code

    @property
    def lastHistoryStep(self) -> int:
        """The highest step of all rows; -1 while there is none."""
        return self._info.last_step

    @property
    def row_count(self) -> int:
        """How many rows the history has."""
        return self._info.row_count

    @property
    def forked_from(self) -> str | None:
        """The run and step that a fork began with, like ``entity/project/run_id?_step=9``."""
        return self._info.forked_from

    @property
    def rawconfig(self) -> dict[str, Any]:
        """The config as it is stored, hidden keys included."""
        return copy.deepcopy(self._info.config)

    @property
    def json_config(self) -> str:
        """The config as W&B stores it: JSON in which each value stands under ``value``."""
        return json.dumps({key: {"value": value, "desc": None} for key, value in self._info.config.items()})

    @property
    def summary_metrics(self) -> dict[str, Any]:
        """The summary as it is stored, without changes that were not written yet."""
        return summary_data(self._info)

    @property
    def system_metrics(self) -> dict[str, Any]:
        """The last values of the system metrics."""
        return dict(self._info.system_metrics)

    @property
    def alerts(self) -> list[Alert]:
        """What `Run.alert` kept, first the oldest: each has `title`, `text`, `level` and `timestamp`."""
        return list(self._info.alerts)

    @property
    def metadata(self) -> dict[str, Any] | None:
        """How the run was started: program, args, host, git, hardware; None when that was not kept."""
        try:
            with self._service.open_file(self._info.path, METADATA_FILE) as content:
                found: dict[str, Any] = json.load(content)
                return found
        except NotFoundError:
            return None

    @property
    def sweep_name(self) -> str | None:
        """The id of the sweep that made this run."""
        return self._info.sweep
