"""Scans from Parquet files and live pages, put together as the official client does: each row once, as logged."""

import json
import math
import os
import time

import pyarrow.parquet as pq
import pytest
from asking import Desk

from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.server.wandb.exports import Exports

PATH = RunPath("ann", "digits", "r1")
STEPS = 20


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "store", exports=Exports(tmp_path / "exports", steps_per_file=STEPS))


class Scan:
    """A scan of the client: first what files there are and where live rows begin, then page after page."""

    def __init__(self, desk):
        self.desk = desk
        self.stop = desk.run("historyKeys")["historyKeys"]["lastStep"] + 1
        found = desk.run('parquetHistory(liveKeys: ["_step"]) { parquetUrls liveData }')["parquetHistory"]
        self.names = [url.rsplit("/", 1)[1] for url in found["parquetUrls"]]
        self.from_files = [row for name in self.names for row in self.read(name)]
        self.first_live = min((row["_step"] for row in found["liveData"]), default=None if self.names else 0)

    def read(self, name):
        return pq.read_table(self.desk.context.shared.exports.open_export(PATH, name)).to_pylist()

    def page(self, start, stop):
        rows = [row for row in self.from_files if start <= row["_step"] < stop]
        if self.first_live is not None and stop > self.first_live:
            live = self.desk.run(f"history(minStep: {start}, maxStep: {stop}, samples: {stop - start})")["history"]
            rows += map(json.loads, live)
        return rows

    def rows(self, page_size=10, min_step=0):
        return [
            row
            for start in range(min_step, self.stop, page_size)
            for row in self.page(start, min(start + page_size, self.stop))
        ]


def logged(row):
    return {"loss": 1 / (row + 1), "i": row, "text": f"é{row}", "flag": row % 2 == 0, "lit.dot": row, "a/b": row * 0.5}


def append(writer, first, count, steps=None):
    for row in range(first, first + count):
        step = steps[row - first] if steps else row
        writer.log(logged(row), stream="history", step=step, timestamp=1.7e9 + row, runtime=float(row))


def test_a_scan_gives_each_row_once_whatever_its_pages(desk):
    desk.write(rows=[logged(row) for row in range(70)])
    scan = Scan(desk)
    assert len(scan.names) == 3
    assert scan.first_live == 60
    for page_size, min_step in ((10, 0), (20, 0), (7, 0), (100, 0), (10, 33), (1, 58)):
        assert [row["i"] for row in scan.rows(page_size, min_step)] == list(range(min_step, 70)), page_size
    first, last = scan.rows()[0], scan.rows()[-1]
    assert first == {"_step": 0, "_timestamp": 1_700_000_001.0, "_runtime": 1.0, **logged(0)}
    assert last == {"_step": 69, "_timestamp": 1_700_000_070.0, "_runtime": 70.0, **logged(69)}


def test_an_ended_run_that_fills_its_files_is_not_read_live(desk):
    desk.write(rows=[logged(row) for row in range(40)])
    scan = Scan(desk)
    assert (len(scan.names), scan.first_live) == (2, None)
    assert [row["i"] for row in scan.rows()] == list(range(40))


def test_floats_that_are_not_finite_and_mixed_numbers_come_back_as_they_were(desk):
    rows = [{"v": [math.nan, math.inf, -math.inf, 3, 2.5][row % 5], "big": 2**62 + row} for row in range(20)]
    desk.write(rows=rows)
    scan = Scan(desk)
    assert len(scan.names) == 1
    assert str([row["v"] for row in scan.rows()]) == str([float(row["v"]) for row in rows])
    assert [row["big"] for row in scan.rows()] == [row["big"] for row in rows]


def test_files_that_appear_in_the_middle_of_a_scan_do_it_no_harm(desk):
    writer = desk.write(rows=[logged(row) for row in range(30)], ended=False)
    before = Scan(desk)
    assert (len(before.names), before.first_live) == (1, 20)
    halfway = before.page(0, 20)
    append(writer, 30, 50)
    after = Scan(desk)
    assert (len(after.names), after.first_live) == (3, 60)
    halfway += before.page(20, 30)
    assert [row["i"] for row in halfway] == list(range(30))
    assert [row["i"] for row in after.rows()] == list(range(80))
    assert before.names == after.names[:1]
    writer.end({"exit_code": 0, "runtime": 1.0})


