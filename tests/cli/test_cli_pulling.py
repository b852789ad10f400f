"""`runlake pull`."""

from pathlib import Path

import pytest

from runlake.cli.pulling import local_path
from runlake.errors import PathError


@pytest.fixture
def run(make_run):
    files = {"model-best.h5": bytes(range(256)) * 8, "out/log.txt": b"hello\n", "out/empty": b""}
    return make_run("ann/mnist/a1", files=files)


def found(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in Path(folder).rglob("*") if f.is_file()}


def test_all_files_are_copied(runlake, run):
    assert runlake("pull", "mnist/a1", "--root", "got") == (
        0,
        "got/model-best.h5\ngot/out/empty\ngot/out/log.txt\n",
        "3 files, 2.0 KiB into got\n",
    )
    assert found("got") == {"model-best.h5": bytes(range(256)) * 8, "out/log.txt": b"hello\n", "out/empty": b""}


def test_files_are_chosen_by_name_or_pattern(runlake, run):
    assert runlake("pull", "mnist/a1", "*.h5", "out/log.txt") == (
        0,
        "model-best.h5\nout/log.txt\n",
        "2 files, 2.0 KiB into .\n",
    )


def test_a_name_in_vain_is_not_found(runlake, run):
    assert runlake("pull", "mnist/a1", "model-best.h5", "*.pt") == (
        3,
        "",
        'runlake: no file "*.pt" in ann/mnist/a1 (3 files); see: runlake show ann/mnist/a1\n',
    )
    assert found(".") == {}


def test_what_is_there_unchanged_is_left_alone(runlake, run):
    runlake("pull", "mnist/a1", "out/log.txt")
    assert runlake("pull", "mnist/a1", "out/*") == (
        0,
        "out/empty\n",
        "1 file, 0 B into .; 1 file already there\n",
    )


def test_what_differs_is_not_overwritten_unless_forced(runlake, run):
    Path("model-best.h5").write_bytes(b"mine")
    assert runlake("pull", "mnist/a1") == (
        5,
        "",
        "runlake: model-best.h5 exists and differs; use another --root, or --force to overwrite\n",
    )
    assert found(".") == {"model-best.h5": b"mine"}
    assert runlake("pull", "mnist/a1", "--force").code == 0
    assert found(".")["model-best.h5"] == bytes(range(256)) * 8


@pytest.mark.parametrize("name", ["../up", "a/../../up", "/etc/passwd", ".", "link/x"])
def test_nothing_is_written_outside_the_folder(tmp_path, name):
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    with pytest.raises(PathError, match="would be written outside"):
        local_path(root, name)


def test_an_unknown_run_is_not_found(runlake, run):
    ended = runlake("pull", "mnist/zz")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)


@pytest.mark.parametrize("verb", [["pull"], ["show"], ["diff", "mnist/a1"]])
def test_a_bare_name_that_is_no_run_is_told_how_it_was_read(runlake, make_run, tmp_path, verb):
    make_run("ann/mnist/a1")
    where = f"in file://{tmp_path}/store"
    assert runlake(*verb, "mnist") == (
        3,
        "",
        f'runlake: "mnist" is a project; name a run of it: mnist/RUN; see: runlake ls mnist; {where}\n',
    )
    assert runlake(*verb, "zz") == (
        3,
        "",
        f'runlake: no run "zz" in the default project, uncategorized; name its project: PROJECT/zz; {where}\n',
    )


def test_a_project_that_is_not_there_is_told_with_how_many_there_are(runlake, make_run):
    make_run("ann/mnist/a1")
    assert "ann has 1 project;" in runlake("pull", "other/a1").err
