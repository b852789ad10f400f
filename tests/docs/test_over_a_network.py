"""The page about the network does what it says, against the server that `runlake serve` starts."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys

import pytest
from pages import blocks, environment, make_desk

import warm
from waiting import DEADLINE_S, lines_until_served

PAGE = "docs/guide/over-a-network.md"
EXAMPLE = "http://127.0.0.1:8080"


@pytest.fixture
def desk(tmp_path):
    return make_desk(tmp_path)


@pytest.fixture
def server(tmp_path, desk):
    """The address of a server, and the key of its admin."""
    started = warm.Popen(
        [sys.executable, "-m", "runlake", "serve", "--dir", str(tmp_path / "team-store"), "--port", "0"],
        cwd=desk,
        env=environment(desk),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    said = lines_until_served(started)
    key = next(line.partition("WANDB_API_KEY=")[2].strip() for line in said if "WANDB_API_KEY=" in line)
    yield said[-1].split()[-1], key
    with contextlib.suppress(ProcessLookupError):
        os.kill(started.pid, signal.SIGTERM)
    started.wait(DEADLINE_S)
    started.stdout.close()


@pytest.mark.long
def test_the_page_works_from_its_first_block_to_its_last(desk, server):
    url, key = server
    settings = {"RUNLAKE_DISABLE_SYSTEM": "1", "RUNLAKE_SILENT": "1"}
    printed = ""
    for kind, text in blocks(PAGE):
        if kind == "python":
            (desk / "train.py").write_text(text.replace(EXAMPLE, url), "utf-8")
            command = [sys.executable, "-W", "error", "train.py"]
        elif kind == "console":
            program, *arguments = shlex.split(text.removeprefix("$ ").replace(EXAMPLE, url))
            assert program == "runlake"
            command = [sys.executable, "-m", "runlake", *arguments]
        else:
            assert printed == text
            continue
        done = warm.run(
            command, cwd=desk, env=environment(desk) | settings, input=key + "\n", capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        printed = done.stdout
