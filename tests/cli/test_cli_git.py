"""Bringing back a commit and the changes on top of it, with real repositories."""

import os
import shutil
import subprocess

import pytest

from runlake.cli.failures import RefusedError
from runlake.cli.git import WorkTree, branch_of, find_work_tree
from runlake.errors import NotFoundError, NotSupportedError

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *arguments):
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(autouse=True)
def git_without_the_users_settings(monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "ann@example.org")


@pytest.fixture
def repository(tmp_path):
    """Two commits of train.py: "one" (tagged), then "two" on main."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for text in ("one", "two"):
        (folder / "train.py").write_text(f"{text}\nrest\n")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", text)
        git(folder, "tag", text)
    return folder


def patch_on(folder, commit, text):
    git(folder, "checkout", "-q", commit)
    (folder / "train.py").write_text(text)
    patch = (git(folder, "diff", "HEAD") + "\n").encode()
    git(folder, "checkout", "-q", "--force", "main")
    return patch


@pytest.mark.parametrize(
    ("run_id", "branch"),
    [
        ("a1b2c3d4", "runlake/a1b2c3d4"),
        ("my run~2", "runlake/my-run-2"),
        ("../up", "runlake/up"),
        ("x.lock", "runlake/x"),
        ("a..b@{c}", "runlake/a-b-c"),
        ("猫", "runlake/run"),
    ],
)
def test_every_run_id_gives_a_branch_that_git_takes(run_id, branch):
    assert branch_of(run_id) == branch
    subprocess.run(["git", "check-ref-format", "--branch", branch], check=True, capture_output=True)


def test_the_work_tree_is_found_from_a_folder_inside_it(repository, tmp_path):
    inside = repository / "src"
    inside.mkdir()
    assert find_work_tree(inside) == WorkTree(repository)
    assert find_work_tree(tmp_path) is None


def test_without_git_that_is_what_the_error_says(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotSupportedError, match="git is not installed"):
        find_work_tree(tmp_path)


def test_only_changes_of_files_that_git_knows_make_the_tree_dirty(repository):
    tree = WorkTree(repository)
    (repository / "output.log").write_text("new")
    assert not tree.is_dirty()
    (repository / "train.py").write_text("changed")
    assert tree.is_dirty()


def test_a_commit_is_fetched_when_it_is_not_here(repository, tmp_path):
    git(tmp_path, "clone", "-q", str(repository), "clone")
    git(repository, "commit", "-q", "--allow-empty", "-m", "three")
    commit = git(repository, "rev-parse", "HEAD")
    WorkTree(tmp_path / "clone").require_commit(commit)
    assert git(tmp_path / "clone", "cat-file", "-t", commit) == "commit"


def test_a_commit_that_is_nowhere_is_not_found(repository):
    with pytest.raises(NotFoundError, match=r"the commit 0123456789abcdef is not in .*, nor in its remotes"):
        WorkTree(repository).require_commit("0123456789abcdef")


@pytest.mark.parametrize("commit", ["--upload-pack=evil", "main", "", "zzzzzzzz"])
def test_what_is_no_commit_never_reaches_git(repository, commit):
    with pytest.raises(NotFoundError, match="is no git commit"):
        WorkTree(repository).require_commit(commit)


def test_the_commit_and_the_changes_come_back_on_a_branch_of_their_own(repository):
    tree, commit = WorkTree(repository), git(repository, "rev-parse", "one")
    patch = patch_on(repository, "one", "one changed\nrest\n")
    assert tree.require_branch("runlake/a1", commit) is True
    tree.require_patch(commit, patch)
    tree.check_out("runlake/a1", commit, create=True)
    tree.apply(patch)
    assert (repository / "train.py").read_text() == "one changed\nrest\n"
    assert git(repository, "branch", "--show-current") == "runlake/a1"
    assert git(repository, "rev-parse", "HEAD") == commit


def test_changes_that_do_not_apply_are_refused_and_nothing_is_touched(repository):
    patch = patch_on(repository, "one", "one changed\nrest\n")
    before = git(repository, "status", "--porcelain=v2", "--branch")
    with pytest.raises(RefusedError, match=r"do not apply to [0-9a-f]{12}: error: patch failed: train\.py:1; "):
        WorkTree(repository).require_patch(git(repository, "rev-parse", "two"), patch)
    assert git(repository, "status", "--porcelain=v2", "--branch") == before


def test_a_branch_at_the_commit_is_used_again_and_one_elsewhere_is_refused(repository):
    tree = WorkTree(repository)
    git(repository, "branch", "runlake/a1", "one")
    assert tree.require_branch("runlake/a1", git(repository, "rev-parse", "one")) is False
    with pytest.raises(RefusedError, match="the branch runlake/a1 exists and is at another commit"):
        tree.require_branch("runlake/a1", git(repository, "rev-parse", "two"))


def test_a_file_in_the_way_of_the_checkout_is_not_overwritten(repository):
    git(repository, "rm", "-q", "train.py")
    git(repository, "commit", "-q", "-m", "gone")
    (repository / "train.py").write_text("mine")
    with pytest.raises(RefusedError, match=r"git checkout: error: The following untracked .* by checkout: train\.py$"):
        WorkTree(repository).check_out("runlake/a1", git(repository, "rev-parse", "one"), create=True)
    assert (repository / "train.py").read_text() == "mine"
