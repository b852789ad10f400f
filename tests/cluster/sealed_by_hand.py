"""Segments made step by step, as a sealer makes them, and by a process that is killed at one of the steps.

As a program: ``python sealed_by_hand.py DATABASE SCHEMA BUCKET FOLDER ENTITY PROJECT RUN_ID`` says each step when it is
done, and does the next when it is sent a line.
"""

import sys
from pathlib import Path

from runlake.model import RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.segments import segments_of
from runlake.store.journal.fold import WriterState
from runlake.store.journal.header import PartHeader
from runlake.store.segment.meta import new_meta
from runlake.store.segment.publish import publish_meta, put_rows
from stored import RUN, rows_as_written

FIRST, SECOND, BOTH = "0a" * 12, "0b" * 12, "0c" * 12
"""Names of segments."""


def put_files(segments, folder, name=FIRST, covers=(), supersedes=(), rows=({"loss": 1.0}, {"loss": 0.5})):
    """The first step: its files. Answers the meta file that would publish it."""
    header = PartHeader({"writer": "w", "incarnation": "i", "generation": "g", "role": "run"})
    meta = new_meta(name, "i", "g", covers=covers, supersedes=supersedes, writers=[WriterState("w", header)])
    folder.mkdir(exist_ok=True)
    put_rows(segments, RUN, meta, "history", [rows_as_written(folder, list(rows))])
    return meta


def seal(segments, folder, *arguments, **others):
    """All steps but that its inputs go."""
    meta = put_files(segments, folder, *arguments, **others)
    publish_meta(segments, meta)
    return meta


def main(url, schema, bucket_url, folder, *path):
    database, cache = Database(url, schema=schema), ObjectCache(Path(folder, "objects"), 1 << 28)
    segments = segments_of(database, Bucket(bucket_url), cache, RunPath(*path))
    print("began", flush=True)
    sys.stdin.readline()
    meta = put_files(segments, Path(folder, "rows"), covers=[("w", 0)])
    print("put", flush=True)
    sys.stdin.readline()
    publish_meta(segments, meta)
    print("published", flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main(*sys.argv[1:])
