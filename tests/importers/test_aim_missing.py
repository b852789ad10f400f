"""Without Aim's package a repository is recognised, and it is said what to install."""

import pytest

from runlake.errors import NotSupportedError
from runlake.importers.find import find_source, read_runs


def test_a_repository_needs_the_package_of_aim(tmp_path):
    (tmp_path / ".aim" / "meta").mkdir(parents=True)
    assert find_source(tmp_path) == find_source(tmp_path / ".aim") == "aim"
    with pytest.raises(NotSupportedError, match=r'pip install "runlake\[aim\]".*--python'):
        list(read_runs(tmp_path))
