"""What describes the run's program and machine: the free part at once, the rest in a process of its own.

`quick_metadata` reads what the interpreter knows anyway. Git, the list of installed packages and the hardware take
up to seconds; `spawn_capture` has them collected by ``capture_process.py``, so that training gives neither its time
nor its GIL. That process is no child of ours: a shell starts it and ends at once, which we wait for (a millisecond).
A child would stay as a zombie until somebody asked for it, and a script's own ``os.wait()`` would meet a stranger. Its
end can still be waited for: it holds the only writing end of a pipe.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runlake.model import METADATA_FILE
from runlake.sdk.capture.secret_words import SECRET_QUERY, excluding_pathspecs, hide_in_args, only_pathspecs
from runlake.settings import Settings
from runlake.store.disk import TEMPORARY_PREFIX

MAX_DIFF_BYTES = 32 * 2**20
NO_PROGRAM = "<python with no main file>"
_IMPLEMENTATIONS = {"cpython": "CPython", "pypy": "PyPy"}


def quick_metadata(
    settings: Settings,
    argv: Sequence[str],
    *,
    cwd: Path,
    started_at: float,
    writer_id: str,
    main_file: str | None = None,
) -> dict[str, Any]:
    """What costs nothing to know, with the keys that W&B uses; all values are plain JSON.

    `argv` is ``sys.argv``, `started_at` seconds since 1970, `main_file` the script where it is not ``__main__``'s.
    ``program`` is an absolute path where there is one, ``args`` a list that may be empty; ``codePath`` is relative to
    ``root``, the root of the git checkout or else the current folder, and left out for a program outside of it. Values
    of ``args`` that are called a secret are left out (`secret_words`).
    """
    main_file = main_file or getattr(sys.modules.get("__main__"), "__file__", None)
    program, args = _program_and_args(settings, argv, cwd, main_file)
    root = find_checkout(cwd) or cwd
    metadata: dict[str, Any] = {
        "os": _os_name(),
        "python": f"{_IMPLEMENTATIONS.get(sys.implementation.name, sys.implementation.name)} {_python_version()}",
        "startedAt": datetime.fromtimestamp(started_at, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "args": args,
        "program": program,
        "codePath": _relative(program, root),
        "codePathLocal": _relative(program, cwd),
        "root": str(root),
        "host": settings.host,
        "username": settings.username,
        "executable": sys.executable or None,
        "cpu_count": os.cpu_count(),
        "cpu_count_logical": os.cpu_count(),
        "writerId": writer_id,
    }
    return {key: _valid_text(value) for key, value in metadata.items() if value is not None}


def capture_spec(settings: Settings, files_dir: Path, cwd: Path) -> dict[str, Any]:
    """What `spawn_capture` is to do: where from, where to, and what the settings rule out."""
    checkout = None if settings.disable_git else find_checkout(cwd)
    return {
        "files_dir": str(files_dir.absolute()),
        "metadata_file": METADATA_FILE,
        "temporary_prefix": TEMPORARY_PREFIX,
        "checkout": str(checkout) if checkout else None,
        "with_diff": not settings.disable_code,
        "max_diff_bytes": MAX_DIFF_BYTES,
        "kept_files": excluding_pathspecs(),
        "secret_files": only_pathspecs(),
        "secret_query": SECRET_QUERY,
        "sys_path": [str(cwd / entry) for entry in sys.path],
        "prefix": sys.prefix,
    }


def find_checkout(cwd: Path) -> Path | None:
    """The root of the git checkout that `cwd` is in, found without calling git; None when it is in none."""
    for folder in (cwd, *cwd.parents):
        if os.path.lexists(folder / ".git"):
            return folder
    return None


class Capture:
    """A capture that is under way; `error` says why, where it could not be started."""

    def __init__(self, pipe: int | None = None, process: Any = None, error: str | None = None) -> None:
        self.error = error
        self._pipe = pipe
        self._process = process

    def wait(self, timeout_s: float) -> bool:
        """Whether it has ended, waiting for that at most `timeout_s`."""
        if self._process is not None:
            return self._wait_for_process(timeout_s)
        return self._pipe is None or self._wait_for_pipe(timeout_s)

    def close(self) -> None:
        """Stop caring; the capture itself goes on."""
        pipe, self._pipe = self._pipe, None
        if pipe is not None:
            os.close(pipe)
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.returncode = 0  # or its destructor warns of a process that is still running, as it should be

    def __del__(self) -> None:
        self.close()

    def _wait_for_process(self, timeout_s: float) -> bool:
        import subprocess

        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _wait_for_pipe(self, timeout_s: float) -> bool:
        import select

        if self._pipe is None:
            return True
        deadline = time.monotonic() + timeout_s
        poller = select.poll()  # not select(): a training process may have thousands of files open
        poller.register(self._pipe, select.POLLIN)
        while poller.poll(max(0.0, deadline - time.monotonic()) * 1000.0):
            if not os.read(self._pipe, 4096):
                self.close()
                return True
        return False


def spawn_capture(spec: dict[str, Any]) -> Capture:
    """Start collecting what `spec` (see `capture_spec`) asks for, and return without waiting for it.

    It writes ``requirements.txt``, ``diff.patch`` and ``conda-environment.yaml`` into the run's files and adds to
    its ``wandb-metadata.json``, which should be there by then; what did not work is listed in there under
    ``captureErrors``. It never raises.
    """
    import json

    python = sys.executable or ""
    if not Path(python).name.lower().startswith(("python", "pypy")):
        return Capture(error=f"sys.executable is {python!r}, which is no Python that could be started")
    # Isolated and without site: nothing of the user's may run in it, and it starts in half the time.
    script = str(Path(__file__).with_name("capture_process.py"))
    command = [python, "-I", "-S", script, json.dumps(spec)]
    try:
        return _spawn_orphan(command) if Path("/bin/sh").exists() else _spawn_child(command)
    except OSError as error:
        return Capture(error=f"{type(error).__name__}: {error}")


def _spawn_orphan(command: list[str]) -> Capture:
    import subprocess

    reading, writing = os.pipe()
    try:
        shell = subprocess.Popen(
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    shell.wait()
    return Capture(pipe=reading)


def _spawn_child(command: list[str]) -> Capture:
    """Where there is no shell: on Windows, which knows no zombies, and in bare containers."""
    import subprocess

    flags = 0
    for name in ("CREATE_NO_WINDOW", "CREATE_NEW_PROCESS_GROUP", "BELOW_NORMAL_PRIORITY_CLASS"):
        flags |= getattr(subprocess, name, 0)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=Path(sys.prefix).anchor,
        start_new_session=os.name == "posix",
        creationflags=flags,
    )
    return Capture(process=process)


def _program_and_args(
    settings: Settings, argv: Sequence[str], cwd: Path, main_file: str | None
) -> tuple[str, list[str]]:
    args = hide_in_args([str(arg) for arg in argv[1:]])
    if settings.program is not None:
        return settings.program, args
    if main_file is not None:
        return str(cwd / main_file), args
    # In a notebook the arguments are those of the kernel.
    return NO_PROGRAM, [] if "ipykernel" in sys.modules else args


def _relative(program: str, folder: Path) -> str | None:
    path = folder / program
    if program == NO_PROGRAM or not path.is_relative_to(folder):
        return None
    return path.relative_to(folder).as_posix()


def _os_name() -> str:
    if sys.platform == "win32":
        import platform

        return platform.platform()
    system = os.uname()
    return f"{system.sysname}-{system.release}-{system.machine}"


def _python_version() -> str:
    return ".".join(map(str, sys.version_info[:3]))


def _valid_text(value: Any) -> Any:
    """Arguments and paths may be bytes that are no text; JSON files hold text."""
    if isinstance(value, list):
        return [_valid_text(item) for item in value]
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
