"""Many runs read at once are the same runs read one by one, merged or not, whatever was logged in them."""

import math
import warnings

import numpy as np
import pytest

from runlake.api.api import Api
from runlake.errors import RunlakeWarning
from runlake.model import RunPath
from runlake.query.many.blocks import histories_in_order
from runlake.query.many.merged import COLUMNS, MergedFiles
from runlake.service.local.service import LocalService
from runlake.store import disk
from runlake.store.compact import packed_file
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import open_child
from runlake.store.segment.folder import FolderSegments, packed_of
from runlake.store.segment.read import read_series
from runlake.store.segment.segments import SegmentFile
from stored import START_S

SETS_OF_KEYS = [
    None,
    ["loss"],
    ["sparse"],
    ["text", "loss"],
    ["mixed", "a.b", "list", "sparse"],
    ["nothing", "_timestamp"],
    ["_runtime", "loss"],
    ["nowhere"],
]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def service(root):
    service = LocalService(root, default_entity="ann")
    yield service
    service.close()


def log(root, run_id, rows, *, at_s=0.0, resume=None, end=True, child_rows=(), seal=True):
    """A run as a training process writes it, a row a second."""
    layout, path = FolderStore(root), RunPath("ann", "p", run_id)
    opened = open_run(layout, path, {"name": run_id}, resume=resume, clock=lambda: START_S + at_s, inspector=IN_PROCESS)
    first_step = opened.before.last_step + 1 if opened.before else 0
    writers = [(opened.writer, rows)]
    if child_rows:
        child = open_child(layout, opened, prepare=None, clock=lambda: START_S + at_s + 0.5)
        writers.append((child.writer, child_rows))
    for writer, its_rows in writers:
        for step, row in enumerate(its_rows, first_step):
            writer.log(row, step=step, timestamp=START_S + at_s + step, runtime=float(step))
        if end:
            writer.end({"exit_code": 0})
    append_change(layout, path, opened.writer.writer, "finish" if end else "init", opened.incarnation)
    if end and seal:
        seal_run(layout, path)


@pytest.fixture
def runs(root):
    """Runs whose keys differ in order, type, density and number; two of them in a journal still."""
    log(root, "plain", [{"loss": i / 4, "text": f"t{i}"} for i in range(5)])
    log(root, "also plain", [{"loss": -i / 4, "text": f"u{i}"} for i in range(3)], at_s=100.0)
    log(root, "other order", [{"text": f"o{i}", "loss": float(i)} for i in range(3)], at_s=200.0)
    log(root, "integers", [{"loss": i} for i in range(4)], at_s=300.0)
    log(root, "sparse", [{"sparse": i} if i % 3 == 1 else {"loss": 0.5} for i in range(9)], at_s=400.0)
    log(root, "sparse too", [{"loss": 1.5}, {"sparse": 2, "loss": 2.5}, {}, {"sparse": 3}], at_s=500.0)
    mixed = [{"mixed": 1}, {"mixed": "x", "a": {"b": 1}}, {"mixed": math.nan, "a.b": 2}, {"list": [1], "nothing": None}]
    log(root, "mixed", mixed, at_s=600.0)
    log(root, "mixed too", mixed[::-1], at_s=700.0)
    log(root, "empty", [], at_s=800.0)
    log(root, "no keys", [{}, {}], at_s=900.0)
    log(root, "two writers", [{"loss": 1.0}] * 3, child_rows=[{"loss": 2.0, "child": 1}] * 3, at_s=1000.0)
    log(root, "journal", [{"loss": 9.0, "sparse": 1}], at_s=1100.0, seal=False)
    log(root, "alive", [{"loss": 8.0}], at_s=1200.0, end=False)
    return root


def plain(history):
    """Everything in a history, comparable to the bit."""
    series = []
    for one in history.series:
        rows = range(history.row_count) if one.rows is None else one.rows.tolist()
        values = one.values.to_numpy().view(np.int64).tolist() if one.lane == "f64" else one.values.to_pylist()
        series.append((one.key, one.lane, list(rows), values))
    times = [None if axis is None else axis.tolist() for axis in (history.timestamp, history.runtime)]
    return history.stream, history.step.tolist(), times, series


def one_by_one(service, keys, stream="history"):
    infos = service.list_runs("ann", "p").runs
    return [(i.run_id, plain(service.read_history(i.path, keys=keys, stream=stream))) for i in infos]


def at_once(service, keys, stream="history", **which):
    blocks = service.read_histories("ann", "p", keys=keys, stream=stream, **which)
    run_ids = [info.run_id for info in service.list_runs("ann", "p", **which).runs]
    return [(run_id, plain(history)) for run_id, history in histories_in_order(blocks, run_ids)]


def merge(service):
    return len(list(service.pack_runs("ann", "p", at_once=True)))


@pytest.mark.slow
@pytest.mark.parametrize("is_packed", [False, True])
def test_each_run_is_what_reading_it_alone_gives(service, runs, is_packed):
    expected = {str(keys): one_by_one(service, keys) for keys in SETS_OF_KEYS}
    if is_packed:
        assert merge(service) == 10
    for keys in SETS_OF_KEYS:
        assert at_once(service, keys) == one_by_one(service, keys) == expected[str(keys)]


