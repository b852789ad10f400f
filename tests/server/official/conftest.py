"""One server for all tests of a worker, and the official client before it."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import training_script
from seat import CHECKOUT, ClusterPlace, FolderPlace, Seat, serve

import many_runs

pytest.register_assert_rewrite("example_checks")


@pytest.fixture(scope="session")
def seat(request, tmp_path_factory):
    """A user of the official client, and a server over a store with the projects ``ada/before`` and ``ada/many``."""
    home = tmp_path_factory.mktemp("official")
    store = home / "store"
    for arguments in training_script.ARGUMENTS.values():
        run_without_server(home, store, training_script.__file__, *arguments)
    (store / "ada" / "cifar").rename(store / "ada" / "before")
    run_without_server(home, store, many_runs.__file__)
    place = FolderPlace(store)
    if request.config.getoption("--over-cluster"):
        postgres, s3 = (request.getfixturevalue(name) for name in ("postgres_server", "s3_server"))
        database_url = postgres.url_of(postgres.make_database())
        place = ClusterPlace(store, database_url, s3.new_url(), s3.environment(), home / "cache")
    with serve(place, log=home / "server.log") as url:
        yield Seat(home / "seat", place, url)
    place.close()


@pytest.fixture(scope="session")
def artifact_tour(seat):
    """What the official client finds in all its ways with artifacts."""
    return seat.run(Path(__file__).parent / "artifact_tour.py").answers()


def clients():
    """(version, the Python that has it) of each list of requirements of a client."""
    for file in sorted((CHECKOUT / "requirements").glob("wandb*.in")):
        (version,) = [line.removeprefix("wandb==") for line in file.read_text().split() if line.startswith("wandb==")]
        yield version, CHECKOUT / ".venv" / file.stem / "bin" / "python"


@pytest.fixture(scope="module", params=dict(clients()))
def version(request):
    """One version of the client that is tried, after the other."""
    return request.param


@pytest.fixture(scope="module")
def seat_of_version(seat, version):
    """A user of that version."""
    python = dict(clients())[version]
    if not python.exists():
        pytest.skip(
            f"version {version} of the client is not installed; make it with: make .venv/{python.parts[-3]}.done"
        )
    return dataclasses.replace(seat, home=seat.home / version, python=python)


def run_without_server(home, store, *command):
    """A script of our own library that writes into the store."""
    path = [str(Path(part).absolute()) for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
    variables = {"PYTHONPATH": os.pathsep.join(path), "RUNLAKE_DIR": str(store), "RUNLAKE_SEAL": "off"}
    subprocess.run([sys.executable, *command], cwd=home, env=os.environ | variables, capture_output=True, check=True)
