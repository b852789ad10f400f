"""A store of runs at fixed times, written as a training process writes them, and the Api over it."""

import pytest

from quiet import make_home
from runlake.api.api import Api
from written_run import write_run


@pytest.fixture(autouse=True)
def an_empty_home(monkeypatch, tmp_path):
    """Nothing of the machine's: no settings, no stores, the user ann, an empty folder to work in."""
    make_home(monkeypatch, tmp_path)


@pytest.fixture
def api():
    with Api() as api:
        yield api


@pytest.fixture
def make_run(tmp_path):
    """Writes a run, see `write_run`; answers its path, or the writer of one that goes on."""

    def make(path="ann/digits/r1", *, ended=True, **said):
        writer = write_run(tmp_path / "store", path, ended=ended, **said)
        return path if ended else writer

    return make
