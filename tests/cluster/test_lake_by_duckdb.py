"""DuckDB's own extension reads the mirror: it finds what the store says, at every snapshot, and can change nothing."""

import os
import re
import subprocess

import pytest
from ducklake_duckdb import DuckDbError, attached
from lake_reader import as_rows
from lake_runs import PATHS, counting, one_file, write
from peer_seats import TIMEOUT_S, peer_python

from engines_page import MEANS, means_in, texts_under, train_two
from runlake.model import STREAMS, RunPath
from runlake.service.cluster.mirror import Mirror
from runlake.store.cluster.packing import ClusterPacking
from runlake.store.compact.pack import AT_ONCE, pack_runs
from runlake.store.compact.seal import seal_run
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from stored import Writer
from waiting import wait_until

pytestmark = pytest.mark.integration

COLUMNS = "run_id, step, key, n, step, f64, i64, bool, str, lane"


@pytest.fixture
def reader_url(store, mirror, postgres_server, shared_database_url):
    """The database as those reach it who may only read the mirror: with the role that the guide makes."""
    mirror.round()
    role = f"reads_{store.database.schema}"
    (statements,) = texts_under("DuckLake", "sql")
    statements = statements.replace("SCHEMA lake", f"SCHEMA {mirror.catalog.schema}").replace("lake_reader", role)
    for statement in statements.strip().rstrip(";").split(";"):
        store.database.write(statement)
    yield shared_database_url.replace("tests@", f"{role}:secret@")
    store.database.write(f"drop owned by {role}")
    store.database.write(f"drop role {role}")


@pytest.fixture
def duckdb(reader_url, mirror, s3_server):
    with attached(reader_url, mirror.catalog.schema, s3_server, "READ_ONLY") as reader:
        yield reader


def rows(duckdb, stream="history", at=""):
    return as_rows(duckdb.ask(f"select {COLUMNS} from lake.{stream} {at}"))


def is_same(store, duckdb):
    return all(rows(duckdb, stream) == counting(store, stream) for stream in STREAMS)


def test_duckdb_finds_what_the_store_says_whatever_becomes_of_the_runs(store, mirror, duckdb):
    seen = []

    def look():
        mirror.round()
        assert is_same(store, duckdb)
        ((snapshot,),) = duckdb.ask("select max(snapshot_id) from lake.snapshots()")
        seen.append((snapshot, rows(duckdb)))

    look()
    for number, path in enumerate(PATHS):
        write(store, path, number)
    look()
    later = Writer(store, path=PATHS[0], at_s=900.0, resume="must").log({"loss": 7.0, "new": {"a": [1, None]}})
    mirror.round()
    assert len(rows(duckdb)) == len(seen[-1][1])  # what is not sealed is not there yet
    later.end()
    seal_run(store, PATHS[0])
    look()
    for _ in one_file(store):
        look()
    store.delete_run(PATHS[1])
    look()
    anew = Writer(store, path=PATHS[2], at_s=1900.0)
    look()
    anew.log({"loss": -1.0}).end()
    seal_run(store, PATHS[2])
    look()
    opened = open_run(store, PATHS[3], {}, rewind_to=2, inspector=IN_PROCESS)
    opened.writer.log({"loss": 70.0}, step=opened.next_step, timestamp=1.0, runtime=0.0)
    opened.writer.end({})
    seal_run(store, PATHS[3])
    look()
    store.restore_run(store.names.list_deleted()[0], RunPath("ann", "p", "back"))
    look()
    list(pack_runs(ClusterPacking(store, "ann", "p"), AT_ONCE))
    look()
    for snapshot, found in seen:
        assert rows(duckdb, at=f"at (version => {snapshot})") == found
    mirror.catalog.expire(kept_s=0.0)
    assert is_same(store, duckdb)


def test_files_of_other_runs_and_keys_are_not_opened(store, mirror, duckdb):
    for number, path in enumerate(PATHS):
        write(store, path, number)
    mirror.round()
    for condition, file_count in (("run_id = 'r1'", 1), ("key = 'zzz'", 0), ("key = 'loss'", 4), ("step > 5", 0)):
        ((_, plan),) = duckdb.ask(f"explain analyze select sum(f64) from lake.history where {condition}")
        assert sum(map(int, re.findall(r"Total Files Read: (\d+)", plan))) == file_count


def test_who_reads_can_change_nothing(store, mirror, reader_url, s3_server):
    for number, path in enumerate(PATHS):
        write(store, path, number)
    mirror.round()
    before = counting(store)
    with attached(reader_url, mirror.catalog.schema, s3_server) as duckdb:
        for statement in (
            "insert into lake.runs values ('a', 'b', 'c', 'd', true, true, 1)",
            "delete from lake.history_values",
            "drop view lake.history",
            "create table lake.mine (x integer)",
            "call ducklake_expire_snapshots('lake', older_than => now())",
            "call ducklake_merge_adjacent_files('lake')",
        ):
            with pytest.raises(DuckDbError):
                duckdb.ask(statement)
        # Files that nobody knows of are looked for in a folder where there are none.
        assert duckdb.ask("call ducklake_delete_orphaned_files('lake', cleanup_all => true)") == []
        assert rows(duckdb) == before
    assert (counting(store), mirror.round()) == (before, None)


def test_replicas_mirror_and_duckdb_follows(store, new_store, mirror, duckdb):
    replicas = [Mirror(new_store(), mirror.catalog.schema, every_s=0.05) for _ in range(2)]
    try:
        for number, path in enumerate(PATHS):
            write(store, path, number)
        wait_until(lambda: len(duckdb.ask("from lake.runs where is_whole")) == 4)
        assert is_same(store, duckdb)
    finally:
        for replica in replicas:
            replica.close()


def test_the_program_of_the_guide_answers_what_was_logged(store, mirror, reader_url, s3_server, tmp_path):
    train_two(store)
    for run_id in MEANS:
        seal_run(store, RunPath("ann", "digits", run_id))
    mirror.round()
    program = texts_under("DuckLake", "python")[0].replace(
        "METADATA_SCHEMA 'lake'", f"METADATA_SCHEMA '{mirror.catalog.schema}'"
    )
    program = re.sub(r"postgresql://lake_reader:\S+/runlake", reader_url, program)
    program = re.sub("INSTALL (\\w+)", lambda match: f"INSTALL '{extension(match[1])}'", program)
    variables = {**s3_server.environment("reads"), "PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    command = [peer_python("ducklake"), "-c", program]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert means_in(done.stdout) == MEANS


def extension(name):
    """Where pip put an extension that is downloaded elsewhere."""
    packages = next((peer_python("ducklake").parent.parent / "lib").glob("python*/site-packages"))
    (file,) = packages.glob(f"duckdb_extension_{'postgres_scanner' if name == 'postgres' else name}/extensions/*/*")
    return file
