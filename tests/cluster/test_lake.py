"""A DuckLake catalog says at every snapshot exactly which rows count, whatever became of runs and files meanwhile."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from lake_runs import PATHS, counting, one_file, write

import warm
from runlake.errors import BadValueError, ConflictError, NewerFormatError
from runlake.model import STREAMS, RunPath
from runlake.service.cluster.mirror import Mirror
from runlake.service.cluster.numbers import ClusterNumbers
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.packing import ClusterPacking
from runlake.store.compact.pack import AT_ONCE, pack_runs
from runlake.store.compact.seal import seal_run
from runlake.store.lake.catalog import LakeCatalog
from runlake.store.lake.format import PARTS, RUN_PARTS, RUNS, VALUES
from runlake.store.lake.mirror import LakeMirror
from runlake.store.lake.moved import find_lag
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from stored import Writer
from waiting import wait_until

HERE = Path(__file__).parent


def is_same(store, lake):
    return all(lake.rows(stream) == counting(store, stream) for stream in STREAMS)


@pytest.fixture
def mirrored(store, mirror):
    """Four sealed runs, and a mirror that has them."""
    for number, path in enumerate(PATHS):
        write(store, path, number)
    mirror.round()
    return store


def test_the_rows_of_sealed_runs_are_there(mirrored, lake):
    assert is_same(mirrored, lake)
    assert len(lake.rows()) == 4 * (6 * 3 + 4)
    assert [row[:3] + row[4:] for row in lake.inlined(RUNS)] == [("ann", "p", f"r{n}", True, True) for n in range(4)]
    assert lake.snapshots() == [0, 1, 2]
    assert lake.changes() == ["inserted_into_table:1", "inserted_into_table:3", "inlined_insert:7"]


@pytest.mark.slow
def test_nothing_is_written_when_nothing_moved(mirrored, mirror, lake):
    tables = lake.ask("select tablename from pg_tables where schemaname = %(s)s", s=mirror.catalog.schema)
    before = {
        table: lake.ask(f"select xmin::text, ctid::text from {table}") for row in tables for table in row.values()
    }
    assert (mirror.round(), mirror.round()) == (None, None)
    assert {table: lake.ask(f"select xmin::text, ctid::text from {table}") for table in before} == before


@pytest.mark.slow
def test_a_run_that_begins_anew_hides_its_older_rows_as_soon_as_it_has_begun(mirrored, mirror, lake):
    writer = Writer(mirrored, path=PATHS[0], at_s=900.0)
    mirror.round()
    assert {row[0] for row in lake.rows()} == {"r1", "r2", "r3"}
    assert [row[4] for row in lake.inlined(RUNS)] == [False, True, True, True]
    writer.log({"loss": 7.0}).end()
    seal_run(mirrored, PATHS[0])
    mirror.round()
    assert is_same(mirrored, lake)
    assert [row for row in lake.rows() if row[0] == "r0"] == [("r0", 0, "loss", 7.0)]
    assert all(row[4] for row in lake.inlined(RUNS))


@pytest.mark.long
def test_a_part_that_is_empty_and_then_is_not_is_noticed(mirrored, mirror, lake):
    writer = Writer(mirrored, path=PATHS[0], at_s=900.0)
    of_writer = f"sealed_in is null and writer = '{writer.id}'"
    ((end,),) = mirrored.database.read(f"select end_offset from parts where {of_writer}")
    mirrored.database.write(f"update parts set end_offset = 0 where {of_writer}")
    mirror.round()
    assert [row[4] for row in lake.inlined(RUNS)] == [False, True, True, True]
    assert {row[0] for row in lake.rows()} == {"r0", "r1", "r2", "r3"}
    assert mirror.round() is None
    mirrored.database.write(f"update parts set end_offset = {end} where {of_writer}")
    mirror.round()
    assert {row[0] for row in lake.rows()} == {"r1", "r2", "r3"}


@pytest.mark.long
def test_rows_that_come_later_to_a_run_come_to_the_lake(mirrored, mirror, lake):
    writer = Writer(mirrored, path=PATHS[1], at_s=900.0, resume="must").log({"loss": 7.0, "new": {"a": [1, None]}})
    mirror.round()
    assert [row[4] for row in lake.inlined(RUNS)] == [True, False, True, True]
    writer.end()
    seal_run(mirrored, PATHS[1])
    mirror.round()
    assert is_same(mirrored, lake)
    assert all(row[4] for row in lake.inlined(RUNS))


@pytest.mark.slow
def test_deleted_runs_go_and_come_back(mirrored, mirror, lake):
    before = lake.rows()
    mirrored.delete_run(PATHS[2])
    mirror.round()
    assert lake.rows() == counting(mirrored) == [row for row in before if row[0] != "r2"]
    assert len(lake.files(VALUES["history"])) == 3
    (deleted,) = mirrored.names.list_deleted()
    mirrored.restore_run(deleted, RunPath("ann", "other", "back"))
    mirror.round()
    assert is_same(mirrored, lake) is False  # another project has it
    assert [row[:3] for row in lake.inlined(RUNS)][:1] == [("ann", "other", "back")]
    assert [("r2", *row[1:]) for row in lake.rows() if row[0] == "back"] == [row for row in before if row[0] == "r2"]
    (version,) = {snapshot for snapshot in lake.snapshots() if lake.rows(at=snapshot) == before}
    assert version == 2


@pytest.mark.long
def test_packing_changes_files_and_no_rows(mirrored, mirror, lake):
    before = lake.rows()
    assert len(lake.files(VALUES["history"])) == 4
    assert len(list(pack_runs(ClusterPacking(mirrored, "ann", "p"), AT_ONCE))) == 4
    assert mirror.round().snapshot_id == 3
    assert (len(lake.files(VALUES["history"])), lake.rows(), lake.rows(at=2)) == (1, before, before)
    assert is_same(mirrored, lake)
    mirrored.delete_run(PATHS[0])
    mirror.round()
    assert is_same(mirrored, lake)
    assert lake.changes() == ["inlined_delete:7"]


@pytest.mark.slow
def test_at_every_step_of_packing_each_row_is_there_once(mirrored, mirror, lake):
    before = lake.rows()
    points = one_file(mirrored)
    for count, _ in enumerate(points, 1):
        mirror.round()
        assert is_same(mirrored, lake)
        assert [row[5] for row in lake.inlined(RUNS)].count(True) == count
        assert len(lake.inlined(RUN_PARTS)) == 2 * (4 - count)
    assert (lake.rows(), lake.inlined(RUN_PARTS), lake.files(PARTS["history"])) == (before, [], [])


@pytest.mark.long
def test_a_run_that_went_on_while_it_was_packed_is_not_there_twice(mirrored, mirror, lake):
    points = one_file(mirrored)
    Writer(mirrored, path=PATHS[0], at_s=900.0, resume="must").log({"loss": 7.0}).end()
    seal_run(mirrored, PATHS[0])
    assert [*points] == PATHS[1:]
    mirror.round()
    assert is_same(mirrored, lake)
    assert [row[5] for row in lake.inlined(RUNS)] == [False, True, True, True]


@pytest.mark.long
@pytest.mark.parametrize("is_packed", [False, True])
def test_rows_that_a_rewind_took_count_and_those_behind_it_do_not(mirrored, mirror, lake, is_packed):
    if is_packed:
        list(pack_runs(ClusterPacking(mirrored, "ann", "p"), AT_ONCE))
    opened = open_run(mirrored, PATHS[1], {}, rewind_to=2, inspector=IN_PROCESS)
    opened.writer.log({"loss": 70.0}, step=opened.next_step, timestamp=1.0, runtime=0.0)
    opened.writer.end({})
    seal_run(mirrored, PATHS[1])
    mirror.round()
    assert is_same(mirrored, lake)
    assert [row[3] for row in lake.rows() if row[0] == "r1" and row[2] == "loss"] == [1.0, 1.125, 1.25, 70.0]
    mirrored.delete_run(PATHS[1])
    mirror.round()
    assert is_same(mirrored, lake)
    assert (lake.inlined(RUN_PARTS), lake.files(PARTS["history"])) == ([], [])


@pytest.mark.long
def test_two_runs_of_one_generation_both_have_their_rows(mirrored, mirror, lake, new_mirror):
    """As it is with a copy of a run in another project."""
    number = "(select max(run_no) from runs where run_id = 'r0')"
    project = mirrored.names.make_project("ann", "copies")
    copy = f"""
        insert into runs (project_no, run_id, run_key, incarnation, segments_moved_at)
        select {project}, 'copy', 'copy', incarnation, now() from runs where run_no = {number} returning run_no
    """
    ((copied,),) = mirrored.database.write(copy)
    for table, columns in (("segments", "name, meta"), ("segment_files", "file, key, size_bytes")):
        statement = (
            f"insert into {table} (run_no, {columns}) select {copied}, {columns} from {table} where run_no = {number}"
        )
        mirrored.database.write(statement)
    mirror.round()
    expected = sorted([*counting(mirrored), *counting(mirrored, project="copies")], key=str)
    assert lake.rows() == expected
    assert {row[0] for row in expected} == {"copy", "r0", "r1", "r2", "r3"}


@pytest.mark.long
def test_what_is_over_is_forgotten_and_nothing_that_counts(mirrored, mirror, lake):
    list(pack_runs(ClusterPacking(mirrored, "ann", "p"), AT_ONCE))
    mirror.round()
    mirrored.delete_run(PATHS[0])
    mirror.round()
    mirror.catalog.expire()
    assert lake.snapshots() == [0, 1, 2, 3, 4]
    mirror.catalog.expire(kept_s=0.0)
    assert (lake.snapshots(), lake.ask("select * from ducklake_data_file where end_snapshot is not null")) == ([4], [])
    assert is_same(mirrored, lake)
    statistics = lake.ask("select distinct data_file_id from ducklake_file_column_stats")
    assert len(statistics) == len(lake.files(VALUES["history"])) + len(lake.files(VALUES["console"])) == 2


@pytest.mark.slow
def test_no_snapshot_names_an_object_that_is_gone(mirrored, mirror, lake):
    """An object goes when it has been dead for a while, however old the snapshot is."""
    list(pack_runs(ClusterPacking(mirrored, "ann", "p"), AT_ONCE))
    mirror.round()
    mirror.catalog.expire(margin_s=0.0)
    assert lake.snapshots() == [3]
    assert collect(mirrored.database, mirrored.bucket, dead_s=0.0).object_count == 16
    assert is_same(mirrored, lake)


@pytest.mark.slow
def test_of_two_mirrors_that_wrote_at_once_one_did_and_the_other_looks_again(mirrored, mirror, new_mirror, lake):
    other = new_mirror()
    assert other.round() is None
    mirrored.delete_run(PATHS[0])
    moved = mirror.catalog.round_no()
    assert other.round().snapshot_id == 3
    assert mirror.catalog.write(moved, [], []) is None
    assert (mirror.round(), lake.snapshots()) == (None, [0, 1, 2, 3])
    write(mirrored, late := RunPath("ann", "p", "late"), 9)
    assert (mirror.round().snapshot_id, other.round()) == (4, None)
    mirrored.delete_run(late)
    assert (other.round().snapshot_id, mirror.round()) == (5, None)
    assert is_same(mirrored, lake)


@pytest.mark.slow
def test_a_mirror_that_was_killed_in_the_midst_of_a_round_has_not_written_it(
    mirrored, mirror, lake, shared_database_url, s3_server, tmp_path
):
    before = lake.rows()
    mirrored.delete_run(PATHS[0])
    places = [shared_database_url, mirrored.database.schema, mirrored.bucket.url, mirror.catalog.schema, str(tmp_path)]
    environment = {**os.environ, **s3_server.environment(), "PYTHONPATH": str(HERE.parent)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with warm.Popen([sys.executable, str(HERE / "mirrored_by_hand.py"), *places], env=environment, **pipes) as process:
        assert process.stdout.readline() == "written\n"
        assert lake.rows() == before
        process.kill()
    assert (lake.rows(), lake.snapshots()) == (before, [0, 1, 2])
    assert mirror.round().snapshot_id == 3
    assert is_same(mirrored, lake)


@pytest.mark.long
def test_replicas_that_mirror_at_once_and_sleep_past_their_leases_end_with_what_there_is(mirrored, new_store, lake):
    schema = f"lake_{mirrored.database.schema}"
    replicas = [Mirror(new_store(), schema, every_s=0.02, expire_every_s=0.0) for _ in range(3)]
    for number in range(6):
        write(mirrored, RunPath("ann", "p", f"late{number}"), number, row_count=2)
        mirrored.database.write("update leases set until = now()")  # as if who holds one slept
        if number % 2:
            mirrored.delete_run(RunPath("ann", "p", f"late{number - 1}"))
    there = [("late1", True), ("late3", True), ("late5", True), *((path.run_id, True) for path in PATHS)]
    wait_until(lambda: sorted((row[2], row[4]) for row in lake.inlined(RUNS)) == there)
    for replica in replicas:
        replica.close()
    assert is_same(mirrored, lake)


@pytest.mark.slow
def test_a_schema_that_was_dropped_comes_back_as_it_was(mirrored, mirror, lake):
    before = lake.rows()
    mirrored.database.write(f"drop schema {mirror.catalog.schema} cascade")
    mirror.round()
    assert lake.rows() == before


@pytest.mark.long
def test_a_catalog_for_another_bucket_is_made_anew(mirrored, mirror, lake):
    mirrored.database.write(f"update {mirror.catalog.lake}.mirror set bucket_url = 's3://before'")
    assert mirror.round().run_count == len(PATHS)
    assert (lake.snapshots(), is_same(mirrored, lake)) == ([0, 1, 2], True)


@pytest.mark.long
def test_more_runs_than_a_round_takes_come_in_several(store, mirror, lake):
    for number, path in enumerate(PATHS):
        write(store, path, number)
    assert [mirror.round(at_once=3).run_count for _ in range(2)] == [3, 1]
    assert (mirror.round(at_once=3), is_same(store, lake)) == (None, True)


@pytest.mark.slow
def test_names_of_any_language_are_those_of_the_store(store, mirror, lake):
    path = RunPath("ånn", "プロジェクト", "r ö")
    write(store, path)
    mirror.round()
    assert [row[:3] for row in lake.inlined(RUNS)] == [tuple(path)]
    assert lake.rows() == counting(store, entity=path.entity, project=path.project)


@pytest.mark.long
def test_a_run_that_cannot_be_read_is_left_out(mirrored, mirror, lake, caplog):
    broken = "update segments set meta = 'x' where run_no = (select run_no from runs where run_id = 'r0')"
    mirrored.database.write(broken)
    mirrored.database.write("update runs set segments_moved_at = now() where run_id = 'r0'")
    mirror.round()
    assert {row[0] for row in lake.rows()} == {"r1", "r2", "r3"}
    assert "run ann/p/r0 is not in the mirror" in caplog.text


@pytest.mark.long
def test_a_run_whose_file_is_lost_is_left_out_and_keeps_nobody_waiting(store, mirror, new_store, lake, caplog):
    for number, path in enumerate(PATHS):
        write(store, path, number)
    lost = (
        "select key from segment_files join runs using (run_no) where run_id = 'r0' and file like '%-history.parquet'"
    )
    store.bucket.remove([key for (key,) in store.database.read(lost)])
    LakeMirror(new_store(), mirror.catalog).round()
    assert {row[0] for row in lake.rows()} == {"r1", "r2", "r3"}
    assert "are not in the mirror" in caplog.text


@pytest.mark.parametrize(
    ("made", "error"),
    [
        ("create schema {0}; create table {0}.mine (x integer)", "has tables that are none of a mirror"),
        (
            "create schema {0}; create table {0}.mirror as select 1 as layout, 'other' as of_schema, '' as bucket_url",
            "mirrors the store",
        ),
        (
            "create schema {0}; create table {0}.mirror as select 9 as layout, '{1}' as of_schema, '' as bucket_url",
            "newer version",
        ),
    ],
)
def test_a_schema_of_others_is_refused_and_left_as_it_is(store, mirror, made, error):
    for statement in made.format(mirror.catalog.schema, store.database.schema).split(";"):
        store.database.write(statement)
    with pytest.raises((ConflictError, NewerFormatError), match=error):
        mirror.round()


def test_the_schema_of_the_store_cannot_be_that_of_its_mirror(store):
    for schema in (store.database.schema, "", "pg_catalog"):
        with pytest.raises(BadValueError, match="name one of its own"):
            LakeCatalog(store.database, store.bucket, schema)


@pytest.mark.slow
def test_how_far_the_mirror_is_behind_is_known(mirrored, mirror):
    schema = mirror.catalog.schema
    assert find_lag(mirrored.database, schema).behind_s == 0.0
    mirrored.database.write("update runs set segments_moved_at = now() - interval '90 s' where run_id = 'r0'")
    assert 90.0 <= find_lag(mirrored.database, schema).behind_s < 900.0
    numbers = {n.name for n in ClusterNumbers(mirrored, ducklake=schema).of_store()}
    assert {"ducklake_behind_seconds", "ducklake_snapshot_seconds"} <= numbers
    assert find_lag(mirrored.database, "nothing_there") is None
