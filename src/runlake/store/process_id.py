"""A text that names this process among all of one machine, by which others there see that it is gone.

Linux only: elsewhere there is no mark, and who waits for a sign of life waits as if from another machine.
"""

from __future__ import annotations

import os
from pathlib import Path

_PROC = Path("/proc")


def own_process_id() -> str | None:
    """The mark of this process; None where the system gives none."""
    machine, started = _machine(), _started(os.getpid())
    return None if machine is None or started is None else f"{machine}/{os.getpid()}/{started}"


def is_gone(mark: str | None) -> bool:
    """Whether the process of a mark has certainly ended; False when it lives, or is of another machine."""
    return _is_here(mark) is False


def lives_here(mark: str | None) -> bool:
    """Whether the process of a mark certainly lives; False when it has ended, or is of another machine."""
    return _is_here(mark) is True


def _is_here(mark: str | None) -> bool | None:
    """Whether the process lives, None where that cannot be seen from here."""
    machine, _, process = (mark or "").partition("/")
    pid, _, started = process.partition("/")
    if not pid.isdigit() or machine != _machine():
        return None
    return _started(int(pid)) == started


def _machine() -> str | None:
    """One boot of one machine, and of that the name space that process ids are of: containers have their own."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}-{(_PROC / 'self/ns/pid').stat().st_ino}"
    except OSError:
        return None


def _started(pid: int) -> str | None:
    """When a process began, in ticks since boot: ids are used again. None for one that has ended."""
    try:
        text = (_PROC / str(pid) / "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in ("Z", "X") else fields[18]
