"""What SwanLab left in its folder, as runs."""

import os

import pytest
from imported import Imports, unpacked
from peer_expectations import INF, check_swanlab

from runlake.errors import BadValueError
from runlake.importers import swanlab

VERSIONS = ("0.7.8", "0.10.3")


@pytest.fixture
def imports(tmp_path):
    return Imports(tmp_path / "store")


@pytest.fixture(params=VERSIONS)
def version(request):
    return request.param


@pytest.fixture
def folder(tmp_path, version):
    return unpacked(f"swanlab-{version}", tmp_path / "swanlog")


@pytest.fixture
def down(version):
    return INF if version == "0.7.8" else -INF


def log_of(folder):
    (log,) = folder.rglob("*.swanlab")
    return log


def cut(log, share, *, is_old):
    """Leave only the first part of a file, as a process that was killed does."""
    content = log.read_bytes()
    log.write_bytes(content[: int(len(content) * share)])
    if is_old:
        os.utime(log, (1_700_000_000, 1_700_000_000))
    return content


@pytest.mark.parametrize("place", [".", "swanlog", "run"])
def test_all_that_was_tracked_is_here(imports, folder, down, place):
    asked = {".": folder.parent, "swanlog": folder, "run": log_of(folder).parent}[place]
    assert imports.take(asked, "swanlab") == ["new"]
    check_swanlab(imports, down=down)
    assert imports.take(log_of(folder)) == ["same"]
    assert sum(one.file_bytes for one in imports.done) == 0


def test_a_run_that_was_killed_comes_as_far_as_it_was_written_and_goes_on(imports, folder, down):
    content = cut(log_of(folder), 0.7, is_old=False)
    assert imports.take(folder) == ["new"]
    assert imports.done[0].is_ended is False
    log_of(folder).write_bytes(content)
    assert imports.take(folder) == ["continued"]
    check_swanlab(imports, down=down)


def test_what_was_written_long_ago_is_complete(imports, folder):
    cut(log_of(folder), 0.7, is_old=True)
    imports.take(folder)
    assert imports.lost() == ({}, [])


def test_a_damaged_block_is_named_and_the_rest_comes(imports, folder):
    log = log_of(folder)
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)
    imports.take(folder)
    ((problem,),) = [one.problems for one in imports.done]
    assert "damaged at byte" in problem


def test_system_metrics_are_events(imports, tmp_path):
    imports.take(unpacked("swanlab-0.7.8", tmp_path / "swanlog"))
    ((step, values),) = imports.rows("calm", "events")
    assert step == 0
    assert {r"system\.cpu\.pct", r"system\.mem\.proc"} <= set(values)


def test_a_newer_version_and_a_file_that_is_none_say_so(imports, folder, tmp_path):
    log = log_of(folder)
    log.write_bytes(log.read_bytes()[:6] + b"\7")
    with pytest.raises(BadValueError, match=r"of version 7, and only 1 and 2 are known"):
        imports.take(folder)
    log.write_bytes(b"nothing")
    with pytest.raises(BadValueError, match=r"no \.swanlab file"):
        imports.take(log)
    second = log.parent.with_name("run-2")
    second.mkdir()
    (second / "run.swanlab").write_bytes(b"nothing")
    imports.take(folder)
    assert [left.is_damage for left in imports.left_out] == [True, True]


def test_a_folder_with_only_the_logs_of_the_dashboard_is_named(imports, folder):
    (folder / "run-other" / "logs").mkdir(parents=True)
    imports.take(folder)
    assert [(left.what, left.why.partition(":")[0]) for left in imports.left_out] == [("run", "run-other")]
    assert not swanlab.is_of(folder / "run-other")
