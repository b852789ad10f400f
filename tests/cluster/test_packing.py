"""Small runs of a cluster come to share objects, and nothing else about them changes, whoever packs and is killed."""

import itertools
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from s3_proxy import S3Proxy

import warm
from runlake.errors import StoreError
from runlake.model import RunEdit, RunPath
from runlake.query.rows.scan import read_history
from runlake.service.cluster.collector import Collector
from runlake.service.cluster.packer import Packer
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.garbage import bury_unused, collect
from runlake.store.cluster.packing import ClusterPacking, find_unpacked
from runlake.store.compact import packed_file
from runlake.store.compact.pack import AT_ONCE, pack_runs, write_packed
from runlake.store.compact.pack_plan import PACKED_BYTES, plan
from runlake.store.compact.seal import seal_run
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.run.snapshot import read_consistently
from stored import Writer, as_dicts
from waiting import wait_until
from whole_run import everything

HERE = Path(__file__).parent
PATHS = [RunPath("ann", "p", f"r{number}") for number in range(4)]


def write(store, path, number=0, row_count=9):
    writer = Writer(store, path=path, at_s=number * 100.0, start={"name": f"n{number}"}, rows_per_part=4)
    for i in range(row_count):
        writer.log({"loss": number + i / 8, "mixed": i if i % 2 else i / 2, **({"text": f"{i}"} if i % 3 else {})})
    writer.log({"line": 0, "text": f"hello {number}"}, stream="console").end()
    seal_run(store, path)


@pytest.fixture
def sealed(store):
    for number, path in enumerate(PATHS):
        write(store, path, number)
    return store


def packing(store):
    return ClusterPacking(store, "ann", "p")


def pack(store, **limits):
    return sorted(pack_runs(packing(store), AT_ONCE._replace(**limits)))


def all_of(store, paths=PATHS):
    return {path: everything(store, path) for path in paths}


def packed_names(store):
    return packed_file.list_names(store.packed("ann", "p"))


def points_to(store, path):
    """The packed file of each segment of a run, None for one that has files of its own."""
    return read_consistently(store, path, lambda snapshot: [meta.packed_in for meta in snapshot.metas])


def listed(store):
    """The runs whose rows engines are told to count, and those that are named beside the files."""
    found = ClusterService(store, default_entity="ann").list_segments("ann", "p")
    return sorted(found.generations.values()), sorted(found.unlisted_run_ids)


def collect_now(store):
    return collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0).object_count


def objects(store, state="published"):
    return store.database.read(f"select count(*) from objects where state = '{state}'")[0][0]


def differences(store):
    return list(Comparison(store.database, store.bucket).differences(is_reading=True))


def planned(store):
    """A batch that was read and written, and to which no run points yet."""
    place = packing(store)
    (batch,) = plan(place.shared, place.survey(quiet_s=0.0), {}, min_run_count=2, packed_bytes=PACKED_BYTES)
    packed = write_packed(place.shared, batch, [])
    paths = {unit.identity: unit.path for unit in batch}
    return place, packed, [(paths[run.incarnation, run.generation], run) for run in packed.runs]


def test_packed_runs_read_as_before_from_few_objects(sealed):
    before = all_of(sealed)
    assert objects(sealed) == 4 * len(PATHS)
    assert pack(sealed) == PATHS
    (name,) = packed_names(sealed)
    assert [points_to(sealed, path) for path in PATHS] == [[name]] * len(PATHS)
    assert all_of(sealed) == before
    assert (objects(sealed), objects(sealed, "dead")) == (4, 4 * len(PATHS))
    assert collect_now(sealed) == 4 * len(PATHS)
    assert (all_of(sealed), differences(sealed)) == (before, [])


def test_packing_and_sealing_again_find_nothing_to_do(sealed):
    pack(sealed)
    assert (pack(sealed), [seal_run(sealed, path) for path in PATHS]) == ([], [0] * len(PATHS))
    assert packing(sealed).survey(quiet_s=0.0).run_count == 0


@pytest.mark.slow
def test_what_is_packed_is_no_news_to_who_lists(sealed):
    service = ClusterService(sealed, default_entity="ann", user="ann")
    version, listed = service.read_news("ann", "p").version, service.list_runs("ann", "p")
    pack(sealed)
    assert (service.read_news("ann", "p", version).changed, service.list_runs("ann", "p")) == ((), listed)


