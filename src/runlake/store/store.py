"""A store as readers and writers of runs need it: what there is, and the seams of each run.

`store.folder_store` is the one in a folder. What else a folder can do (be checked, repaired, merged as files) takes
that one, and says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.store.changes import Changes
    from runlake.store.files import Files
    from runlake.store.grants import Grants
    from runlake.store.journal.journal import Journal
    from runlake.store.journal.served import ServedWriters
    from runlake.store.journal.shipped import Shipped
    from runlake.store.layout import Layout
    from runlake.store.segment.segments import Segments


class Store(Protocol):
    """One store. Threads may share it.

    Names are as users say them. What is asked of a run is asked of the one that has this id at this moment.
    """

    @property
    def url(self) -> str:
        """Where it is, as people are told."""
        ...

    @property
    def layout(self) -> Layout:
        """Where its small files lie: views, sweeps, what is decided of artifacts."""
        ...

    def check_format(self) -> None:
        """NewerFormatError for a store that a newer runlake wrote."""
        ...

    def create(self) -> None:
        """Make it a store, if it is none yet. ReadOnlyError when it cannot be written."""
        ...

    def entities(self) -> list[str]:
        """All entities, sorted."""
        ...

    def projects(self, entity: str) -> list[str]:
        """The entity's projects, sorted."""
        ...

    def has_project(self, entity: str, project: str) -> bool:
        """Whether there is such a project."""
        ...

    def project_made_at(self, entity: str, project: str) -> float:
        """When a project was made or last got a run, in seconds since 1970. FileNotFoundError without one."""
        ...

    def make_project(self, entity: str, project: str) -> None:
        """Make a project, unless there is one. PathError for what cannot be its name, OSError of the disk."""
        ...

    def run_ids(self, entity: str, project: str) -> list[str]:
        """The project's runs, in no order."""
        ...

    def has_run(self, path: RunPath) -> bool:
        """Whether there is a run of that id, be it that nothing was written into it yet."""
        ...

    def has_content(self, path: RunPath) -> bool:
        """Whether anything was written into the run that has this id."""
        ...

    def make_run(self, path: RunPath) -> None:
        """Make room for a run, and its project, unless there is one. OSError of the disk."""
        ...

    def claim_incarnation(self, path: RunPath, candidate: str) -> str:
        """Which life of its id a run is: `candidate` for the first who asks, and what that one said for all others.

        There must be room for the run. FileNotFoundError when it is gone, OSError when nothing can be written.
        """
        ...

    def read_claim(self, path: RunPath) -> str | None:
        """What was claimed; None when nothing was."""
        ...

    def journal(self, path: RunPath) -> Journal:
        """Its parts."""
        ...

    def segments(self, path: RunPath) -> Segments:
        """Its sealed files."""
        ...

    def packed(self, entity: str, project: str) -> Segments:
        """The files that the runs of a project share."""
        ...

    def served(self, path: RunPath) -> ServedWriters:
        """Its writers whose process is elsewhere."""
        ...

    def shipped(self, path: RunPath) -> Shipped | None:
        """How far it has come on its way to a server; None for a run that is not sent anywhere."""
        ...

    def changes(self, entity: str, project: str) -> Changes:
        """Which runs of a project moved."""
        ...

    @property
    def grants(self) -> Grants:
        """What was granted lately to those who open runs from elsewhere."""
        ...

    @property
    def files(self) -> Files:
        """The files of all runs."""
        ...

    def seal_soon(self, path: RunPath) -> None:
        """Have a run that has ended sealed, by somebody else; in a folder not where ``RUNLAKE_SEAL`` is ``off``."""
        ...
