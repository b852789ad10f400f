"""What is different when a person looks: tables fit, bars run, questions wait, bytes are refused."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

import warm
from waiting import wait_until

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
termios = pytest.importorskip("termios")


@pytest.fixture
def environment():
    variables = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "TERM": "xterm-256color"}
    variables.pop("COLUMNS", None)
    variables.pop("NO_COLOR", None)
    return variables


@pytest.fixture
def on_terminal(environment):
    """Runs the command on a terminal of 60 columns; answers the exit code and all that appeared there."""

    def run(*arguments, **variables):
        ours, its = pty.openpty()
        termios.tcsetwinsize(its, (24, 60))
        process = warm.Popen(
            [sys.executable, "-m", "runlake", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=its,
            stderr=its,
            env=environment | variables,
        )
        os.close(its)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux says so when the last process has closed the other end
                break
            if not piece:
                break
            seen += piece
        os.close(ours)
        return process.wait(), seen.decode()

    return run


@pytest.fixture
def run(make_run):
    return make_run("ann/mnist/a1", name="a-very-long-name-" * 5, rows=[{"loss": 1.0}], files={"a.txt": b"a" * 5000})


def plain(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")


def test_a_table_fits_the_terminal(on_terminal, run):
    code, seen = on_terminal("ls", "mnist")
    lines = plain(seen).splitlines()
    assert code == 0
    assert max(map(len, lines)) <= 60
    assert "…" in seen


def test_nothing_is_coloured_against_the_users_wish(on_terminal, run):
    assert "\x1b[1m" in on_terminal("show", "mnist/a1")[1]
    assert "\x1b[" not in on_terminal("show", "mnist/a1", NO_COLOR="1")[1]


def test_long_work_shows_a_bar_on_a_terminal_only(on_terminal, run, runlake):
    code, seen = on_terminal("pull", "mnist/a1", "--root", "got")
    assert (code, "pull ann/mnist/a1" in plain(seen)) == (0, True)
    assert runlake("pull", "mnist/a1", "--root", "got2").err == "1 file, 4.9 KiB into got2\n"


def test_an_export_into_a_folder_shows_a_bar(on_terminal, run):
    code, seen = on_terminal("export", "mnist/", "-o", "out/")
    assert (code, "export ann/mnist" in plain(seen), "1/1" in plain(seen)) == (0, True, True)


def test_bytes_are_not_poured_over_a_terminal(on_terminal, run):
    assert on_terminal("export", "mnist/a1", "--format", "parquet") == (
        2,
        "runlake: parquet is binary and stdout is a terminal; name a file with -o\r\n",
    )


def test_control_c_ends_with_130_and_one_line(environment, run):
    ours, its = pty.openpty()
    process = warm.Popen(
        [sys.executable, "-m", "runlake", "rm", "mnist/a1"],
        stdin=its,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    )
    with process:
        seen = b""
        while not seen.endswith(b"[y/N] "):
            seen += process.stderr.read(1)
        # Python does not look for signals right before it waits: one that comes there is heard with the answer.
        asking = psutil.Process(process.pid)
        wait_until(lambda: asking.status() == psutil.STATUS_SLEEPING, "it waits for an answer")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    os.close(its)
    os.close(ours)
    assert (process.returncode, out, err) == (130, b"", b"runlake: interrupted\n")
