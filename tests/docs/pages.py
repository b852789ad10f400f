"""Pages as tests see them: their code blocks, and a folder to run these in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import warm
from quiet import without_settings

ROOT = Path(__file__).parents[2]


def blocks(page):
    """(kind, text) of each fenced block, in order."""
    return re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)


def texts(page, kind):
    return [text for found, text in blocks(page) if found == kind]


def environment(folder):
    """A user called ann who never heard of runlake; its store is `folder`/.runlake. Nothing is sealed unasked."""
    home = folder.parent / "home"
    paths = [str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    ours = {"LOGNAME": "ann", "HOME": str(home), "USERPROFILE": str(home), "PYTHONPATH": os.pathsep.join(paths)}
    return {**without_settings(), **ours, "RUNLAKE_SEAL": "off"}


def make_desk(folder):
    """An empty folder with an empty store in it."""
    (folder / "desk" / ".runlake").mkdir(parents=True)
    (folder / "home").mkdir()
    return folder / "desk"


def run_python(code, desk, *, warns_of=None):
    """What a program prints, its stdout only; it must end well and warn of nothing, or of what is expected."""
    (desk / "train.py").write_text(code, encoding="utf-8")
    options = ["-W", "error"] if warns_of is None else []
    command = [sys.executable, *options, "train.py"]
    done = warm.run(command, cwd=desk, env=environment(desk), capture_output=True, text=True)
    (desk / "train.py").unlink()
    assert done.returncode == 0, done.stderr
    assert warns_of is None or warns_of in done.stderr
    return done.stdout


def run_command(line, desk):
    """What a line that begins with `runlake` prints, stderr included."""
    command, *arguments = line.split()
    assert command == "runlake"
    done = warm.run(
        [sys.executable, "-m", "runlake", *arguments],
        cwd=desk,
        env=environment(desk),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