@pytest.mark.slow
def test_only_what_is_finished_small_and_quiet_is_looked_at_again(sealed):
    running, crashed, large = (RunPath("ann", "p", name) for name in ("running", "crashed", "large"))
    alive = Writer(sealed, path=running, rows_per_part=2).log_many([{"i": i} for i in range(5)])
    Writer(sealed, path=crashed, rows_per_part=2).log_many([{"i": i} for i in range(4)]).journal.close()
    Writer(sealed, path=large).log_many([{"noise": os.urandom(2**19).hex()} for _ in range(18)]).end()
    for path in (running, crashed, large):
        seal_run(sealed, path)
    assert (pack(sealed, quiet_s=3600.0), pack(sealed, min_run_count=5), packed_names(sealed)) == ([], [], [])
    assert find_unpacked(sealed.database, AT_ONCE) == [("ann", "p")]
    assert pack(sealed) == PATHS
    assert find_unpacked(sealed.database, AT_ONCE._replace(min_run_count=1)) == []
    # Who goes on is looked at once more.
    Writer(sealed, path=large, at_s=900.0, resume="must").log({"i": 9}).end()
    seal_run(sealed, large)
    assert find_unpacked(sealed.database, AT_ONCE._replace(min_run_count=1)) == [("ann", "p")]
    alive.end()


# Killed, and several at once