@pytest.mark.parametrize("most_series", [0, 100_000])
def test_what_is_where_in_a_merged_file_is_known_by_key(service, runs, most_series):
    merge(service)
    shared = packed_of(FolderStore(runs), "ann", "p")
    (name,) = packed_file.list_names(shared)
    merged = packed_file.read_list(shared, name)
    file, known = SegmentFile(shared, merged.files["history"]), MergedFiles(most_series=most_series)
    for keys in (["loss", "_step"], ["mixed"], None, ["loss", "_step"]):
        wanted = None if keys is None else frozenset(keys)
        expected = read_series(file.series, wanted, COLUMNS, merged.footers)
        assert known.series(file.series, wanted, merged.footers).equals(expected)
        assert expected.num_rows > 0


@pytest.mark.long
def test_many_rows_come_in_several_blocks(service, root):
    for number in range(33):
        log(root, f"r{number:02}", [{"loss": number + n / 2**14} for n in range(10_000)], at_s=number * 1e6)
    assert merge(service) == 33
    blocks = list(service.read_histories("ann", "p", keys=["loss"]))
    assert len(blocks) > 1
    assert [run_id for block in blocks for run_id in block.run_ids] == [f"r{number:02}" for number in range(33)]
    assert at_once(service, ["loss"]) == one_by_one(service, ["loss"])


def test_runs_that_are_alike_come_together(service, runs):
    merge(service)
    blocks = [block.run_ids for block in service.read_histories("ann", "p", keys=["loss", "text"])]
    assert ["also plain", "plain"] in blocks
    assert sorted(run_id for run_ids in blocks for run_id in run_ids) == sorted(FolderStore(runs).run_ids("ann", "p"))
    assert ["other order"] in blocks


@pytest.fixture
def shared_runs(root):
    """Runs that several processes wrote: side by side, one after the other, with other keys, with a clock set back."""
    rows = [{"loss": i / 8, "text": f"t{i}"} for i in range(6)]
    log(root, "side by side", rows, child_rows=[{"child": i, "loss": -1.0} for i in range(9)])
    log(root, "new keys", [{"loss": 1.0}] * 4, child_rows=[{"sparse": 1}, {}, {"a.b": 2, "mixed": "x"}], at_s=100.0)
    log(root, "resumed", rows, at_s=200.0, seal=False)
    log(root, "resumed", rows[::-1], at_s=300.0, resume="must")
    log(root, "clock set back", rows, at_s=400.0, seal=False)
    log(root, "clock set back", rows, at_s=-400.0, resume="must", child_rows=[{"loss": 7.0}] * 3)
    log(root, "by one", rows, at_s=500.0)
    return root


@pytest.mark.slow
def test_runs_of_several_writers_are_read_together_too(service, shared_runs):
    expected = [one_by_one(service, keys) for keys in SETS_OF_KEYS]
    assert merge(service) == 5
    assert [one_by_one(service, keys) for keys in SETS_OF_KEYS] == expected
    looked_at = []
    with disk.watched(lambda step, place: looked_at.append(place)):
        assert [at_once(service, keys) for keys in SETS_OF_KEYS] == expected
    runs_dir = FolderStore(shared_runs).runs_dir("ann", "p")
    assert [place for place in looked_at if place.is_relative_to(runs_dir)] == []


def test_a_run_of_several_writers_whose_meta_file_is_damaged_is_named(service, shared_runs):
    merge(service)
    (file,) = FolderStore(shared_runs).segments_dir(RunPath("ann", "p", "resumed")).glob("*.meta")
    infos = service.list_runs("ann", "p").runs
    data = bytearray(file.read_bytes())
    data[40] ^= 1
    file.write_bytes(data)
    assert len(infos) == 5
    with pytest.warns(RunlakeWarning, match=file.name):
        blocks = list(service.read_histories("ann", "p", keys=["loss"]))
    rows = {run_id: history.row_count for block in blocks for run_id, history in block.histories()}
    assert [run_id for run_id, row_count in rows.items() if not row_count] == ["resumed"]


def test_filters_and_orders_are_those_of_a_listing(service, runs):
    merge(service)
    which = {"filters": {"display_name": {"$regex": "plain|sparse"}}, "order": ("-created_at",)}
    found = at_once(service, ["loss"], **which)
    assert [run_id for run_id, _ in found] == ["sparse too", "sparse", "also plain", "plain"]
    assert dict(found) == {i: h for i, h in one_by_one(service, ["loss"]) if i in dict(found)}


def test_other_streams_are_read_too(service, root):
    layout = FolderStore(root)
    for number in range(3):
        path = RunPath("ann", "p", f"r{number}")
        opened = open_run(layout, path, {})
        for i in range(number + 1):
            opened.writer.log({"cpu": i / 2}, stream="events", step=i, timestamp=START_S + i, runtime=0.0)
        opened.writer.end({"exit_code": 0})
        seal_run(layout, path)
    assert merge(service) == 3
    assert at_once(service, ["cpu"], "events") == one_by_one(service, ["cpu"], "events")
    assert [len(steps) for _, (_, steps, _, _) in at_once(service, ["cpu"])] == [0, 0, 0]


