"""`runlake restore`, with real repositories."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(*arguments):
    return subprocess.run(["git", *arguments], check=True, capture_output=True, text=True).stdout


@pytest.fixture(autouse=True)
def git_without_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")


@pytest.fixture
def repository():
    """The current folder as a repository of two commits; answers the first one's name."""
    git("init", "-q", "-b", "main")
    Path("train.py").write_text("one\n")
    git("add", ".")
    git("commit", "-q", "-m", "one")
    first = git("rev-parse", "HEAD").strip()
    Path("train.py").write_text("two\n")
    git("commit", "-q", "-a", "-m", "two")
    return first


@pytest.fixture
def make_run_of(make_run):
    def make(commit, *, patch=b"", run_id="a1"):
        metadata = {"program": "train.py", "args": ["--lr", "0.1", "a b"]}
        if commit:
            metadata["git"] = {"commit": commit, "remote": "https://code.example.org/x.git"}
        files = {"wandb-metadata.json": json.dumps(metadata).encode(), "model.h5": b"weights"}
        return make_run(f"ann/mnist/{run_id}", files=files | ({"diff.patch": patch} if patch else {}))

    return make


def patch_of_first(first):
    git("checkout", "-q", first)
    Path("train.py").write_text("one, changed\n")
    patch = git("diff", "HEAD").encode()
    git("checkout", "-q", "--force", "main")
    return patch


def state():
    return git("branch", "--show-current").strip(), git("rev-parse", "HEAD").strip(), Path("train.py").read_text()


def test_files_commit_and_changes_come_back(runlake, repository, make_run_of):
    make_run_of(repository, patch=patch_of_first(repository))
    assert runlake("restore", "mnist/a1") == (
        0,
        "restored/a1/diff.patch\nrestored/a1/model.h5\nrestored/a1/wandb-metadata.json\n",
        f"3 files, {_size('restored/a1')} into restored/a1\n"
        f"created the branch runlake/a1 at {repository[:12]}\n"
        "applied the run's uncommitted changes (diff.patch)\n"
        "it was run as: python train.py --lr 0.1 'a b'\n",
    )
    assert state() == ("runlake/a1", repository, "one, changed\n")


def _size(folder):
    return f"{sum(f.stat().st_size for f in Path(folder).iterdir())} B"


def test_the_same_run_can_be_restored_again(runlake, repository, make_run_of):
    make_run_of(repository)
    runlake("restore", "mnist/a1")
    git("checkout", "-q", "main")
    ended = runlake("restore", "mnist/a1")
    assert f"went to the existing branch runlake/a1 at {repository[:12]}\n" in ended.err
    assert (ended.code, state()) == (0, ("runlake/a1", repository, "one\n"))


def test_a_dirty_work_tree_is_refused_and_nothing_is_touched(runlake, repository, make_run_of):
    make_run_of(repository)
    Path("train.py").write_text("mine\n")
    before = state()
    assert runlake("restore", "mnist/a1") == (
        5,
        "",
        f"runlake: {Path.cwd()} has uncommitted changes; commit or stash them, or use --no-git\n",
    )
    assert (state(), Path("restored").exists()) == (before, False)


def test_without_git_only_the_files_come_back(runlake, repository, make_run_of):
    make_run_of(repository)
    Path("train.py").write_text("mine\n")
    ended = runlake("restore", "mnist/a1", "--no-git", "--root", "elsewhere")
    assert (ended.code, Path("elsewhere/model.h5").read_bytes(), Path("train.py").read_text()) == (
        0,
        b"weights",
        "mine\n",
    )


def test_a_run_without_git_information_says_so(runlake, make_run_of):
    make_run_of(None)
    ended = runlake("restore", "mnist/a1")
    assert "ann/mnist/a1 has no git information: its files are all there is to restore\n" in ended.err
    assert (ended.code, Path("restored/a1/model.h5").read_bytes()) == (0, b"weights")


def test_outside_a_repository_it_says_where_to_go(runlake, make_run_of):
    make_run_of("0123456789abcdef0123456789abcdef01234567")
    assert runlake("restore", "mnist/a1") == (
        5,
        "",
        f"runlake: {Path.cwd()} is no git work tree; git clone https://code.example.org/x.git, "
        "and run this inside, or use --no-git\n",
    )
    assert not Path("restored").exists()


def test_a_commit_that_is_nowhere_is_not_found(runlake, repository, make_run_of):
    make_run_of("0123456789abcdef0123456789abcdef01234567")
    ended = runlake("restore", "mnist/a1")
    assert (ended.code, ended.out, ended.err.count("\n")) == (3, "", 1)
    assert not Path("restored").exists()


def test_changes_that_do_not_apply_are_refused_before_anything_is_touched(runlake, repository, make_run_of):
    make_run_of(git("rev-parse", "main").strip(), patch=patch_of_first(repository))
    before = state()
    ended = runlake("restore", "mnist/a1")
    assert (ended.code, ended.err.count("\n"), state(), Path("restored").exists()) == (5, 1, before, False)


def test_metadata_without_git_or_program_is_enough(runlake, make_run):
    make_run("ann/mnist/b2", files={"a.txt": b"a"})
    assert runlake("restore", "mnist/b2") == (
        0,
        "restored/b2/a.txt\n",
        "1 file, 1 B into restored/b2\nann/mnist/b2 has no git information: its files are all there is to restore\n",
    )
