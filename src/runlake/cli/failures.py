"""How the command ends: every exit code, and which error leads to which.

The table is part of the interface: scripts depend on it, and docs/guide/command-line.md repeats it.
"""

from __future__ import annotations

import enum
import errno

from runlake.errors import (
    BadValueError,
    ConflictError,
    FileExistsLocallyError,
    NotFoundError,
    NotSupportedError,
    ReadOnlyError,
    RunlakeError,
    StoreError,
    UnsafeNameError,
)


class ExitCode(enum.IntEnum):
    """What a caller of the command can tell apart."""

    OK = 0
    NO = 1
    USAGE = 2
    NOT_FOUND = 3
    STORE_UNREADABLE = 4
    IN_THE_WAY = 5
    FAILED = 6
    NOT_SUPPORTED = 7
    BUG = 70
    INTERRUPTED = 130
    BROKEN_PIPE = 141


MEANINGS: dict[ExitCode, str] = {
    ExitCode.OK: "done",
    ExitCode.NO: "the answer is no: you declined, `diff --exit-code` or `verify` saw differences, a condition of "
    "`diff --fail-if` holds, `check` or `repair` found something that is left, `pull` or `restore` left out a file "
    "because of its name, `export` a run that cannot be read, `import` could not bring all, an `agent` gave up or its "
    "sweep was canceled",
    ExitCode.USAGE: "the command line cannot be right: an unknown option, a filter or a path that cannot be read",
    ExitCode.NOT_FOUND: "no such store, project, run, sweep, file or key",
    ExitCode.STORE_UNREADABLE: "the store's bytes are damaged, or a newer runlake wrote them",
    ExitCode.IN_THE_WAY: "something is in the way: a local file, uncommitted changes, another writer",
    ExitCode.FAILED: "reading or writing failed: permissions, a full disk, a read-only store, the network",
    ExitCode.NOT_SUPPORTED: "known, and not possible here: a part or a package that is not installed",
    ExitCode.BUG: "a mistake in runlake itself",
    ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
    ExitCode.BROKEN_PIPE: "the reader of the output went away, as `head` does",
}
"""One sentence for each code, in the order of the codes."""


class LeftOutError(RunlakeError):
    """All was done but for what had to be left out: a file because of its name, a run that cannot be read."""


class RefusedError(RunlakeError):
    """The command will not go on, because it would overwrite something of the user's."""


_CODES: tuple[tuple[type[BaseException], ExitCode], ...] = (
    (NotFoundError, ExitCode.NOT_FOUND),
    (RefusedError, ExitCode.IN_THE_WAY),
    (LeftOutError, ExitCode.NO),
    (UnsafeNameError, ExitCode.NO),
    (FileExistsLocallyError, ExitCode.IN_THE_WAY),
    (ConflictError, ExitCode.IN_THE_WAY),
    (ReadOnlyError, ExitCode.FAILED),
    (StoreError, ExitCode.STORE_UNREADABLE),
    (BadValueError, ExitCode.USAGE),
    (UnicodeEncodeError, ExitCode.USAGE),
    (NotSupportedError, ExitCode.NOT_SUPPORTED),
    (RunlakeError, ExitCode.FAILED),
    (BrokenPipeError, ExitCode.BROKEN_PIPE),
    (OSError, ExitCode.FAILED),
    (MemoryError, ExitCode.FAILED),
    (ModuleNotFoundError, ExitCode.NOT_SUPPORTED),
    (KeyboardInterrupt, ExitCode.INTERRUPTED),
)
"""The first match wins, so the narrow ones come first."""


def exit_code_of(error: BaseException) -> ExitCode:
    """The code the command ends with when `error` was not caught."""
    if isinstance(error, OSError) and error.errno == errno.EPIPE:
        return ExitCode.BROKEN_PIPE
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.BUG)


def describe(error: BaseException) -> str:
    """The error as one line for a person."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if isinstance(error, RunlakeError):
        text = str(error)
    elif isinstance(error, OSError) and error.strerror:
        place = f": {error.filename}" if error.filename is not None else ""
        text = f"{error.strerror}{place}"
    elif isinstance(error, UnicodeEncodeError):
        text = f"{ascii(error.object)[:80]} is not valid text: it holds bytes that are no UTF-8; write it in UTF-8"
    elif isinstance(error, ModuleNotFoundError):
        text = f"the package {error.name!r} is not installed"
    elif isinstance(error, MemoryError):
        text = "out of memory; ask for fewer keys (--keys) or for samples (--samples)"
    else:
        text = f"unexpected {type(error).__name__}: {error}; RUNLAKE_TRACEBACK=1 shows where it comes from"
    return " ".join(text.split()) or type(error).__name__
