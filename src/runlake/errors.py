"""Every error a caller can meet, as one tree.

RunlakeError                     anything this library raises on purpose (``runlake.Error``)
├── UsageError                   the calls are in the wrong order: log() after finish(), config before init()
├── LogTypeError    (TypeError)  a value, key or step that cannot be logged; nothing of the call was written
├── ConfigError                  a configuration key was changed without allow_val_change
├── BadValueError   (ValueError) an argument that cannot be right
│   ├── PathError                a run path, run id or file name that cannot be used
│   │   └── UnsafeNameError      a run's file whose name is not written into a folder of who fetches it
│   ├── FilterError              a filter or an order that cannot be read
│   ├── SqlError                 a query that cannot be read, or does more than read the tables of a store
│   └── SweepConfigError         a sweep configuration that cannot be used; all that is wrong with it
├── CommError                    reading or editing a store did not work; what W&B scripts catch
│   ├── NotFoundError (ValueError)               no such entity, project, run, file or key
│   ├── FileExistsLocallyError (ValueError, FileExistsError)   download() would overwrite
│   ├── UnreachableError         the server does not answer
│   ├── ConflictError            somebody else was first
│   │   └── GapError             rows or bytes between what is there and what was sent are missing
│   ├── ForbiddenError           it is there, and not for you to change
│   ├── AuthenticationError      a server does not know who asks: no API key, or none that is valid
│   ├── TooLargeError            more in one request than a server takes
│   └── BusyError                a server has no time for it now: wait and ask again
│       └── SlowError            a request came too slowly to be waited for: send it again
├── StoreError                   the bytes on disk are not as they should be
│   ├── TruncatedError           the end is not there (yet): wait and read again
│   ├── CorruptError             bytes changed: stop; the message says where and what is lost
│   ├── NewerFormatError         written by a newer runlake: upgrade
│   └── ReadOnlyError            the store cannot be written
├── SqlLimitError                a query took more time or memory than it may
└── NotSupportedError            known, named, and not there (yet)

Each message says what was asked, what was found, and what to do. What stops nothing but should be known is a
``RunlakeWarning``.
"""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_PACKAGE = __file__.removesuffix("errors.py")


class RunlakeError(Exception):
    """Anything this library raises on purpose."""


class UsageError(RunlakeError):
    """The calls came in an order that cannot work."""


class LogTypeError(RunlakeError, TypeError):
    """A value, key or step that cannot be logged; nothing of the call was written."""


class ConfigError(RunlakeError):
    """A configuration key was changed without ``allow_val_change``."""


class BadValueError(RunlakeError, ValueError):
    """An argument that cannot be right."""


class PathError(BadValueError):
    """A run path, run id or file name that cannot be used."""


class UnsafeNameError(PathError):
    """A run's file whose name is not written into a folder of who fetches it."""


class FilterError(BadValueError):
    """A filter or an order that cannot be read."""


class SqlError(BadValueError):
    """A query that cannot be read, or that does more than read the tables of a store."""


class SqlLimitError(RunlakeError):
    """A query took more time or memory than it may."""


class SweepConfigError(BadValueError):
    """A sweep configuration that cannot be used: all that is wrong with it, by the paths of its keys."""


class CommError(RunlakeError):
    """Reading or editing a store did not work."""


class NotFoundError(CommError, ValueError):
    """No such entity, project, run, file or key."""


class FileExistsLocallyError(CommError, ValueError, FileExistsError):
    """A download would overwrite a file that is there already."""


class ConflictError(CommError):
    """Somebody else was first."""


class UnreachableError(CommError):
    """The server does not answer: it is down, or nothing leads to it."""


class GapError(ConflictError):
    """What was sent does not follow on what is there; `expected` is where to go on."""

    def __init__(self, message: str, expected: int) -> None:
        super().__init__(message)
        self.expected = expected


class ForbiddenError(CommError):
    """What was asked for is there, and whoever asked may not do it."""


class AuthenticationError(CommError):
    """A server does not know who asks: no API key was given, or none that is valid (any more)."""


class TooLargeError(CommError):
    """More in one request than a server takes."""


class BusyError(CommError):
    """A server has no time for it now: wait and ask again."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SlowError(BusyError):
    """A request came too slowly to be waited for: send it again."""


class StoreError(RunlakeError):
    """The bytes on disk are not as they should be."""


class TruncatedError(StoreError):
    """The end is not there (yet): wait and read again."""


class CorruptError(StoreError):
    """Bytes changed: stop; the message says where and what is lost."""


class NewerFormatError(StoreError):
    """Written by a newer runlake: upgrade to read it."""


class ReadOnlyError(StoreError):
    """The store cannot be written."""


class NotSupportedError(RunlakeError):
    """Known, named, and not there (yet)."""


class RunlakeWarning(UserWarning):
    """Something worth knowing that stops nothing."""


class UnreadableRunWarning(RunlakeWarning):
    """A run cannot be read: what was asked for is answered without it, or with what it last was."""


Error = RunlakeError
"""The root by the name that W&B gives it: ``except wandb.errors.Error`` works under either import."""


_kept: ContextVar[list[str] | None] = ContextVar("runlake_warnings_kept", default=None)


@contextmanager
def warnings_kept() -> Iterator[list[str]]:
    """A block within which what would be warned of in this thread is kept in a list: for answers that tell it."""
    kept: list[str] = []
    token = _kept.set(kept)
    try:
        yield kept
    finally:
        _kept.reset(token)


def warn(message: str, category: type[RunlakeWarning] = RunlakeWarning, *, has_prefix: bool = True) -> None:
    """A warning that points to the line of the user's that led here, through whatever calls of ours.

    Without the prefix it does not say whose it is: for what belongs to an answer that the user asked for. Within
    `warnings_kept` it is kept, and shown to nobody.
    """
    kept = _kept.get()
    if kept is not None:
        kept.append(message)
        return
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"runlake: {message}" if has_prefix else message, category, stacklevel=level)
