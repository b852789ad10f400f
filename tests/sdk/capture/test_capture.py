"""What is noted about a run's program, code and machine, and that noting it never disturbs."""

import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from runlake.model import METADATA_FILE
from runlake.sdk.capture import capture_process
from runlake.sdk.capture.capture import NO_PROGRAM, capture_spec, quick_metadata, spawn_capture
from runlake.settings import Settings
from runlake.store.disk import TEMPORARY_PREFIX
from waiting import DEADLINE_S, is_alive, wait_until

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture(autouse=True)
def nobody(tmp_path, monkeypatch):
    """No git configuration but the checkout's own."""
    empty = tmp_path / "gitconfig"
    empty.write_text("[user]\nname = n\nemail = n@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(empty))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")


@pytest.fixture
def files_dir(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / METADATA_FILE).write_text('{"program": "train.py", "captureErrors": ["old"]}')
    return folder


def git(folder, *arguments):
    result = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return result.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    """A repository with one commit, a remote, and a change in the index and one beside it."""
    folder = tmp_path / "code"
    (folder / "deep").mkdir(parents=True)
    git(folder, "init", "--quiet")
    for name in ("staged.py", "changed.py"):
        (folder / name).write_text("a = 1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    git(folder, "remote", "add", "origin", "https://user:secret@example.org/ann/code.git")
    (folder / "staged.py").write_text("a = 2\n")
    git(folder, "add", "staged.py")
    (folder / "changed.py").write_text("a = 3\n")
    (folder / "new.py").write_text("never added\n")
    return folder


def capture(files_dir, cwd, **settings):
    """Run the collecting process to its end; its metadata."""
    running = spawn_capture(capture_spec(Settings(**settings), files_dir, cwd))
    assert running.error is None
    assert running.wait(DEADLINE_S)
    assert not [path for path in files_dir.iterdir() if path.name.startswith(TEMPORARY_PREFIX)]
    return json.loads((files_dir / METADATA_FILE).read_text())


def collect(files_dir, cwd, **spec):
    """The same in this process, with some of what it is to do said otherwise."""
    capture_process.main({**capture_spec(Settings(), files_dir, cwd), "sys_path": [], **spec})
    return json.loads((files_dir / METADATA_FILE).read_text())


# At once ------------------------------------------------------------------------------------------------------


def test_what_is_free_is_known_at_once(tmp_path):
    settings = Settings(host="h", username="u")
    metadata = quick_metadata(
        settings, ["train.py", "--lr", "0.1"], cwd=tmp_path, started_at=0.5, writer_id="w1", main_file="train.py"
    )
    system = metadata.pop("os")
    assert os.name == "nt" or system == "{0.sysname}-{0.release}-{0.machine}".format(os.uname())
    assert metadata == {
        "python": f"CPython {sys.version.split()[0].rstrip('+')}",
        "startedAt": "1970-01-01T00:00:00.500000Z",
        "args": ["--lr", "0.1"],
        "program": str(tmp_path / "train.py"),
        "codePath": "train.py",
        "codePathLocal": "train.py",
        "root": str(tmp_path),
        "host": "h",
        "username": "u",
        "executable": sys.executable,
        "cpu_count": os.cpu_count(),
        "cpu_count_logical": os.cpu_count(),
        "writerId": "w1",
    }
    assert json.loads(json.dumps(metadata)) == metadata


def test_code_paths_are_relative_to_the_checkout_and_to_here(tmp_path):
    (tmp_path / ".git").mkdir()
    cwd = tmp_path / "deep"
    inside = quick_metadata(Settings(), [""], cwd=cwd, started_at=0, writer_id="w", main_file=str(cwd / "a.py"))
    assert (inside["root"], inside["codePath"], inside["codePathLocal"]) == (str(tmp_path), "deep/a.py", "a.py")
    outside = quick_metadata(Settings(), [""], cwd=cwd, started_at=0, writer_id="w", main_file="/elsewhere/a.py")
    assert "codePath" not in outside
    assert outside["args"] == []


def test_a_program_that_is_set_or_missing_or_no_text_is_still_a_program(tmp_path, monkeypatch):
    common = {"cwd": tmp_path, "started_at": 0, "writer_id": "w"}
    named = quick_metadata(Settings(program="x.py"), ["a", "\udcff"], main_file="b.py", **common)
    assert (named["program"], named["codePath"], named["args"]) == ("x.py", "x.py", ["?"])
    monkeypatch.delattr(sys.modules["__main__"], "__file__", raising=False)
    typed = quick_metadata(Settings(), [""], **common)
    assert (typed["program"], typed["args"], "codePath" in typed) == (NO_PROGRAM, [], False)
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    assert quick_metadata(Settings(), ["launcher", "-f", "k.json"], **common)["args"] == []


# In a process of its own --------------------------------------------------------------------------------------


@needs_git
def test_commit_branch_remote_and_diff_are_kept(checkout, files_dir):
    index = (checkout / ".git" / "index").read_bytes()
    metadata = capture(files_dir, checkout / "deep")
    assert metadata["git"] == {
        "remote": "https://example.org/ann/code.git",
        "commit": git(checkout, "rev-parse", "HEAD"),
        "branch": "main",
    }
    assert metadata["program"] == "train.py"
    assert "captureErrors" not in metadata
    assert (checkout / ".git" / "index").read_bytes() == index

    for name in ("staged.py", "changed.py"):
        git(checkout, "checkout", "HEAD", name)
    git(checkout, "apply", str(files_dir / "diff.patch"))
    assert [(checkout / name).read_text() for name in ("staged.py", "changed.py")] == ["a = 2\n", "a = 3\n"]
    assert b"never added" not in (files_dir / "diff.patch").read_bytes()


@needs_git
def test_binary_files_are_in_the_diff_while_they_are_small(checkout, files_dir):
    (checkout / "changed.py").write_bytes(os.urandom(5000))
    assert "captureErrors" not in collect(files_dir, checkout)
    assert b"GIT binary patch" in (files_dir / "diff.patch").read_bytes()
    assert collect(files_dir, checkout, max_diff_bytes=2000)["captureErrors"] == [
        "diff: the diff is larger than 0 MiB and was kept without binary files"
    ]
    assert b"Binary files" in (files_dir / "diff.patch").read_bytes()
    assert collect(files_dir, checkout, max_diff_bytes=100)["captureErrors"] == [
        "diff: the diff is larger than 0 MiB and was not kept"
    ]


@needs_git
def test_a_clean_checkout_has_no_diff_and_settings_may_rule_git_out(checkout, files_dir):
    assert "git" not in capture(files_dir, checkout, disable_git=True)
    assert not (files_dir / "diff.patch").exists()
    assert "git" in capture(files_dir, checkout, disable_code=True)
    assert not (files_dir / "diff.patch").exists()
    git(checkout, "reset", "--quiet", "--hard")
    git(checkout, "checkout", "--quiet", "--detach")
    assert set(capture(files_dir, checkout)["git"]) == {"remote", "commit"}
    assert not (files_dir / "diff.patch").exists()


@needs_git
def test_a_locked_index_and_variables_of_an_outer_git_do_not_matter(checkout, files_dir, monkeypatch):
    (checkout / ".git" / "index.lock").touch()
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    metadata = capture(files_dir, checkout)
    assert "captureErrors" not in metadata
    assert metadata["git"]["branch"] == "main"
    assert (files_dir / "diff.patch").stat().st_size > 0


@needs_git
def test_programs_that_a_checkout_configures_are_not_run(checkout, files_dir, tmp_path):
    mark = tmp_path / "was-run"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {mark}\n")
    program.chmod(0o755)
    for key in ("core.fsmonitor", "core.pager", "diff.external", "diff.x.command", "diff.x.textconv", "pager.diff"):
        git(checkout, "config", key, str(program))
    (checkout / ".gitattributes").write_text("*.py diff=x\n")
    assert "captureErrors" not in capture(files_dir, checkout)
    assert (files_dir / "diff.patch").stat().st_size > 0
    assert not mark.exists()


@needs_git
def test_git_in_trouble_is_noted_and_the_rest_goes_on(tmp_path, files_dir):
    folder = tmp_path / "empty"
    folder.mkdir()
    git(folder, "init", "--quiet")
    metadata = capture(files_dir, folder)
    assert metadata["captureErrors"] == [
        "git: git rev-parse: fatal: Needed a single revision",
        "diff: git rev-parse: fatal: Needed a single revision",
    ]
    assert metadata["memory"]["total"] > 0
    assert (files_dir / "requirements.txt").stat().st_size > 0


def test_a_machine_without_git_notes_that(tmp_path, files_dir, monkeypatch):
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert collect(files_dir, tmp_path)["captureErrors"] == ["git: git is not installed", "diff: git is not installed"]


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a shell script and /proc")
def test_a_git_that_hangs_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    slow = tmp_path / "git"
    slow.write_text('#!/bin/sh\nsleep 600 &\necho $! > "$0.pid"\nwait\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(capture_process.Failure, match=r"git status took longer than 0\.5 s"):
        capture_process.run_git(str(tmp_path), "status", timeout_s=0.5)
    started = tmp_path / "git.pid"
    wait_until(lambda: not started.exists() or not is_alive(int(started.read_text() or 0)), "what it started has ended")


def test_requirements_are_what_the_training_process_can_import(tmp_path, files_dir):
    metadata = capture(files_dir, tmp_path)
    lines = (files_dir / "requirements.txt").read_text().splitlines()
    assert f"msgspec=={importlib.metadata.version('msgspec')}" in lines
    assert lines == sorted(lines, key=lambda line: line.partition("==")[0].lower().replace("_", "-"))
    assert len(lines) == len(set(lines))
    assert metadata["disk"].popitem()[1].keys() == {"total", "used"}
    assert metadata["cpu_count"] >= 1


def test_requirements_are_what_python_itself_reads_of_folders_eggs_and_archives(tmp_path, files_dir):
    for place, text in (
        ("old.egg/EGG-INFO", "Name: old\nVersion: 1\n"),
        ("older.egg-info", "Name: older\nVersion: 0\n"),
    ):
        (tmp_path / place).parent.mkdir(exist_ok=True)
        folder = tmp_path / place if place.endswith("EGG-INFO") else None
        if folder:
            folder.mkdir()
        (folder / "PKG-INFO" if folder else tmp_path / place).write_text(f"Metadata-Version: 1.1\n{text}\nName: no\n")
    archive = tmp_path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("packed-3.dist-info/METADATA", "Metadata-Version: 2.1\nName: packed\nVersion: 3\n")
    places = [*sys.path, str(tmp_path), str(tmp_path / "old.egg"), str(archive), str(tmp_path / "nowhere")]
    spec = capture_spec(Settings(), files_dir, tmp_path)
    capture_process.save_requirements({**spec, "sys_path": places})
    read = {}
    for package in importlib.metadata.distributions(path=places):
        read.setdefault(package.name.lower().replace("_", "-"), f"{package.name}=={package.version}")
    assert {"old", "older", "packed"} < read.keys()
    assert (files_dir / "requirements.txt").read_text().splitlines() == [read[name] for name in sorted(read)]


def test_the_first_of_two_installations_counts_and_a_broken_one_does_not(tmp_path, files_dir):
    for place, folder, text in (
        ("a", "some_thing-2.dist-info", "Name: some_thing\nVersion: 2\n"),
        ("b", "some_thing-1.dist-info", "Name: Some-Thing\nVersion: 1\n"),
        ("b", "broken-1.dist-info", "\n"),
        ("b", "Other-1.dist-info", "Name: Other\nVersion: 1\n"),
    ):
        (tmp_path / place / folder).mkdir(parents=True)
        (tmp_path / place / folder / "METADATA").write_text("Metadata-Version: 2.1\n" + text)
    spec = capture_spec(Settings(), files_dir, tmp_path)
    capture_process.save_requirements({**spec, "sys_path": [str(tmp_path / "a"), str(tmp_path / "b")]})
    assert (files_dir / "requirements.txt").read_text() == "Other==1\nsome_thing==2\n"


def test_a_conda_environment_is_listed(tmp_path, files_dir):
    (tmp_path / "env" / "conda-meta").mkdir(parents=True)
    (tmp_path / "env" / "conda-meta" / "cuda-nvcc-12.4.1-h1_0.json").touch()
    (tmp_path / "env" / "conda-meta" / "history").touch()
    spec = capture_spec(Settings(), files_dir, tmp_path)
    capture_process.save_conda({**spec, "prefix": str(tmp_path / "env")})
    assert (files_dir / "conda-environment.yaml").read_text() == (
        'name: "env"\ndependencies:\n  - cuda-nvcc=12.4.1=h1_0\n'
    )


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://token@example.org/x.git", "https://example.org/x.git"),
        ("https://u:p@example.org:8443/x.git", "https://example.org:8443/x.git"),
        ("ssh://git:p@example.org/x.git", "ssh://git@example.org/x.git"),
        ("git@example.org:ann/x.git", "git@example.org:ann/x.git"),
        ("/somewhere/x.git", "/somewhere/x.git"),
        ("", ""),
    ],
)
def test_passwords_in_addresses_are_not_kept(url, kept):
    assert capture_process.without_password(url) == kept


