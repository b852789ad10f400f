"""A mirror that has written a round and not committed it: it says so, and goes on when it is sent a line.

``python mirrored_by_hand.py DATABASE SCHEMA BUCKET LAKE FOLDER``
"""

import sys
from pathlib import Path

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.lake.catalog import LakeCatalog
from runlake.store.lake.mirror import LakeMirror


def main(url, schema, bucket_url, lake, folder):
    cache = ObjectCache(Path(folder, "objects"), 1 << 28)
    store = ClusterStore(Database(url, schema=schema), Bucket(bucket_url), cache)
    with store.database.transaction():
        assert LakeMirror(store, LakeCatalog(store.database, store.bucket, lake)).round() is not None
        print("written", flush=True)
        sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