@pytest.mark.slow
@pytest.mark.parametrize(
    ("passed_count", "word", "run_count"),
    [(0, "before", 0), (0, "after", 0), (3, "after", 0), (4, "pass", 1), (4, "pass", 2)],
)
def test_what_a_packer_leaves_that_was_killed_another_finishes(
    store, shared_database_url, s3_server, tmp_path, passed_count, word, run_count
):
    for number, path in enumerate(PATHS):
        write(store, path, number, row_count=3)
    before = all_of(store)
    own = store.database.read("select count(*) from segment_files")[0][0]
    process, words = None, itertools.chain(["pass"] * passed_count, itertools.repeat(word))
    proxy = PutProxy(s3_server.endpoint, words, on_word=lambda word: process.kill())
    environment = {**os.environ, **s3_server.environment(), "AWS_ENDPOINT_URL": proxy.endpoint}
    environment["PYTHONPATH"] = str(HERE.parent)
    command = [sys.executable, HERE / "packed_by_hand.py", shared_database_url, store.database.schema, store.bucket.url]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = warm.Popen([*map(str, command), str(tmp_path)], env=environment, **pipes)
    with process:
        said = [process.stdout.readline().strip() for _ in range(1)]
        while said[-1] and len(said) < run_count:
            process.stdin.write("\n")
            process.stdin.flush()
            said.append(process.stdout.readline().strip())
        process.kill()
    proxy.stop()
    store.database.write("update leases set until = now()")  # as it ends when nobody prolongs it
    assert len([path for path in said if path]) == run_count
    assert sum(points_to(store, path) != [None] for path in PATHS) == run_count
    assert all_of(store) == before

    assert len(pack(store)) >= len(PATHS) - run_count
    assert pack(store, grace_s=0.0) == []
    assert {name for path in PATHS for name in points_to(store, path)} == {*packed_names(store)}
    assert all_of(store) == before
    collect_now(store)
    assert (objects(store), differences(store)) == (len(packed_names(store)) * own // len(PATHS), [])


class PutProxy(S3Proxy):
    """Its script is about what is put; all else passes."""

    def __init__(self, endpoint, words, on_word):
        super().__init__(endpoint, (), on_word)
        self._words = words

    def _answer(self, word, request):
        return super()._answer(next(self._words) if request.startswith(b"PUT") else word, request)


@pytest.mark.slow
def test_of_many_who_pack_at_once_each_run_points_to_one_file(sealed, new_store):
    before = all_of(sealed)
    places = [planned(store) for store in (new_store(), new_store(), new_store())]
    moved = []
    threads = [threading.Thread(target=lambda each=each: moved.extend(each[0].point(*each[1:]))) for each in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved) == PATHS
    (name,) = packed_names(sealed)
    assert [points_to(sealed, path) for path in PATHS] == [[name]] * len(PATHS)
    collect_now(sealed)
    assert (all_of(sealed), objects(sealed), differences(sealed)) == (before, 4, [])


@pytest.mark.slow
def test_packers_of_other_plans_leave_each_other_what_they_have(sealed):
    early = planned(sealed)
    write(sealed, late := RunPath("ann", "p", "late"), 9)
    before = all_of(sealed, [*PATHS, late])
    later = planned(sealed)
    moved = [list(itertools.islice(early[0].point(*early[1:]), 2)), list(later[0].point(*later[1:]))]
    moved.append(list(early[0].point(*early[1:])))
    assert ([len(paths) for paths in moved], sorted(path for paths in moved for path in paths)) == (
        [2, 3, 0],
        sorted([*PATHS, late]),
    )
    assert all_of(sealed, before) == before
    assert listed(sealed) == (["late"], sorted(path.run_id for path in PATHS))


@pytest.mark.slow
def test_a_run_that_moved_while_it_was_packed_is_left_as_it_is(sealed):
    place, packed, runs = planned(sealed)
    Writer(sealed, path=PATHS[0], at_s=5000.0, resume="must").log({"loss": 7.0}).end()
    seal_run(sealed, PATHS[0])
    sealed.delete_run(PATHS[1])
    sealed.delete_run(PATHS[2])
    write(sealed, PATHS[2], 30)
    there = [PATHS[0], PATHS[2], PATHS[3]]
    before = all_of(sealed, there)
    assert list(place.point(packed, runs)) == [PATHS[3]]
    assert (all_of(sealed, there), points_to(sealed, PATHS[0])) == (before, [None])
    assert listed(sealed) == ([PATHS[2].run_id, PATHS[3].run_id], [PATHS[0].run_id])


@pytest.mark.slow
def test_what_was_edited_or_rewound_while_it_was_packed_stays_so(sealed):
    service = ClusterService(sealed, default_entity="ann", user="ann")
    place, packed, runs = planned(sealed)
    service.edit_run(PATHS[0], RunEdit(info={"name": "renamed"}, config_set={"lr": 0.5}))
    open_run(sealed, PATHS[1], {}, rewind_to=4, inspector=IN_PROCESS).writer.end({})
    before = all_of(sealed)
    assert sorted(place.point(packed, runs)) == PATHS
    assert all_of(sealed) == before
    for path in PATHS:
        seal_run(sealed, path)
    assert all_of(sealed) == before
    info = service.read_run(PATHS[0])
    assert (info.name, info.config, len(as_dicts(read_history(sealed, PATHS[1])))) == ("renamed", {"lr": 0.5}, 5)


@pytest.mark.slow
def test_a_file_that_became_garbage_before_a_run_pointed_to_it_is_made_anew(sealed):
    before = all_of(sealed)
    place, packed, runs = planned(sealed)
    collect_now(sealed)
    assert (list(place.point(packed, runs)), packed_names(sealed), all_of(sealed)) == ([], [], before)
    assert pack(sealed) == PATHS
    assert (all_of(sealed), differences(sealed)) == (before, [])


@pytest.mark.slow
def test_a_collector_without_patience_takes_nothing_that_a_run_points_to(sealed, new_store):
    before = all_of(sealed)
    collector = Collector(new_store(), every_s=0.05, staged_s=0.0, dead_s=0.0)
    try:
        for number in range(4):
            try:
                pack(sealed, min_run_count=1)
            except (FileNotFoundError, StoreError):
                pass  # its files were garbage before they were whole: what a packer makes anew
            write(sealed, path := RunPath("ann", "p", f"more{number}"), 10 + number, row_count=2)
            before[path] = everything(sealed, path)
    finally:
        collector.close()
    pack(sealed, min_run_count=1)
    assert not [path for path in before if points_to(sealed, path) == [None]]
    assert all_of(sealed, before) == before
    assert [difference for difference in differences(sealed) if difference.kind != "unknown"] == []


@pytest.mark.slow
def test_who_buries_a_file_waits_for_who_points_to_it_and_leaves_it(sealed, new_store):
    before, other = all_of(sealed), new_store()
    place, packed, runs = planned(sealed)
    burying = threading.Thread(target=lambda: bury_unused(other.database, other.bucket, older_than_s=0.0))
    with sealed.database.transaction():
        assert len(list(place.point(packed, runs[:2]))) == 2
        burying.start()
        wait_until(lambda: is_anyone_waiting(other))
    burying.join()
    assert packed_names(sealed) == [packed.name]
    assert (sorted(place.point(packed, runs[2:])), all_of(sealed)) == (sorted(path for path, _ in runs[2:]), before)


@pytest.mark.slow
def test_who_points_to_a_file_waits_for_who_buries_it_and_lets_it_be(sealed, new_store):
    before, other = all_of(sealed), new_store()
    place, packed, runs = planned(sealed)
    pointed = []
    pointing = threading.Thread(target=lambda: pointed.extend(place.point(packed, runs[:1])))
    with other.database.transaction():
        bury_unused(other.database, other.bucket, older_than_s=0.0)
        pointing.start()
        wait_until(lambda: is_anyone_waiting(new_store()))
    pointing.join()
    assert (pointed, packed_names(sealed), all_of(sealed)) == ([], [], before)


def is_anyone_waiting(store):
    """Whether a transaction of this store waits for another."""
    statement = """
        select 1 from pg_locks join pg_locks held on held.pid = pg_locks.pid and held.relation = 'objects'::regclass
        where not pg_locks.granted
    """
    return bool(store.database.read(statement))


@pytest.mark.slow
def test_readers_never_miss_a_row_while_runs_are_packed_sealed_and_gone_on_with(sealed, new_store):
    before = all_of(sealed, PATHS[1:])
    stop, problems, reader = threading.Event(), [], new_store()

    def read_again():
        while not stop.is_set():
            try:
                assert all_of(reader, PATHS[1:]) == before
            except Exception as error:
                problems.append(error)
                return

    thread = threading.Thread(target=read_again)
    thread.start()
    expected = as_dicts(read_history(sealed, PATHS[0], keys=["loss"]))
    for number in range(4):
        pack(sealed)
        Writer(sealed, path=PATHS[0], at_s=1000.0 * (number + 1), resume="must").log({"loss": float(number)}).end()
        expected.append({"_step": expected[-1]["_step"] + 1, "loss": float(number)})
        seal_run(sealed, PATHS[0])
        assert as_dicts(read_history(reader, PATHS[0], keys=["loss"])) == expected
    stop.set()
    thread.join()
    assert problems == []


# What becomes of packed files


@pytest.mark.slow
def test_a_packed_file_lives_as_long_as_a_run_that_can_be_restored(sealed):
    before = all_of(sealed)
    pack(sealed)
    (name,) = packed_names(sealed)
    for path in PATHS:
        sealed.delete_run(path)
    assert (pack(sealed, grace_s=0.0), collect_now(sealed), packed_names(sealed)) == ([], 4 * len(PATHS), [name])
    deleted = sealed.names.list_deleted()
    with pytest.raises(StoreError, match="merged files of ann/p; restore it there"):
        sealed.restore_run(deleted[0], RunPath("ann", "elsewhere", "r0"))
    assert sealed.restore_run(deleted[0]) == PATHS[0]
    assert everything(sealed, PATHS[0]) == before[PATHS[0]]
    for run in deleted[1:]:
        sealed.purge_run(run)
    assert (collect_now(sealed), everything(sealed, PATHS[0])) == (0, before[PATHS[0]])
    sealed.delete_run(PATHS[0])
    sealed.purge_run(sealed.names.list_deleted()[0])
    assert (collect_now(sealed), packed_names(sealed), objects(sealed), differences(sealed)) == (4, [], 0, [])


@pytest.mark.slow
def test_a_file_that_is_mostly_of_deleted_runs_is_made_anew_without_their_rows(sealed):
    pack(sealed)
    (first,) = packed_names(sealed)
    for path in PATHS[:3]:
        sealed.delete_run(path)
    before = everything(sealed, PATHS[3])
    assert pack(sealed) == [PATHS[3]]
    (second,) = points_to(sealed, PATHS[3])
    assert [run.run_id for run in packed_file.read_list(sealed.packed("ann", "p"), second).runs] == ["r3"]
    assert everything(sealed, PATHS[3]) == before
    assert {*packed_names(sealed)} == {first, second}


@pytest.mark.slow
def test_many_small_packs_leave_few_files(store):
    paths = [RunPath("ann", "p", f"s{number}") for number in range(12)]
    for number, path in enumerate(paths):
        write(store, path, number, row_count=3)
        if number % 2:
            pack(store, grace_s=0.0)
    assert len(packed_names(store)) <= 3
    rows = {path: as_dicts(read_history(store, path, keys=["loss"])) for path in paths}
    assert rows == {p: [{"_step": i, "loss": k + i / 8} for i in range(3)] for k, p in enumerate(paths)}


@pytest.mark.slow
def test_a_replica_packs_beside_its_answers(sealed):
    before = all_of(sealed)
    packer = Packer(sealed, every_s=0.01, limits=AT_ONCE)
    wait_until(lambda: all(points_to(sealed, path) != [None] for path in PATHS))
    packer.close()
    assert (all_of(sealed), sealed.counts.read()["runs_merged"]) == (before, len(PATHS))


@pytest.mark.slow
def test_engines_are_told_of_the_shared_file_and_whose_rows_count(sealed):
    service = ClusterService(sealed, default_entity="ann", user="ann")
    assert list(service.pack_runs("ann", "p", at_once=True))
    (segment,) = service.list_segments("ann", "p").segments
    assert (sorted(segment.runs), segment.row_count, segment.has_others) == (["r0", "r1", "r2", "r3"], 36, False)
    service.delete_run(PATHS[0])
    (segment,) = service.list_segments("ann", "p").segments
    assert (sorted(segment.runs), segment.row_count, segment.has_others) == (["r1", "r2", "r3"], 27, True)
    assert segment.url.startswith(sealed.bucket.url)
