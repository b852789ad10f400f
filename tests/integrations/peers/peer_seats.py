"""Other trackers, each in an environment of its own, and scripts that are run by it."""

import os
import subprocess
from pathlib import Path

import pytest
from seat import CHECKOUT

TIMEOUT_S = 300


def peer_python(name):
    """The Python that has a tracker and nothing of ours; the test is skipped where it is not installed."""
    python = CHECKOUT / ".venv" / f"peer-{name}" / "bin" / "python"
    if not python.exists():
        pytest.skip(f"{name} is not installed; make it with: make .venv/peer-{name}.done")
    return python


def run_script(name, script, *arguments, home):
    """Run a script beside this file with a tracker; answers what it printed."""
    variables = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(home), "DO_NOT_TRACK": "1"}
    command = [str(peer_python(name)), str(Path(__file__).with_name(script)), *map(str, arguments)]
    done = subprocess.run(
        command, cwd=home, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
