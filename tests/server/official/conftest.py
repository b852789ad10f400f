"""One server for all tests of a worker, and the official client before it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import training_script

pytest.register_assert_rewrite("example_checks")
from seat import Seat, serve  # noqa: E402 (its asserts are rewritten too)


@pytest.fixture(scope="session")
def seat(tmp_path_factory):
    """A user of the official client, and a server over a store that has the project ``ada/before`` already."""
    home = tmp_path_factory.mktemp("official")
    store = home / "store"
    train_without_server(home, store)
    with serve(store, log=home / "server.log") as url:
        yield Seat(home / "seat", store, url)


def train_without_server(home, store):
    """The two runs of the examples, written by our own library."""
    path = [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    variables = {"PYTHONPATH": os.pathsep.join(path), "RUNLAKE_DIR": str(store), "RUNLAKE_SEAL": "off"}
    for arguments in training_script.ARGUMENTS.values():
        command = [sys.executable, training_script.__file__, *arguments]
        subprocess.run(command, cwd=home, env=os.environ | variables, capture_output=True, check=True)
    (store / "ada" / "cifar").rename(store / "ada" / "before")
