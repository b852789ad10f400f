"""Bytes on their way into a store, piece by piece: of a file of a run, or of an artifact."""

from __future__ import annotations

from typing import BinaryIO, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

_PIECE_BYTES = 1 << 20


class Incoming(Protocol[T_co]):
    """What comes piece by piece: nobody sees it before `keep`.

    One of `keep` and `discard` ends it; `discard` may also follow a `keep` that failed.
    """

    @property
    def md5(self) -> str:
        """Of what was written so far, in base64."""
        ...

    def write(self, piece: bytes) -> None:
        """The next bytes. ReadOnlyError when the store cannot be written."""
        ...

    def keep(self) -> T_co:
        """Put it in its place, in one step. PathError for a file whose name is by then that of a folder."""
        ...

    def discard(self) -> None:
        """Leave nothing of it."""
        ...


def keep_whole(content: BinaryIO, incoming: Incoming[T]) -> T:
    """Keep all that comes from a stream, or nothing of it."""
    try:
        while piece := content.read(_PIECE_BYTES):
            incoming.write(piece)
        return incoming.keep()
    except BaseException:
        incoming.discard()
        raise
