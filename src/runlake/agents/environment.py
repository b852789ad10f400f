"""What a run of a sweep finds in its environment: which run it is, where it belongs, and its parameters as a file.

Each variable is there under runlake's name and under W&B's, so that a program that uses the official client can be run
against a server of ours.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from runlake.sdk.run.config_source import as_yaml
from runlake.search.command import arguments_json
from runlake.sweep_model import SweepPath


class RunEnvironment:
    """Makes the variables and files of the runs of one agent; a context, after which the files are gone."""

    def __init__(self, store_url: str, path: SweepPath) -> None:
        self._store_url, self._path = store_url, path
        self._folder = Path(tempfile.mkdtemp(prefix="runlake-agent-"))

    def __enter__(self) -> RunEnvironment:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def json_file(self, run_id: str) -> Path:
        """The parameters of a run as JSON."""
        return self._folder / f"{run_id}.json"

    def make(self, run_id: str, params: Mapping[str, Any]) -> dict[str, str | None]:
        """Write the files of a run; its variables, None for those that must not be set."""
        yaml_file = self._folder / f"{run_id}.yaml"
        self.json_file(run_id).write_text(arguments_json(params), "utf-8")
        yaml_file.write_text(as_yaml(params), "utf-8")
        named = {
            "SWEEP_ID": self._path.sweep_id,
            "RUN_ID": run_id,
            "PROJECT": self._path.project,
            "ENTITY": self._path.entity,
        }
        variables: dict[str, str | None] = {
            f"{prefix}_{name}": text for prefix in ("RUNLAKE", "WANDB") for name, text in named.items()
        }
        variables["RUNLAKE_SWEEP_PARAM_PATH"] = str(self.json_file(run_id))
        variables["WANDB_SWEEP_PARAM_PATH"] = str(yaml_file)
        if self._store_url.startswith("file:"):
            variables["RUNLAKE_DIR"] = url2pathname(urlsplit(self._store_url).path)
            variables["RUNLAKE_BASE_URL"] = None
        else:
            variables["RUNLAKE_BASE_URL"] = variables["WANDB_BASE_URL"] = self._store_url
        return variables

    def forget(self, run_id: str) -> None:
        """Remove the files of a run that has ended."""
        for ending in ("json", "yaml"):
            (self._folder / f"{run_id}.{ending}").unlink(missing_ok=True)


def merged(environ: Mapping[str, str], variables: Mapping[str, str | None]) -> dict[str, str]:
    """An environment with some variables set, or taken away."""
    return {name: text for name, text in {**environ, **variables}.items() if text is not None}


@contextmanager
def applied(variables: Mapping[str, str | None]) -> Iterator[None]:
    """The variables in this process, for as long as the block runs."""
    before = {name: os.environ.get(name) for name in variables}
    _set(variables)
    try:
        yield
    finally:
        _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, text in variables.items():
        if text is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = text