def test_what_happened_after_merging_is_seen(service, runs):
    merge(service)
    log(runs, "plain", [{"loss": 7.0}], at_s=2000.0, resume="must")
    assert at_once(service, ["loss"]) == one_by_one(service, ["loss"])
    log(runs, "also plain", [{"loss": 6.0}], at_s=2100.0)
    service.delete_run(RunPath("ann", "p", "sparse"))
    log(runs, "new", [{"loss": 5.0}], at_s=2200.0)
    found = at_once(service, ["loss"])
    assert found == one_by_one(service, ["loss"])
    assert {"plain", "also plain", "new"} < dict(found).keys()
    assert "sparse" not in dict(found)


@pytest.mark.slow
def test_runs_of_two_merged_files_are_there_once(service, runs):
    merge(service)
    for number in range(12):
        log(runs, f"later{number}", [{"loss": float(number)}], at_s=3000.0 + number)
    merge(service)
    assert len(packed_file.list_names(packed_of(FolderStore(runs), "ann", "p"))) == 2
    assert at_once(service, ["loss"]) == one_by_one(service, ["loss"])


def test_runs_that_are_deleted_while_they_are_read_have_no_rows(service, runs):
    version = service.list_runs("ann", "p").version
    blocks = service.read_histories("ann", "p", keys=["loss"], version=version)
    service.delete_run(RunPath("ann", "p", "plain"))
    found = dict(histories_in_order(blocks, ["plain", "also plain"]))
    assert (found["plain"].row_count, found["also plain"].row_count) == (0, 3)


def test_a_merged_file_that_vanishes_under_a_reader_is_done_without(service, runs):
    merge(service)
    expected = at_once(service, ["loss"])
    folder = FolderStore(runs).merged_dir("ann", "p")
    (name,) = packed_file.list_names(FolderSegments(folder))
    (folder / f"{name}.runs").rename(folder / "aside")
    assert at_once(service, ["loss"]) == expected
    (folder / "aside").rename(folder / f"{name}.runs")
    file = folder / f"{name}.runs"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert at_once(service, ["loss"]) == expected


def test_damage_is_named(service, runs):
    merge(service)
    folder = FolderStore(runs).merged_dir("ann", "p")
    (name,) = packed_file.list_names(FolderSegments(folder))
    file = folder / f"{name}-history.parquet"
    data = bytearray(file.read_bytes())
    data[-30] ^= 1
    file.write_bytes(data)
    with pytest.warns(RunlakeWarning, match=file.name):
        at_once(service, ["loss"])


@pytest.fixture
def api(root):
    with Api(root) as api:
        yield api


def frames(api, keys):
    runs = api.runs("ann/p")
    with warnings.catch_warnings(category=RunlakeWarning, action="ignore"):  # of runs that lack a key
        frame = runs.histories(samples=None, keys=keys, format="pandas")
        rows = runs.histories(samples=None, keys=keys)
        sampled = runs.histories(samples=100, keys=keys, format="pandas")
    return frame, rows, sampled


@pytest.mark.slow
@pytest.mark.parametrize("keys", [["loss"], ["loss", "text"], ["mixed"], ["sparse", "_timestamp"]])
def test_histories_are_the_same_frames_merged_or_not(api, service, runs, keys):
    before = frames(api, keys)
    merge(service)
    after = frames(api, keys)
    for one, other in zip(before, after, strict=True):
        assert list(map(repr, one)) == list(map(repr, other)) if isinstance(one, list) else one.equals(other)
    # With more samples than rows the runs are read one by one: the slow way to the same frame.
    assert after[0].equals(after[2])
    assert after[0].dtypes.tolist() == after[2].dtypes.tolist()


@pytest.mark.parametrize("is_packed", [False, True])
def test_a_scan_is_every_value_of_the_keys(api, service, runs, is_packed):
    if is_packed:
        merge(service)
    table = api.runs("ann/p").scan(keys=["loss", "sparse"])
    assert table.column_names[:2] == ["run_id", "_step"]
    assert {name: str(table.schema.field(name).type) for name in ("loss", "sparse")} == {
        "loss": "double",
        "sparse": "int64",
    }
    found = {}
    for row in table.to_pylist():
        found.setdefault(row["run_id"], []).append((row["_step"], row["loss"], row["sparse"]))
    expected = {}
    for run in api.runs("ann/p"):
        for row in run.scan_history():
            if "loss" in row or "sparse" in row:
                expected.setdefault(run.id, []).append((row["_step"], row.get("loss"), row.get("sparse")))
    assert found == expected


def test_a_scan_of_no_runs_is_empty(api, service, runs):
    assert api.runs("ann/p", filters={"display_name": "nope"}).scan(keys=["loss"]).num_rows == 0
