"""Whose segments they are, a run's or a project's, and where their rows stand."""

from __future__ import annotations

from typing import Protocol

from runlake.model import RunPath
from runlake.store.cluster.database import Database
from runlake.store.cluster.names import PROJECT, live_run, project_keys
from runlake.store.cluster.text import from_text
from runlake.store.layout import encode_name


class Place(Protocol):
    """The owner of some segments."""

    @property
    def small(self) -> str:
        """The table of small files."""
        ...

    @property
    def files(self) -> str:
        """The table of the files that are objects."""
        ...

    @property
    def owners(self) -> str:
        """The table of the owners, and `owner` is what all these tables call its number."""
        ...

    @property
    def owner(self) -> str: ...

    @property
    def is_there(self) -> str:
        """What holds of the owner's row as long as it is not deleted."""
        ...

    @property
    def name(self) -> str:
        """What the leases of its sealers are called after."""
        ...

    def find(self) -> int | None:
        """The number of the owner that is there at this moment."""
        ...

    def stem_of_keys(self, number: int) -> str:
        """How the keys of its objects begin. FileNotFoundError when it is gone."""
        ...


class RunPlace:
    """The segments of one run."""

    small, files, owners, owner = "segments", "segment_files", "runs", "run_no"
    is_there = "runs.deleted_at is null"

    def __init__(self, database: Database, path: RunPath) -> None:
        self._database, self._path = database, path
        self.name = "sealing/" + "/".join(map(encode_name, path))

    def find(self) -> int | None:
        return live_run(self._database, self._path)

    def stem_of_keys(self, number: int, folder: str = "segments") -> str:
        rows = self._database.read("select incarnation from runs where run_no = %(n)s", {"n": number})
        life = rows[0][0] if rows and rows[0][0] is not None else "unclaimed"
        # Copies of a run have its life, and stores that share a bucket have the same numbers.
        return f"{folder}/{encode_name(from_text(life))}/{number}-"


class ProjectPlace:
    """The files that the runs of a project share."""

    small, files, owners, owner = "shared_segments", "shared_segment_files", "projects", "project_no"
    is_there = "true"

    def __init__(self, database: Database, entity: str, project: str) -> None:
        self._database = database
        self._keys = project_keys(entity, project)
        self.name = "merging/" + "/".join(self._keys.values())

    def find(self) -> int | None:
        statement = PROJECT
        rows = self._database.read(statement, self._keys)
        return rows[0][0] if rows else None

    def stem_of_keys(self, number: int) -> str:
        return f"merged/{'/'.join(self._keys.values())}/{number}-"
