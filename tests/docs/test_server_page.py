"""The page about the server does what it says, with the commands as they stand there."""

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys

import httpx
import pytest
from pages import ROOT, environment, make_desk, texts

import warm
from runlake.server.config import ServerConfig
from waiting import DEADLINE_S, lines_until_served

PAGE = "docs/guide/server.md"


def run_line(line, desk, *, typed=""):
    """What a line that begins with `runlake` prints, and what it notes."""
    done = warm.run(
        [sys.executable, "-m", "runlake", *shlex.split(line)[1:]],
        cwd=desk,
        env=environment(desk),
        input=typed,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.long
def test_every_command_of_the_page_works(tmp_path):
    desk = make_desk(tmp_path)
    blocks = texts(PAGE, "console")
    commands = re.findall(r"^\$ (runlake .*)$", "\n".join(blocks), re.MULTILINE)
    start, *others = commands
    assert start == "runlake serve --dir team-store --port 8080"
    server = warm.Popen(
        [sys.executable, "-m", *start.replace("8080", "0").split()],
        cwd=desk,
        env=environment(desk),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        said = lines_until_served(server)
        url = said[-1].split()[-1]
        shown = blocks[0].split("\n", 1)[1]
        for real, example in ((url, "http://127.0.0.1:8080"), (str(desk), "/srv")):
            said = [line.replace(real, example) for line in said]
        printed = re.sub(r"local-\w{4}\w+", "local-7f2c…", "".join(said))
        assert printed == shown
        keys, answers = {}, {}
        for line in others:
            login = line == "runlake login http://127.0.0.1:8080"
            line_here = f"runlake login {url}" if login else line
            answers[line], _ = run_line(line_here, desk, typed=keys["bob"] + "\n" if login else "")
            if added := re.match(r"runlake user add (\w+)", line):
                keys[added[1]] = answers[line].strip()
        assert "bob:admin, eve" in answers["runlake team list --dir team-store"]
        assert "vision/cars  read" in answers["runlake project list --dir team-store"]
        assert "cluster" in answers["runlake key list bob --dir team-store"]
        netrc = (tmp_path / "home" / ".netrc").read_text()
        assert keys["bob"] in netrc
        for path in ("/healthz", "/readyz"):
            assert httpx.get(url + path).status_code == 200
        assert httpx.get(url + "/metrics", auth=("api", keys["bob"])).status_code == 403
        server.send_signal(signal.SIGTERM)
        assert server.wait(DEADLINE_S) == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server.pid, signal.SIGKILL)
        server.wait()
        server.stdout.close()


def test_the_limits_of_the_page_are_those_of_the_server():
    config = ServerConfig(root="", default_entity="ann")
    page = " ".join((ROOT / PAGE).read_text("utf-8").split())
    assert f"{config.requests_per_s:g} requests a second" in page
    assert f"{config.burst_requests} at once" in page
    assert f"at most {config.max_body_bytes // 2**20} MiB" in page
    assert f"an uploaded file {config.max_file_bytes // 2**30} GiB" in page
    assert f"up to {config.drain_s:g} seconds" in page
