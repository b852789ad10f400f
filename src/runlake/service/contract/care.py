"""The verbs of a store's care: sealed, packed, checked, mended, emptied, merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from runlake.model import Finding, Garbage, Merged, Repair, RunPath, TrashItem


class CareVerbs(Protocol):
    """What keeps a store small and whole."""

    def seal(self, entity: str, project: str, run_id: str | None = None) -> Iterator[tuple[RunPath, int]]:
        """Turn journals into segments; yields (run, sealed row count) as it goes."""
        ...

    def pack_runs(self, entity: str, project: str, *, at_once: bool = False) -> Iterator[RunPath]:
        """Bring the small finished runs of a project together in files that they share; yields the runs that moved.

        Nothing else changes. Runs that were sealed within a minute, or fewer than 16 of them, are left for later unless
        `at_once`.
        """
        ...

    def check(
        self,
        entity: str | None = None,
        project: str | None = None,
        *,
        report: Callable[[int, int], None] = lambda done, total: None,
    ) -> Iterator[tuple[RunPath, list[Finding]]]:
        """Read every byte of every run; yields each run with what was found wrong in it.

        What is wrong with a project itself comes with an empty run id, with the store itself with an empty path.
        `report` is told how many contents of a project's artifacts were read, and of how many, before its runs are.
        """
        ...

    def repair(
        self,
        entity: str | None = None,
        project: str | None = None,
        run_id: str | None = None,
        *,
        is_dry_run: bool = False,
        force: bool = False,
    ) -> Iterator[tuple[RunPath, list[Repair]]]:
        """Mend what `check` finds, or with `is_dry_run` say what would be done; yields paths as `check` does.

        Every row whose bytes are whole stays, or comes back; what is replaced is kept in the trash. `ConflictError`, at
        the end, of a run into which a process may still be writing; `force` takes that process for gone.
        """
        ...

    def list_trash(self) -> list[TrashItem]:
        """Deleted runs, and what repairs put aside; the last deleted first."""
        ...

    def restore_run(self, run: RunPath | str) -> RunPath:
        """Take a deleted run back, by its path (of several lives the last) or by its name in the trash.

        `NotFoundError` when it is not in the trash, `ConflictError` when there is a run of that id again.
        """
        ...

    def empty_trash(self, *, older_than_s: float, is_dry_run: bool = False) -> Iterator[Garbage]:
        """Remove what was deleted or put aside that long ago, and what killed processes left; yields what went.

        So are a server's exports of runs, where nobody asked for them in that time.
        """
        ...

    def merge_from(
        self, other: Path, *, projects: Sequence[tuple[str, str]] | None = None, is_dry_run: bool = False
    ) -> Iterator[Merged]:
        """Bring everything of the store in the folder `other` into this one.

        Yields each run, sweep and collection of artifacts as it goes. Only some (entity, project) with `projects`. The
        other store is not written to. Two copies of one run (of one incarnation) become their union; another run whose
        id is taken gets `<id>-<beginning of its incarnation>`; what was deleted in either store stays deleted. A sweep
        that went on in both stays as it is here, and so does a collection that is of another type there. Doing it again
        changes nothing more. With `is_dry_run` nothing is done, and the answers say what would be. `NotFoundError` when
        there is no such store or project, `ConflictError` while another process merges into this store. Runs that
        cannot be read do not stop the others; the first of their errors is raised at the end.
        """
        ...
