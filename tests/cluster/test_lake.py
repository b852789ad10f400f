"""A DuckLake catalog says at every snapshot exactly which rows count, whatever became of runs and files meanwhile."""

import pytest
from lake_reader import LakeReader

from runlake.model import STREAMS, RunPath
from runlake.query.rows.scan import read_history

from runlake.store.cluster.packing import ClusterPacking
from runlake.store.compact.seal import seal_run
from runlake.store.lake.catalog import LakeCatalog
from runlake.store.lake.mirror import LakeMirror
from stored import Writer, as_dicts

PATHS = [RunPath("ann", "p", f"r{number}") for number in range(4)]


def write(store, path, number=0, row_count=6, **options):
    writer = Writer(store, path=path, at_s=number * 100.0, rows_per_part=4, **options)
    for i in range(row_count):
        writer.log({"loss": number + i / 8, "count": i, **({"text": f"{i}"} if i % 3 else {}), "ok": i % 2 == 0})
    writer.log({"line": 0, "text": f"hello {number}"}, stream="console").end()
    seal_run(store, path)


@pytest.fixture
def new_mirror(store):
    """Makes mirrors as processes have them; the schema is gone at the end."""
    schema = f"lake_{store.database.schema}"
    yield lambda: LakeMirror(store, LakeCatalog(store.database, store.bucket, schema))
    store.database.write(f"drop schema if exists {schema} cascade")


@pytest.fixture
def mirror(new_mirror):
    return new_mirror()


@pytest.fixture
def lake(store, mirror, shared_database_url):
    return LakeReader(shared_database_url, mirror.catalog.schema, store.bucket)


def counting(store, stream="history", entity="ann", project="p"):
    """What the store says itself, as `LakeReader.rows`."""
    found = []
    for run_id in store.run_ids(entity, project):
        for row in as_dicts(read_history(store, RunPath(entity, project, run_id), stream=stream)):
            step = row.pop("_step")
            found += [(run_id, step, key, value) for key, value in row.items()]
    return sorted(found, key=str)


def is_same(store, lake):
    return all(lake.rows(stream) == counting(store, stream) for stream in STREAMS)


def test_the_rows_of_sealed_runs_are_there(store, mirror, lake):
    for number, path in enumerate(PATHS):
        write(store, path, number)
    mirror.round()
    assert lake.rows() == counting(store)
    assert len(lake.rows()) == 4 * (6 * 3 + 4)
    assert is_same(store, lake)
