"""A packer step by step: it says each run that points to a packed file, and goes on when it is sent a line.

``python packed_by_hand.py DATABASE SCHEMA BUCKET FOLDER``
"""

import sys
from pathlib import Path

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.packing import ClusterPacking
from runlake.store.cluster.store import ClusterStore
from runlake.store.compact.pack import AT_ONCE, pack_runs


def main(url, schema, bucket_url, folder):
    cache = ObjectCache(Path(folder, "objects"), 1 << 28)
    store = ClusterStore(Database(url, schema=schema), Bucket(bucket_url), cache)
    for path in pack_runs(ClusterPacking(store, "ann", "p"), AT_ONCE):
        print(path, flush=True)
        sys.stdin.readline()
    print("done", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
