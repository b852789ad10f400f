"""What a store on PostgreSQL and a bucket is made of, for tests: tables that all share, a bucket, a cache."""

import itertools
import os
from collections import Counter
from typing import NamedTuple

from runlake.model import RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.files import ClusterFiles
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.names import Names
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.segments import packed_of, segments_of
from runlake.store.segment.meta import read_meta

_COUNT = itertools.count()


class Cluster(NamedTuple):
    database: Database
    bucket: Bucket
    cache: ObjectCache

    def make_run(self, run_id="r"):
        """A run of an entity that no other test has."""
        return self.make_anew(RunPath(f"c{os.getpid()}-{next(_COUNT)}", "p", run_id))

    def make_anew(self, path):
        """A run without anything in it, in the place of the one that has this path."""
        names = Names(self.database)
        if names.read_claim(path) is not None:
            names.delete(path)
        names.make_run(path)
        names.claim_incarnation(path, f"life-{next(_COUNT)}-of-{path.run_id}")
        return path

    def journal(self, path):
        return PostgresJournal(self.database, path)

    def segments(self, path):
        return segments_of(self.database, self.bucket, self.cache, path)

    def packed(self, path):
        return packed_of(self.database, self.bucket, self.cache, path.entity, path.project)

    def files(self):
        return ClusterFiles(self.database, self.bucket, self.cache)

    def states(self, path):
        """The objects of a run by their keys: how they stand."""
        statement = """
            select key, state from objects join runs using (run_no) join projects using (project_no)
            where entity = %(entity)s and name = %(project)s and run_id = %(run_id)s
        """
        return dict(self.database.read(statement, path._asdict()))

    def keys(self):
        """What lies in the bucket."""
        return sorted(info.key for info in self.bucket.list())


def parts_in_two_segments(store, path):
    """Readers of ours would take them once, and engines that read the files would not."""
    segments = store.segments(path)
    metas = [read_meta(segments, name) for name in segments.list_names()]
    replaced = {name for meta in metas for name in meta.supersedes}
    counts = Counter(tuple(part) for meta in metas if meta.name not in replaced for part in meta.covers)
    return sorted(part for part, count in counts.items() if count > 1)
