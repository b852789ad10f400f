"""Places that cannot be written, told as what could not be done there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from runlake.errors import ReadOnlyError
from runlake.store.disk import READ_ONLY_ERRNOS


@contextmanager
def unless_read_only(what_cannot_be: str) -> Iterator[None]:
    """ReadOnlyError where the system refuses a write for good; other errors of the system pass as they are."""
    try:
        yield
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(f"{what_cannot_be}, because it cannot be written: {error}") from error
