"""A store on PostgreSQL and a bucket: what changes is in the database, what does not is in objects.

`store.store` says what each method does. Any number of processes use one such store at once, none of which keeps
anything that others would miss.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, partial
from pathlib import Path

from runlake.artifact_model import UploadWay
from runlake.errors import StoreError
from runlake.model import RunPath
from runlake.store.changes import Action
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.changes import PostgresChanges
from runlake.store.cluster.contents import BucketContents
from runlake.store.cluster.counts import Counts
from runlake.store.cluster.database import Database
from runlake.store.cluster.files import ClusterFiles
from runlake.store.cluster.grants import PostgresGrants
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.listing_states import ListingStates
from runlake.store.cluster.names import DeletedRun, Names
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.objects import Objects
from runlake.store.cluster.run_states import note_run
from runlake.store.cluster.segments import ClusterSegments, packed_of, segments_of
from runlake.store.cluster.served import PostgresServed
from runlake.store.cluster.tree import PostgresTree
from runlake.store.journal.shipped import Shipped
from runlake.store.layout import Layout
from runlake.store.noting import append_change
from runlake.store.run.state import read_run

_WRITER = "trash"
_SHARES_FILES = "select 1 from segments where run_no = %(run_no)s and packed_in is not null limit 1"


class ClusterLayout(Layout):
    """Where the small files of a store lie in its tree. A project that has some is one, be it without runs."""

    def __init__(self, names: Names, tree: PostgresTree) -> None:
        super().__init__(Path("/"), tree)
        self.tree: PostgresTree = tree
        self._names = names

    def make_project_dir(self, entity: str, project: str) -> None:
        super().make_project_dir(entity, project)
        self._names.make_project(entity, project)


class ClusterStore:
    """One store. Threads may share it. The bucket must be there; `create` makes the tables.

    `on_ended` is told of each run that ended here; whoever seals finds the others by themselves. `upload_way` is how
    contents of artifacts may come.
    """

    def __init__(
        self,
        database: Database,
        bucket: Bucket,
        cache: ObjectCache,
        *,
        on_ended: Callable[[RunPath], None] = lambda path: None,
        upload_way: UploadWay = "server",
    ) -> None:
        self._upload_way: UploadWay = upload_way
        self.database, self.bucket, self._cache, self.seal_soon = database, bucket, cache, on_ended
        self.names = names = Names(database)
        self._layout = ClusterLayout(names, PostgresTree(database))
        self.entities, self.projects, self.run_ids = names.entities, names.projects, names.run_ids
        self.has_project, self.project_made_at = names.has_project, names.project_made_at
        self.has_run, self.has_content = names.has_run, names.has_content
        self.claim_incarnation, self.read_claim = names.claim_incarnation, names.read_claim

    @property
    def url(self) -> str:
        """The address of the database, without credentials, and that of the bucket."""
        return f"postgresql://{self.database.name} with {self.bucket.url}"

    @property
    def counts(self) -> Counts:
        """What this process did with the store; `cache_counts` is what it found on its disk."""
        return self.database.counts

    @property
    def cache_counts(self) -> Counts:
        return self._cache.counts

    @property
    def layout(self) -> ClusterLayout:
        return self._layout

    def check_format(self) -> None:
        self.database.check_version()

    def create(self) -> None:
        self.database.migrate()

    def close(self) -> None:
        """Let go of the connections; files of the cache stay."""
        self._cache.close()
        self.database.close()

    def make_project(self, entity: str, project: str) -> None:
        self._layout.make_project_dir(entity, project)

    def make_run(self, path: RunPath) -> None:
        with self.database.transaction():
            self.names.make_run(path)
            self._layout.tree.make_folder(self._layout.run_dir(path))

    def delete_run(self, path: RunPath, name: str | None = None) -> None:
        """Put a run called `name` into the trash, in one step. NotFoundError when it is gone already."""
        with self.database.transaction():
            deleted = self.names.delete(path, name=name)
            if self._layout.tree.has_folder(self._layout.run_dir(path)):
                self._layout.tree.make_folder(self._layout.trash_dir)
                self._layout.tree.move(self._layout.run_dir(path), self._place_in_trash(deleted.run_no))
            self._note(path, deleted, is_delete=True)

    def restore_run(self, deleted: DeletedRun, path: RunPath | None = None) -> RunPath:
        """Bring a run back from the trash, to where it was or to `path`. Errors as `Names.restore` has them.

        StoreError for another project than the one with whose runs it shares files.
        """
        with self.database.transaction():
            here, there = deleted.path[:2], (path or deleted.path)[:2]
            if here != there and self.database.read(_SHARES_FILES, {"run_no": deleted.run_no}):
                said = f"the rows of run {deleted.path} lie in the merged files of {'/'.join(here)}; restore it there"
                raise StoreError(said)
            path = self.names.restore(deleted.run_no, path)
            self.make_project(path.entity, path.project)
            place = self._place_in_trash(deleted.run_no)
            if self._layout.tree.has_folder(place):
                self._layout.tree.make_folder(self._layout.run_dir(path).parent)
                self._layout.tree.move(place, self._layout.run_dir(path))
            self._note(path, deleted, is_delete=False)
            return path

    def purge_run(self, deleted: DeletedRun) -> None:
        """Remove a run from the trash for good; its objects are garbage from then on."""
        with self.database.transaction():
            Objects(self.database, self.bucket).bury(self.names.purge(deleted.run_no))
            self._layout.tree.remove_tree(self._place_in_trash(deleted.run_no))

    def note_run(self, path: RunPath) -> bool:
        """Note how a sealed run reads, for those who list many; False where some of it is unsealed, or it moved."""
        return note_run(self.database, path, partial(read_run, self))

    def _note(self, path: RunPath, deleted: DeletedRun, *, is_delete: bool) -> None:
        if deleted.incarnation is not None:
            before = self.changes(path.entity, path.project).latest_death(deleted.incarnation)
            after_us = before.at_us if before else 0
            action: Action = "delete" if is_delete else "undelete"
            append_change(self, path, _WRITER, action, deleted.incarnation, after_us=after_us)

    def _place_in_trash(self, run_no: int) -> Path:
        return self._layout.trash_dir / f"run-{run_no}"

    def journal(self, path: RunPath) -> PostgresJournal:
        return PostgresJournal(self.database, path)

    def segments(self, path: RunPath) -> ClusterSegments:
        return segments_of(self.database, self.bucket, self._cache, path)

    def packed(self, entity: str, project: str) -> ClusterSegments:
        return packed_of(self.database, self.bucket, self._cache, entity, project)

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

    @cached_property
    def listing_states(self) -> ListingStates:
        """Listings as any replica has shown them."""
        return ListingStates(self.database, self.bucket, self._cache)

    @cached_property
    def contents(self) -> BucketContents:
        """The contents of artifacts."""
        return BucketContents(self.database, self.bucket, self._cache, upload_way=self._upload_way)
