"""What differs from store to store for who packs: how the runs of a project are found, and come to point to a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from runlake.model import RunPath
from runlake.store.compact.pack_plan import Survey
from runlake.store.compact.packed_file import PackedRun, PackList
from runlake.store.segment.segments import Segments
from runlake.store.store import Store


class PackPlace(Protocol):
    """One project of a store, and the files that its runs share."""

    @property
    def name(self) -> str:
        """How people know the project."""
        ...

    @property
    def store(self) -> Store: ...

    @property
    def shared(self) -> Segments:
        """The packed files; who packs is alone with them, as far as that can be had."""
        ...

    def has_begun(self) -> bool:
        """Whether anybody has packed here."""
        ...

    def survey(self, *, quiet_s: float) -> Survey:
        """Look at the runs that may have to be packed; those that moved within `quiet_s` wait."""
        ...

    def point(self, packed: PackList, runs: Sequence[tuple[RunPath, PackedRun]]) -> Iterator[RunPath]:
        """Let runs point to their rows in a packed file, in the place of what they pointed to; yields those that do.

        Left out are those that are not any more what went into that file. A reader sees each row once, wherever this is
        killed.
        """
        ...

    def note(self, found: Survey) -> None:
        """Nothing is left to be done for what was looked at, but for the runs that wait."""
        ...

    def remove_unused(self, *, grace_s: float) -> None:
        """Remove the packed files to which no run points, deleted ones that can be restored included, and has not for
        so long."""
        ...
