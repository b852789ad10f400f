"""What cannot be read at the source, told apart from what cannot be written at the target.

The one leaves something out, and the manifest says so; the other ends the export, which goes on later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from runlake.errors import NotFoundError, StoreError


class UnreadableError(Exception):
    """Something of a run or of an artifact cannot be had; the message says why."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Translate the errors of the source within the block; `what` is read there."""
    try:
        yield
    except NotFoundError:
        raise UnreadableError(f"{what} is missing: it was deleted while it was exported") from None
    except StoreError as error:
        raise UnreadableError(f"{what} cannot be read: {error}") from error


class GuardedStream:
    """A stream of the source; closing it is up to whoever opened it."""

    def __init__(self, source: BinaryIO, what: str) -> None:
        self._source, self._what = source, what

    def read(self, size: int, /) -> bytes:
        """The next bytes. `UnreadableError` when there are none any more that should be there."""
        with reading(self._what):
            return self._source.read(size)


@contextmanager
def opened(open_source: Callable[[], BinaryIO], what: str) -> Iterator[GuardedStream]:
    """A stream of the source within the block."""
    with reading(what):
        source = open_source()
    with source:
        yield GuardedStream(source, what)
