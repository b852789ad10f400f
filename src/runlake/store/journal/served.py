"""The writers of a run that a server feeds: their process is elsewhere, and any worker may write what it sends.

`ServedWriters` is what must be kept of them, wherever that is: `store.journal.served_files` keeps it beside
their parts. Three things hang on it:

- a turn is alone with a writer's parts: a request and its retry may run in two workers at once;
- a turn is a sign of life: no process holds the parts themselves (`Journal.last_write_at`);
- the newest writer of a run that goes on is found by whoever of the server's workers is asked next.

What is sealed is dropped, but this stays: a client that sends its last request once more is told that all of it is
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec

from runlake.errors import NotFoundError
from runlake.ready import ready
from runlake.store.journal.header import PartHeader, part_header_of
from runlake.store.journal.journal import PartName


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of a writer: the header of its parts, and what a client needs to go on.

    `client` tells the processes of one run apart that write side by side; None for the only one. `base` are the
    numbers of lines that the run had of each stream before, as that client counts. `ended` are the writer's rows of
    each stream once it has ended, after which its parts may be gone. `user` is who sends the writer's journal, where a
    server knows that and it may name nobody else.
    """

    header: PartHeader
    client: str | None = None
    base: dict[str, int] = {}
    ended: dict[str, int] | None = None
    user: str | None = None


class ServedWriters(Protocol):
    """The writers of one run that a server feeds. Any number of processes use it at once."""

    def mark(self, writer: str, served: Served) -> None:
        """Say that a writer is fed by a server, or say it anew. FileNotFoundError when the run is gone."""
        ...

    def read(self, writer: str) -> Served | None:
        """What was said of a writer, None when it is not fed by a server."""
        ...

    def list(self) -> list[str]:
        """The writers, oldest first."""
        ...

    @property
    def appends_at_once(self) -> bool:
        """Whether `append_at_once` is worth a try."""
        ...

    def append_at_once(
        self, name: PartName, data: bytes, end: int, said: bytes | None = None
    ) -> Sequence[tuple[PartName, int]] | None:
        """A turn that appends `data` to a part of `end` bytes and keeps what was `said`, in one step.

        Answers the other parts of the run, as `Journal.list_parts` would. None where nothing was done, and only a turn
        tells why: the part has another end, or is sealed, or the run is gone.
        """
        ...

    def turn(self, writer: str) -> AbstractContextManager[Served]:
        """Alone with a writer and its parts, as long as the block lasts; it counts as a sign of life.

        NotFoundError when the run is gone. Where a store can do that, all that the block does is kept together at its
        end or, when it fails, not at all.
        """
        ...

    def read_said(self, writer: str) -> bytes:
        """What `keep_said` kept, empty when there is nothing. Derived: it may be lost."""
        ...

    def keep_said(self, writer: str, content: bytes) -> None:
        """Keep what a client said last, within its turn. OSError of the disk."""
        ...


def encode_served(served: Served) -> bytes:
    """As JSON."""
    return msgspec.json.encode(served, enc_hook=lambda header: header.body)


def decode_served(content: bytes) -> Served:
    """The inverse of `encode_served`."""
    return msgspec.json.decode(content, type=ready(Served), dec_hook=part_header_of)


def gone(writer: str) -> NotFoundError:
    """What to raise for a writer whose run is not there any more."""
    return NotFoundError(
        f"the run of writer {writer} is not here any more: it was deleted, or is called otherwise now; start it anew "
        "under another id"
    )