# What must not happen -----------------------------------------------------------------------------------------


def test_a_deleted_run_is_not_made_anew(tmp_path, files_dir):
    spec = capture_spec(Settings(), files_dir, tmp_path)
    shutil.rmtree(files_dir)
    assert spawn_capture(spec).wait(DEADLINE_S)
    assert not files_dir.exists()


def test_without_a_python_to_start_the_reason_is_given(tmp_path, files_dir, monkeypatch):
    for executable in ("", "/opt/blender/blender"):
        monkeypatch.setattr(sys, "executable", executable)
        running = spawn_capture(capture_spec(Settings(), files_dir, tmp_path))
        assert running.error == f"sys.executable is {executable!r}, which is no Python that could be started"
        assert running.wait(0)


SCRIPT = """
import os, sys
from pathlib import Path
from runlake.sdk.capture.capture import capture_spec, spawn_capture
from runlake.settings import Settings
running = spawn_capture(capture_spec(Settings(), Path(sys.argv[1]), Path.cwd()))
try:
    os.wait()
except ChildProcessError:
    print("no child")
print(running.wait(180), running.wait(0))
spawn_capture(capture_spec(Settings(), Path(sys.argv[1]), Path.cwd()))
"""


@pytest.mark.skipif(os.name != "posix", reason="other systems have no zombies")
def test_the_process_is_no_child_and_a_folder_of_the_user_does_not_get_in_its_way(tmp_path, files_dir):
    for name in ("json", "importlib", "subprocess", "site"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')")
    script = tmp_path / "elsewhere" / "script.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    result = subprocess.run(
        [sys.executable, "-W", "error", str(script), str(files_dir)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3] / "src")},
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )
    assert (result.returncode, result.stdout, result.stderr) == (0, "no child\nTrue True\n", "")
    assert "disk" in json.loads((files_dir / METADATA_FILE).read_text())


@pytest.mark.skipif(os.name != "posix", reason="needs a shell script")
def test_waiting_ends_in_time_and_caring_may_be_stopped(tmp_path, files_dir, monkeypatch):
    slow = tmp_path / "python-that-is-slow"
    slow.write_text('#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 600\n')
    slow.chmod(0o755)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(slow))
        running = spawn_capture(capture_spec(Settings(), files_dir, tmp_path))
    assert not running.wait(0)
    running.close()
    assert running.wait(0)
    started = tmp_path / f"{slow.name}.pid"
    wait_until(lambda: started.exists() and started.read_text(), "it has begun")
    os.kill(int(started.read_text()), signal.SIGKILL)
    again = spawn_capture(capture_spec(Settings(), files_dir, tmp_path))
    assert again.wait(DEADLINE_S)
