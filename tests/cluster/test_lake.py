"""A DuckLake catalog says at every snapshot exactly which rows count, whatever became of runs and files meanwhile."""

import itertools
import threading

import pytest
from lake_reader import LakeReader

from runlake.model import STREAMS, RunPath
from runlake.query.rows.scan import read_history
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.packing import ClusterPacking
from runlake.store.compact.pack import AT_ONCE, pack_runs, write_packed
from runlake.store.compact.pack_plan import PACKED_BYTES, plan
from runlake.store.compact.seal import seal_run
from runlake.store.lake.catalog import LakeCatalog
from runlake.store.lake.format import PARTS, RUN_PARTS, RUNS, VALUES
from runlake.store.lake.mirror import LakeMirror
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from stored import Writer, as_dicts

PATHS = [RunPath("ann", "p", f"r{number}") for number in range(4)]


def write(store, path, number=0, row_count=6, **options):
    writer = Writer(store, path=path, at_s=number * 100.0, rows_per_part=4, **options)
    for i in range(row_count):
        writer.log({"loss": number + i / 8, "count": i, **({"text": f"{i}"} if i % 3 else {}), "ok": i % 2 == 0})
    writer.log({"line": 0, "text": f"hello {number}"}, stream="console").end()
    seal_run(store, path)


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


def one_file(store):
    """A file of all runs, and what lets one after the other point to it."""
    place = ClusterPacking(store, "ann", "p")
    (batch,) = plan(place.shared, place.survey(quiet_s=0.0), {}, min_run_count=2, packed_bytes=PACKED_BYTES)
    packed = write_packed(place.shared, batch, [])
    paths = {unit.identity: unit.path for unit in batch}
    return place.point(packed, [(paths[run.incarnation, run.generation], run) for run in packed.runs])


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


def test_nothing_is_written_when_nothing_moved(mirrored, mirror, lake):
    tables = lake.ask("select tablename from pg_tables where schemaname = %(s)s", s=mirror.catalog.schema)
    before = {table: lake.ask(f"select xmin::text, ctid::text from {table}") for row in tables for table in row.values()}
    assert (mirror.round(), mirror.round()) == (None, None)
    assert {table: lake.ask(f"select xmin::text, ctid::text from {table}") for table in before} == before


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


def test_rows_that_come_later_to_a_run_come_to_the_lake(mirrored, mirror, lake):
    writer = Writer(mirrored, path=PATHS[1], at_s=900.0, resume="must").log({"loss": 7.0, "new": {"a": [1, None]}})
    mirror.round()
    assert [row[4] for row in lake.inlined(RUNS)] == [True, False, True, True]
    writer.end()
    seal_run(mirrored, PATHS[1])
    mirror.round()
    assert is_same(mirrored, lake)
    assert all(row[4] for row in lake.inlined(RUNS))


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


def test_at_every_step_of_packing_each_row_is_there_once(mirrored, mirror, lake):
    before = lake.rows()
    points = one_file(mirrored)
    for count, _ in enumerate(points, 1):
        mirror.round()
        assert is_same(mirrored, lake)
        assert [row[5] for row in lake.inlined(RUNS)].count(True) == count
        assert len(lake.inlined(RUN_PARTS)) == 2 * (4 - count)
    assert (lake.rows(), lake.inlined(RUN_PARTS), lake.files(PARTS["history"])) == (before, [], [])


def test_a_run_that_went_on_while_it_was_packed_is_not_there_twice(mirrored, mirror, lake):
    points = one_file(mirrored)
    Writer(mirrored, path=PATHS[0], at_s=900.0, resume="must").log({"loss": 7.0}).end()
    seal_run(mirrored, PATHS[0])
    assert [*points] == PATHS[1:]
    mirror.round()
    assert is_same(mirrored, lake)
    assert [row[5] for row in lake.inlined(RUNS)] == [False, True, True, True]


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
        statement = f"insert into {table} (run_no, {columns}) select {copied}, {columns} from {table} where run_no = {number}"
        mirrored.database.write(statement)
    mirror.round()
    expected = sorted([*counting(mirrored), *counting(mirrored, project="copies")], key=str)
    assert lake.rows() == expected
    assert {row[0] for row in expected} == {"copy", "r0", "r1", "r2", "r3"}
