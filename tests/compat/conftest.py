"""`import wandb` as runlake's package, inside the process of the tests."""

import sys

import pytest

import runlake


@pytest.fixture(scope="module")
def installed():
    """As after `install_as_wandb`; afterwards everything is as before."""
    before = sys.meta_path[:], sys.path[:]
    others = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] == "wandb"}
    runlake.install_as_wandb()
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "wandb"]:
        del sys.modules[name]
    sys.modules.update(others)
    sys.meta_path[:], sys.path[:] = before
