"""Which commit a run was started from, kept so that a listing does not open a file for each of its runs."""

from __future__ import annotations

import json
from typing import Any

from runlake.errors import NotFoundError
from runlake.lru import LruCache
from runlake.model import METADATA_FILE, RunInfo, RunPath
from runlake.server.wandb.wire import hidden_config
from runlake.service.contract import Service

MAX_KEPT = 50_000
MAX_COMMIT_CHARACTERS = 1_000

_ENVIRONMENTS = "e"
"""Where the client's hidden configuration holds what it also writes as `METADATA_FILE`, for each process."""


class Commits:
    """The commits of runs that have ended. Threads may share it; who may see a run is asked before, not here."""

    def __init__(self) -> None:
        self._kept: LruCache[tuple[RunPath, str], tuple[str | None]] = LruCache(MAX_KEPT)

    def read(self, service: Service, info: RunInfo) -> str | None:
        """The commit that the configuration or the metadata of a run tells of; None where neither does."""
        environments = hidden_config(info).get(_ENVIRONMENTS)
        for environment in environments.values() if isinstance(environments, dict) else ():
            if commit := _commit_of(environment):
                return commit
        key = info.path, info.incarnation
        if (kept := self._kept.get(key)) is not None:
            return kept[0]
        commit = _commit_of(_read_metadata(service, info.path))
        if info.exit_code is not None:
            self._kept.put(key, (commit,))
        return commit


def _read_metadata(service: Service, path: RunPath) -> Any:
    try:
        with service.open_file(path, METADATA_FILE) as file:
            return json.loads(file.read())
    except (NotFoundError, ValueError):
        return None  # a run without that file, or with one of the user's own by that name


def _commit_of(environment: Any) -> str | None:
    git = environment.get("git") if isinstance(environment, dict) else None
    commit = git.get("commit") if isinstance(git, dict) else None
    return commit if isinstance(commit, str) and len(commit) <= MAX_COMMIT_CHARACTERS else None
