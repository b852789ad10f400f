"""Work that must not happen in the training process: a Python of our own, detached from it.

The child gets its own session (Ctrl-C in the terminal does not reach it), no standard streams of the parent, and the
parent's import path, so that it finds this package wherever the parent did. Nobody waits for a detached child, and
it leaves no zombie: a shell starts it in the background and exits, so that it belongs to the system.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def command(module: str, *arguments: str) -> list[str]:
    """How to run a module of ours with this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def environment() -> dict[str, str]:
    """The parent's environment, with its import path made explicit."""
    package_root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    paths = [package_root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "RUNLAKE_SIDE_PROCESS": "1"}


def start_detached(module: str, arguments: Sequence[str]) -> None:
    """Start a module and forget it. OSError when no process can be started."""
    import subprocess

    arguments = command(module, *arguments)
    if os.name == "posix":
        arguments = ["/bin/sh", "-c", '"$@" &', "sh", *arguments]
    process = subprocess.Popen(
        arguments,
        env=environment(),
        cwd=os.sep,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if os.name == "posix":
        process.wait()
    else:
        process.returncode = 0  # nobody waits for it, and Popen shall not warn of that


def ask(
    module: str, arguments: Sequence[str], *, content: bytes | None = None, timeout_s: float = 120.0
) -> tuple[int, bytes, str]:
    """Run a module to its end: exit code, standard output, and what it said on stderr. `content` is what it reads."""
    import subprocess

    done = subprocess.run(
        command(module, *arguments),
        env=environment(),
        cwd=os.sep,
        input=content or b"",
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode(errors="replace").strip()
