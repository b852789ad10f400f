"""A store on PostgreSQL and a bucket: what changes is in the database, what does not is in objects.

`store.store` says what each method does. Any number of processes use one such store at once, none of which keeps
anything that others would miss.
"""

from __future__ import annotations

from functools import cached_property

from runlake.model import RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.changes import PostgresChanges
from runlake.store.cluster.database import Database
from runlake.store.cluster.files import ClusterFiles
from runlake.store.cluster.grants import PostgresGrants
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.names import Names, live_run
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.segments import ClusterSegments
from runlake.store.cluster.served import PostgresServed
from runlake.store.journal.shipped import Shipped
from runlake.store.segment.memory import MemorySegments


class ClusterStore:
    """One store. Threads may share it. The tables are made by `create`, and the bucket must be there."""

    def __init__(self, database: Database, bucket: Bucket, cache: ObjectCache) -> None:
        self.database, self.bucket, self._cache = database, bucket, cache
        self.names = Names(database)

    @property
    def url(self) -> str:
        """``postgresql://<host>/<database>`` and the bucket, without credentials."""
        return f"postgresql://{self.database.name} with {self.bucket.url}"

    def check_format(self) -> None:
        self.database.check_version()

    def create(self) -> None:
        self.database.migrate()

    def entities(self) -> list[str]:
        return self.names.entities()

    def projects(self, entity: str) -> list[str]:
        return self.names.projects(entity)

    def has_project(self, entity: str, project: str) -> bool:
        return self.names.project_made_at(entity, project) is not None

    def project_made_at(self, entity: str, project: str) -> float:
        made_at = self.names.project_made_at(entity, project)
        if made_at is None:
            raise FileNotFoundError(f"there is no project {entity}/{project}")
        return made_at

    def make_project(self, entity: str, project: str) -> None:
        self.names.make_project(entity, project)

    def run_ids(self, entity: str, project: str) -> list[str]:
        return self.names.run_ids(entity, project)

    def has_run(self, path: RunPath) -> bool:
        return live_run(self.database, path) is not None

    def has_content(self, path: RunPath) -> bool:
        return self.names.has_content(path)

    def make_run(self, path: RunPath) -> None:
        self.names.make_run(path)

    def claim_incarnation(self, path: RunPath, candidate: str) -> str:
        return self.names.claim_incarnation(path, candidate)

    def read_claim(self, path: RunPath) -> str | None:
        return self.names.read_claim(path)

    def journal(self, path: RunPath) -> PostgresJournal:
        return PostgresJournal(self.database, path)

    def segments(self, path: RunPath) -> ClusterSegments:
        return ClusterSegments(self.database, self.bucket, self._cache, path)

    def packed(self, entity: str, project: str) -> MemorySegments:
        # Runs share no files here: objects are read by ranges, and a listing is made from columns.
        return MemorySegments()

    def served(self, path: RunPath) -> PostgresServed:
        return PostgresServed(self.database, path)

    def shipped(self, path: RunPath) -> Shipped | None:
        return None

    def changes(self, entity: str, project: str) -> PostgresChanges:
        return PostgresChanges(self.database, entity, project)

    @property
    def grants(self) -> PostgresGrants:
        return PostgresGrants(self.database)

    @cached_property
    def files(self) -> ClusterFiles:
        return ClusterFiles(self.database, self.bucket, self._cache)

    def seal_soon(self, path: RunPath) -> None:
        """Nothing: the sealers of all processes look for closed parts (`store.cluster.sealer`)."""
