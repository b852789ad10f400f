"""A process whose current folder was deleted under it is told so, and what to do."""

import os
from pathlib import Path

import pytest

import runlake
from runlake.errors import NotFoundError


@pytest.mark.parametrize("call", [lambda: runlake.init(), lambda: runlake.Api(), lambda: runlake.sweep({})])
def test_a_deleted_current_folder_is_named(tmp_path, call):
    before = Path.cwd()
    here = tmp_path / "gone"
    here.mkdir()
    os.chdir(here)
    try:
        here.rmdir()
        with pytest.raises(NotFoundError, match="the current folder is gone"):
            call()
    finally:
        os.chdir(before)
