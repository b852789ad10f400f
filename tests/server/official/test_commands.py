"""The official client's commands beside training; runs that are stopped from outside, and bodies that come as gzip."""

import json
import subprocess
from pathlib import Path

import pytest
from seat import KEY

from waiting import DEADLINE_S

HERE = Path(__file__).parent
STOPPED = ("by-store", "by-client")
PROGRAM = "print('as committed')\n"
CHANGED = "print('as trained')\n"

works = pytest.mark.works


def git(folder, *arguments):
    """What git says to a command, in a folder, as nobody in particular."""
    identity = ["-c", "user.name=ada", "-c", "user.email=ada@lab.org"]
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def checkout(seat):
    """A git checkout with an origin, in which the program was changed since the last commit."""
    origin, folder = seat.folder(), seat.folder()
    git(origin, "init", "--bare", "--initial-branch", "main")
    git(folder, "clone", origin, ".")
    git(folder, "checkout", "-b", "main")
    (folder / "program.py").write_text(PROGRAM)
    git(folder, "add", "program.py")
    git(folder, "commit", "-m", "the program")
    git(folder, "push", "origin", "main")
    (folder / "program.py").write_text(CHANGED)
    return folder


@pytest.fixture(scope="module")
def stopping(seat):
    """Two runs that go on until they are stopped: while they do, the other tests have their turn."""
    running = {run_id: seat.start(HERE / "stopped_run.py", run_id) for run_id in STOPPED}
    yield running
    for process in running.values():
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def tour(seat, checkout, stopping):
    """What came of a run in the checkout. Both that go on have been asked to stop: over the server, and the folder."""
    answers = seat.run(HERE / "command_tour.py", folder=checkout).answers()
    seat.api.run("ada/commands/by-store").stop()
    return answers


@pytest.fixture(scope="module")
def logged_in(seat, stopping):
    """A home in which `wandb login` has left a key, and what it said."""
    home = seat.folder()
    return home, run_command(seat, "login", KEY, home=home)


def run_command(seat, *arguments, **options):
    """A command of the client that knows of no key but that in its home."""
    return seat.run(None, *arguments, command="wandb", WANDB_API_KEY="", **options)


@works("wandb login")
def test_a_login_is_verified_and_kept_in_netrc(seat, logged_in):
    home, done = logged_in
    host = seat.url.removeprefix("http://")
    assert f"Currently logged in as: ada to {seat.url}" in done.complaints
    assert (home / ".netrc").read_text().split() == ["machine", host, "login", "user", "password", KEY]


def test_a_login_with_a_key_that_nobody_has_is_refused_and_not_kept(seat):
    home = seat.folder()
    done = run_command(seat, "login", "local-" + "f" * 40, home=home, code=1)
    assert "the server did not recognize an account for the configured credentials" in done.complaints
    assert not (home / ".netrc").exists()


@works("wandb pull")
def test_pull_downloads_the_files_of_a_run_and_those_that_changed_again(seat, tour, logged_in):
    home, _ = logged_in
    first = run_command(seat, "pull", "-e", "ada", "-p", "commands", "zipped", home=home)
    stored = {info.name: info.size for info in seat.api.run("ada/commands/zipped").files()}
    pulled = {str(file.relative_to(first.folder)): file.stat().st_size for file in files_in(first.folder)}
    assert pulled == stored
    assert (first.folder / "out" / "kept.txt").read_text() == "kept\n"

    (first.folder / "out" / "kept.txt").write_text("lost\n")
    again = run_command(seat, "pull", "-e", "ada", "-p", "commands", "zipped", home=home, folder=first.folder)
    said = [line for line in again.printed.splitlines() if line.startswith("File ")]
    expected = {f"File {name} is up to date" for name in stored if name != "out/kept.txt"} | {"File out/kept.txt"}
    assert set(said) == expected
    assert (first.folder / "out" / "kept.txt").read_text() == "kept\n"


def files_in(folder):
    """The files below a folder, without those of the client itself."""
    return [file for file in folder.rglob("*") if file.is_file() and "wandb" not in file.relative_to(folder).parts]


@works("wandb restore")
def test_restore_brings_back_the_code_and_the_config_of_a_run(seat, tour, checkout, logged_in):
    home, _ = logged_in
    git(checkout, "checkout", "program.py")
    assert (checkout / "program.py").read_text() == PROGRAM
    (checkout / "wandb").mkdir()  # as there is one wherever the client has trained
    done = run_command(seat, "restore", "ada/commands/zipped", home=home, folder=checkout, WANDB_DIR=str(checkout))
    assert "Applied patch" in done.complaints
    assert git(checkout, "branch", "--show-current") == "wandb/zipped"
    assert (checkout / "program.py").read_text() == CHANGED
    assert "lr:\n  value: 0.1\n" in (checkout / "wandb" / "config.yaml").read_text()


@works("Settings(x_file_stream_no_gzip=False)")
def test_rows_that_come_as_gzip_are_all_there(seat, tour):
    losses = [1 / (step + 1) for step in range(2000)]
    run = seat.api.run("ada/commands/zipped")
    assert run.to_arrow(keys=["loss"])["loss"].to_pylist() == losses
    assert tour["scan"] == losses
    lines = (json.loads(line) for line in seat.log.read_text().splitlines())
    received_bytes = sum(
        line["received_bytes"] for line in lines if line.get("path") == "/files/ada/commands/zipped/file_stream"
    )
    assert 0 < received_bytes < 2000 * 30  # a row of these has more than 100 characters


@works("Run.stop")
@pytest.mark.parametrize("run_id", ["by-store", pytest.param("by-client", marks=pytest.mark.long)])
def test_a_run_that_is_stopped_from_outside_ends_as_killed(seat, tour, stopping, run_id):
    assert tour["stop"] == [None, "running"]
    _, complaints = stopping[run_id].communicate(timeout=DEADLINE_S)
    assert "KeyboardInterrupt" in complaints
    run = seat.api.run(f"ada/commands/{run_id}")
    assert run.state == "killed"
    steps = run.to_arrow(keys=["step"])["step"].to_pylist()
    assert steps == list(range(len(steps)))
    assert 0 < len(steps) < 600
