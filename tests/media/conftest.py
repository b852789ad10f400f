import io

import pytest

from runlake.errors import NotFoundError
from runlake.media import left_out


class RunFiles(dict):
    """The files of one run, by name."""

    def write(self, name, content):
        self[name] = content

    def open(self, name):
        if name not in self:
            raise NotFoundError(f"no file {name!r}")
        return io.BytesIO(self[name])


@pytest.fixture
def files():
    return RunFiles()


@pytest.fixture(scope="session")
def new_files():
    """Makes the files of one run: property tests need new ones for each example."""
    return RunFiles


@pytest.fixture(autouse=True)
def nothing_said():
    """What was left out is said once in a process: each test hears it anew."""
    left_out.said.clear()