def test_a_file_never_changes(desk):
    writer = desk.write(rows=[logged(row) for row in range(30)], ended=False)
    (name,) = Scan(desk).names
    content = desk.context.shared.exports.open_export(PATH, name).read_bytes()
    append(writer, 30, 50)
    assert len(Scan(desk).names) == 3
    assert desk.context.shared.exports.open_export(PATH, name).read_bytes() == content
    other = Desk(desk.root, exports=Exports(desk.root.parent / "other", steps_per_file=STEPS))
    assert Scan(other).names == Scan(desk).names
    assert other.context.shared.exports.open_export(PATH, name).read_bytes() == content
    writer.end({"exit_code": 0, "runtime": 1.0})


def test_the_row_that_a_running_process_may_still_add_to_is_in_no_file(desk):
    writer = desk.write(rows=[logged(row) for row in range(20)], ended=False)
    assert Scan(desk).names == []
    append(writer, 20, 1)
    assert len(Scan(desk).names) == 1
    writer.end({"exit_code": 0, "runtime": 1.0})


@pytest.mark.parametrize(
    "odd",
    [
        {"other": 1},
        {"loss": "text", "i": 1},
        {"loss": None, "i": 1},
        {"loss": {"a": 1}, "i": 1},
        {"loss": [1], "i": 1},
        {"loss": {"_type": "histogram", "values": [1]}, "i": 1},
        {"loss": 1.0},
        {"loss": 2**60, "i": 1},
    ],
)
def test_what_no_file_can_say_is_read_live(desk, odd):
    rows = [{"loss": 0.5, "i": row} for row in range(50)]
    rows[30] = odd
    desk.write(rows=rows)
    scan = Scan(desk)
    assert (scan.names, scan.first_live) == ([], 0)
    found = [{key: value for key, value in row.items() if key[0] != "_"} for row in scan.rows()]
    assert found == rows


def test_a_run_becomes_live_when_it_logs_what_no_file_can_say(desk):
    writer = desk.write(rows=[logged(row) for row in range(30)], ended=False)
    assert len(Scan(desk).names) == 1
    writer.log({"rare": 1}, stream="history", step=30, timestamp=1.7e9, runtime=31.0)
    scan = Scan(desk)
    assert scan.names == []
    assert [row.get("i") for row in scan.rows()] == [*range(30), None]
    writer.end({"exit_code": 0, "runtime": 1.0})


def test_a_row_that_comes_later_with_a_step_of_a_file_makes_the_run_live(desk):
    writer = desk.write(rows=[logged(row) for row in range(30)], ended=False)
    assert len(Scan(desk).names) == 1
    append(writer, 30, 2, steps=[5, 30])
    scan = Scan(desk)
    assert scan.names == []
    assert [row["i"] for row in scan.rows()] == [0, 1, 2, 3, 4, 5, 30, *range(6, 30), 31]
    writer.end({"exit_code": 0, "runtime": 1.0})


def test_a_run_that_was_begun_anew_is_read_live(desk):
    desk.write(rows=[logged(row) for row in range(50)])
    assert len(Scan(desk).names) == 2
    desk.write(rows=[{"new": row} for row in range(50)], at_s=100)
    scan = Scan(desk)
    assert scan.names == []
    assert [row["new"] for row in scan.rows()] == list(range(50))


def test_steps_far_apart_are_read_live(desk):
    desk.write(rows=[logged(row) for row in range(50)], steps=[row * 1000 for row in range(50)])
    assert Scan(desk).names == []


@pytest.mark.parametrize("pattern", ["*", "*.parquet", "*-000001.parquet", "*.json"])
def test_deleted_exports_are_made_again(desk, pattern):
    desk.write(rows=[logged(row) for row in range(50)])
    names = Scan(desk).names
    folder = desk.context.shared.exports.open_export(PATH, names[0]).parent
    for file in folder.glob(pattern):
        file.unlink()
    scan = Scan(desk)
    assert scan.names == names
    assert [row["i"] for row in scan.rows()] == list(range(50))


