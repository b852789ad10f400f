import os
import subprocess

import pytest

import runlake.sdk.capture.code as code
from runlake.errors import PathError, RunlakeWarning
from runlake.sdk.capture.code import Limits, copy_code

TREE = [
    "train.py",
    "data.csv",
    "requirements-dev.txt",
    "pyproject.toml",
    "Dockerfile",
    "lib/model.py",
    "lib/__pycache__/model.py",
    ".venv/lib/x.py",
    "venv/x.py",
    "myenv/pyvenv.cfg",
    "myenv/lib/x.py",
    "node_modules/x.py",
    ".hidden/x.py",
    "runs/store.toml",
    "runs/e/p/runs/id/files/code/train.py",
]
SOURCE = ["Dockerfile", "lib/model.py", "pyproject.toml", "requirements-dev.txt", "train.py"]


@pytest.fixture
def written():
    return {}


@pytest.fixture
def write_file(written):
    return written.__setitem__


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "project"
    for name in TREE:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return folder


@pytest.fixture
def checkout(root):
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    (root / ".gitignore").write_text("generated/\n*_local.py\n")
    for name in ("generated/x.py", "lib/secrets_local.py"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("")
    subprocess.run(["git", "-C", str(root), "add", "train.py", ".hidden"], check=True)
    return root


def test_the_source_of_a_folder_is_copied(root, write_file, written):
    assert copy_code(write_file, root) == SOURCE
    assert written == {name: name.encode() for name in SOURCE}


def test_what_git_ignores_is_left_out(checkout, write_file):
    assert copy_code(write_file, checkout) == SOURCE
    (checkout / "train.py").unlink()
    assert copy_code(write_file, checkout) == SOURCE[:-1]


def test_a_folder_that_is_ignored_as_a_whole_can_be_asked_for(checkout, write_file):
    assert copy_code(write_file, checkout / "generated") == ["x.py"]


def test_a_part_of_a_checkout_is_named_from_there(checkout, write_file):
    assert copy_code(write_file, checkout / "lib") == ["model.py"]


def test_the_folder_it_is_in_is_the_usual_root(root, write_file, monkeypatch):
    monkeypatch.chdir(root)
    assert copy_code(write_file) == copy_code(write_file, None) == copy_code(write_file, "") == SOURCE


def test_what_is_copied_can_be_chosen(root, write_file):
    csv = copy_code(write_file, root, include_fn=lambda path: path.endswith(".csv"))
    assert csv == ["data.csv"]
    relative = copy_code(write_file, root, include_fn=lambda path, root: os.path.relpath(path, root).startswith("lib"))
    assert relative == ["lib/model.py"]
    without = copy_code(write_file, root, exclude_fn=lambda path, root: path.startswith(f"{root}{os.sep}lib"))
    assert without == [name for name in SOURCE if name != "lib/model.py"]


def test_large_files_are_left_out_by_name(root, write_file):
    with pytest.warns(
        RunlakeWarning, match=r"left out lib/model\.py \(12 bytes\), pyproject\.toml \(14 bytes\), "
    ) as caught:
        names = copy_code(write_file, root, limits=Limits(file_bytes=10))
    assert names == ["Dockerfile", "train.py"]
    assert caught[0].filename != code.__file__
    with pytest.warns(RunlakeWarning, match="requirements-dev"):
        names = copy_code(write_file, root, limits=Limits(file_bytes=100, total_bytes=25))
    assert names == ["Dockerfile", "lib/model.py"]


def test_a_folder_of_too_many_files_is_not_walked_to_the_end(root, write_file):
    with pytest.warns(RunlakeWarning, match="stopped after 3 files"):
        copy_code(write_file, root, limits=Limits(walked_count=3))


@pytest.mark.skipif(os.name == "nt", reason="names are text there")
def test_odd_files_do_no_harm(root, write_file):
    os.mkfifo(root / "pipe.py")
    (root / "broken.py").symlink_to("nowhere.py")
    (root / "loop").symlink_to(root)
    with open(os.fsencode(root) + b"/\xff.py", "wb"):  # noqa: PTH123
        pass
    with pytest.warns(RunlakeWarning, match=r"left out '\\udcff\.py' \(a name that is no text\)"):
        assert copy_code(write_file, root) == SOURCE


def test_a_root_that_is_no_folder_is_told(root, write_file):
    with pytest.raises(PathError, match="is no folder"):
        copy_code(write_file, root / "train.py")
