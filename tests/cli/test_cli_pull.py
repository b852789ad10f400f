"""`runlake pull`."""

import subprocess
from pathlib import Path

import pytest


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
    assert runlake("pull", "mnist/a1", "*.h5", "out/log.txt", "--root", ".") == (
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
    runlake("pull", "mnist/a1", "out/log.txt", "--root", ".")
    assert runlake("pull", "mnist/a1", "out/*", "--root", ".") == (
        0,
        "out/empty\n",
        "1 file, 0 B into .; 1 file already there\n",
    )


def test_what_differs_is_not_overwritten_unless_forced(runlake, run):
    Path("model-best.h5").write_bytes(b"mine")
    assert runlake("pull", "mnist/a1", "--root", ".") == (
        5,
        "",
        "runlake: model-best.h5 exists and differs; use another --root, or --force to overwrite\n",
    )
    assert found(".") == {"model-best.h5": b"mine"}
    assert runlake("pull", "mnist/a1", "--root", ".", "--force").code == 0
    assert found(".")["model-best.h5"] == bytes(range(256)) * 8


def test_without_a_folder_a_run_gets_one_of_its_own(runlake, run):
    assert runlake("pull", "mnist/a1", "*.h5") == (
        0,
        "pulled/a1/model-best.h5\n",
        "1 file, 2.0 KiB into pulled/a1\n",
    )
    assert found(".") == {"pulled/a1/model-best.h5": bytes(range(256)) * 8}


def test_what_programs_would_obey_is_left_out_and_all_else_is_copied(runlake, make_run):
    make_run("ann/mnist/a1", files={".git/config": b"[core]", "a.txt": b"a", "sub/.GIT /hooks/x": b"", "z\x07": b""})
    ended = runlake("pull", "mnist/a1", "--root", ".")
    assert (ended.code, ended.out, found(".")) == (1, "a.txt\n", {"a.txt": b"a"})
    first, second, third, count, said = ended.err.splitlines()
    assert first == (
        "left out: the file '.git/config' is not written into '.': version control runs what is in there; "
        "read it without writing it: runlake.Api().run(...).file('.git/config').read()"
    )
    assert "'sub/.GIT /hooks/x'" in second
    assert "control characters" in third
    assert count == "1 file, 1 B into ."
    assert said == "runlake: 3 files left out because of the name; see above"


def test_a_repository_is_as_it_was_after_everything_of_a_hostile_run_was_pulled(runlake, make_run, tmp_path):
    """The configuration of a repository names programs that `git status` runs."""
    config = f"[core]\n\tfsmonitor = touch {tmp_path}/ran;false\n".encode()
    names = [
        ".git/config",
        ".GIT/config",
        "GIT~1/config",
        ".g\u200cit/config",
        ".git::$INDEX_ALLOCATION/config",
        "link/config",
    ]
    bare = {"HEAD": b"ref: refs/heads/main\n", "config": config, "objects/x": b"", "refs/heads/x": b""}
    make_run("ann/mnist/a1", files={**dict.fromkeys(names, config), **bare})
    subprocess.run(["git", "init", "-q", "repository"], check=True)
    Path("repository/link").symlink_to(".git")
    before = found("repository/.git")
    assert runlake("pull", "mnist/a1", "--root", "repository", "--force").code == 1
    assert found("repository/.git") == before
    assert runlake("pull", "mnist/a1", "--root", "new").code == 1
    for folder in ("repository", "new"):
        subprocess.run(["git", "-C", folder, "status"], capture_output=True, check=False)
    assert not (tmp_path / "ran").exists()


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