@pytest.mark.parametrize("name", ["", "../x", "0123456789abcdef-000009.parquet", "x.json", "a" * 5000, "\0"])
def test_only_names_of_exports_open_a_file(desk, name):
    with pytest.raises(NotFoundError, match="has no export"):
        desk.context.shared.exports.open_export(PATH, name)


def test_where_no_file_can_be_made_all_is_read_live(tmp_path):
    (tmp_path / "exports").write_bytes(b"a file stands in the way")
    desk = Desk(tmp_path / "store", exports=Exports(tmp_path / "exports", steps_per_file=STEPS))
    desk.write(rows=[logged(row) for row in range(50)])
    scan = Scan(desk)
    assert scan.names == []
    assert [row["i"] for row in scan.rows()] == list(range(50))


def test_a_run_under_the_id_of_a_deleted_one_is_read_live(desk):
    desk.write(rows=[logged(row) for row in range(50)])
    assert len(Scan(desk).names) == 2
    desk.service.delete_run(PATH)
    desk.context.shared.exports.forget(PATH)
    desk.write(rows=[{"new": row} for row in range(50)], at_s=100)
    scan = Scan(desk)
    assert scan.names == []  # the client would take its copies of the old files for them
    assert [row["new"] for row in scan.rows()] == list(range(50))


def test_gc_removes_exports_that_nobody_asks_for_and_those_of_runs_that_are_gone(tmp_path):
    root = tmp_path / "store"
    desk = Desk(root, exports=Exports(root / ".exports", steps_per_file=STEPS))
    assert desk.service.exports_dir == root / ".exports"
    files = {}
    for run_id in ("r1", "r2", "r3"):
        desk.write(f"ann/digits/{run_id}", rows=[logged(row) for row in range(25)])
        (url,) = desk.run('parquetHistory(liveKeys: ["_step"]) { parquetUrls }', run_id)["parquetHistory"][
            "parquetUrls"
        ]
        files[run_id] = desk.context.shared.exports.open_export(PATH._replace(run_id=run_id), url.rsplit("/", 1)[1])
    assert list(desk.service.empty_trash(older_than_s=0.0)) == []  # a scan may be at it

    desk.service.delete_run(PATH._replace(run_id="r3"))
    for run_id, days in (("r1", 3), ("r2", 40)):
        long_ago = time.time() - days * 86400
        os.utime(files[run_id], (long_ago, long_ago))
    desk.context.shared.exports.open_export(PATH._replace(run_id="r1"), files["r1"].name)
    place = {run_id: file.relative_to(root).as_posix() for run_id, file in files.items()}
    found = {one.place for one in desk.service.empty_trash(older_than_s=86400.0, is_dry_run=True)}
    assert found == {place["r2"], place["r3"]}
    assert {one.place for one in desk.service.empty_trash(older_than_s=86400.0)} == found
    assert {run_id for run_id, file in files.items() if file.exists()} == {"r1"}
    assert [row["i"] for row in Scan(desk).rows()] == list(range(25))
    assert desk.run('parquetHistory(liveKeys: ["_step"]) { parquetUrls }', "r2")["parquetHistory"]["parquetUrls"]
    assert files["r2"].exists()  # made again


def test_exports_of_a_run_can_be_forgotten(desk):
    desk.write(rows=[logged(row) for row in range(50)])
    desk.write("ann/digits/r2", rows=[logged(row) for row in range(50)])
    (name, _) = Scan(desk).names
    desk.context.shared.exports.forget(PATH)
    desk.context.shared.exports.forget(RunPath("ann", "digits", "never"))
    with pytest.raises(NotFoundError, match="has no export"):
        desk.context.shared.exports.open_export(PATH, name)


def test_sampled_pages_of_a_scan_leave_out_what_is_in_files(desk):
    desk.write(rows=[logged(row) for row in range(70)])
    assert len(Scan(desk).names) == 3

    def steps(low, high):
        spec = json.dumps({"keys": ["_step", "i"], "minStep": low, "maxStep": high - 1, "samples": high - low})
        found = desk.run(f"sampledHistory(specs: [{json.dumps(spec)}])")["sampledHistory"]
        return [row["_step"] for row in found[0]]

    assert steps(55, 65) == list(range(60, 65))
    assert steps(60, 70) == list(range(60, 70))
    assert len(desk.run("history(samples: 500)")["history"]) == 70
