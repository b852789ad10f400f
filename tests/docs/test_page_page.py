"""The page about the page says what the command prints, and which names it answers to."""

import contextlib
import os
import signal
import subprocess
import sys

from pages import ROOT, environment, make_desk, texts

import warm
from runlake.server.page.hosts import LOOPBACK_NAMES
from waiting import DEADLINE_S

PAGE = "docs/guide/page.md"


def test_the_command_of_the_page_prints_the_address(tmp_path):
    desk = make_desk(tmp_path)
    command, address = texts(PAGE, "console")[0].strip().splitlines()
    assert address.startswith("http://127.0.0.1:8090/#token=")
    started = warm.Popen(
        [sys.executable, "-m", *command.removeprefix("$ ").split()],
        cwd=desk,
        env=environment(desk),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        printed = started.stdout.readline()
        assert printed.startswith("http://127.0.0.1:")
        assert "/#token=" in printed
        started.send_signal(signal.SIGINT)
        assert started.wait(DEADLINE_S) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        started.wait()
        started.stdout.close()


def test_the_page_names_each_name_that_is_answered():
    text = (ROOT / PAGE).read_text("utf-8")
    assert [name for name in sorted(LOOPBACK_NAMES) if f"`{name}`" not in text] == []
