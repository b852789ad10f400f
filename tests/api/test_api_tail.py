"""Rows as they come: of one run until it has ended, of many at once, and on from where one was."""

import json
import os
import signal
import subprocess
import sys
import threading

import pytest

import warm
from runlake.api.api import Api
from runlake.errors import BadValueError, NotFoundError


def xs(rows):
    return [row["x"] for row in rows]


def test_a_tail_of_an_ended_run_is_its_scan(make_run, api):
    run = api.run(make_run(rows=[{"x": 1}, {"d": {"y": 2.5}}, {"x": "text", "n": None}]))
    tail = run.tail()
    assert list(tail) == list(run.scan_history())
    assert (tail.is_over, list(tail), tail.restart_count) == (True, [], 0)
    assert list(run.tail(["x"])) == list(run.scan_history(["x"]))
    assert list(run.tail(cursor=tail.cursor)) == []


def test_a_tail_waits_for_rows_and_ends_with_the_run(make_run, api):
    writer = make_run(rows=[{"x": 0}], ended=False)
    tail = api.run("digits/r1").tail(poll_s=0.01)
    assert tail.cursor is None
    assert next(tail)["x"] == 0
    assert tail.poll() is None
    for x in (1, 2):
        writer.log({"x": x}, step=x, timestamp=2e9, runtime=1.0)
    assert next(tail)["x"] == 1
    threading.Timer(0.05, writer.end, [{"exit_code": 0}]).start()
    assert xs(tail) == [2]


def test_a_cursor_stands_behind_the_row_that_was_handed_out_in_another_process_too(make_run, api):
    make_run(rows=[{"x": i, **({"even": i} if i % 2 == 0 else {})} for i in range(6)])
    run = api.run("digits/r1")
    tail = run.tail(["even"])
    assert [next(tail)["even"], next(tail)["even"]] == [0, 2]
    code = "import sys, runlake; print([row['x'] for row in runlake.Api().run('digits/r1').tail(cursor=sys.argv[1])])"
    done = warm.run([sys.executable, "-c", code, str(tail.cursor)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [3, 4, 5]
    assert xs(run.tail(cursor=run.tail().cursor)) == [0, 1, 2, 3, 4, 5]


def test_last_rows_are_those_that_have_the_keys(make_run, api):
    make_run(rows=[{"x": i, **({"rare": i} if i % 50 == 0 else {})} for i in range(500)])
    run = api.run("digits/r1")
    assert xs(run.tail(last=3)) == [497, 498, 499]
    assert list(run.tail(["rare"], last=2)) == [{"_step": 400, "rare": 400}, {"_step": 450, "rare": 450}]
    assert list(run.tail(["rare"], last=20)) == list(run.scan_history(["rare"]))
    assert list(run.tail(last=0)) == []


def test_tables_hold_what_was_new(make_run, api):
    writer = make_run(rows=[{"x": 1.5}, {"y": 1}], ended=False)
    tail = api.run("digits/r1").tail(format="arrow", poll_s=0.01)
    assert next(tail).select(["_step", "x", "y"]).to_pylist() == [
        {"_step": 0, "x": 1.5, "y": None},
        {"_step": 1, "x": None, "y": 1},
    ]
    writer.log({"x": 2.5}, step=2, timestamp=2e9, runtime=1.0)
    assert next(tail).select(["_step", "x"]).to_pylist() == [{"_step": 2, "x": 2.5}]
    writer.end({})
    assert list(tail) == []


def test_other_streams_and_what_is_there_now(make_run, api):
    make_run(events=[{"cpu": 1.0}], console=[{"line": 0, "text": "hello"}], ended=False)
    run = api.run("digits/r1")
    assert [row["cpu"] for row in run.tail(stream="events", follow=False)] == [1.0]
    assert [row["text"] for row in run.tail(stream="console", follow=False)] == ["hello"]
    assert list(run.tail(follow=False)) == []


def test_a_killed_run_ends_its_tail(api, tmp_path):
    code = (
        "import runlake, os; run = runlake.init(project='p', id='a'); [run.log({'x': i}) for i in range(3)];"
        "run.log({'x': 3}, commit=False); print('ready', flush=True); input()"
    )
    process = warm.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        while "ready" not in process.stdout.readline():
            assert process.poll() is None
        tail = api.run("p/a").tail(poll_s=0.01)
        assert xs(next(tail) for _ in range(3)) == [0, 1, 2]
        assert (tail.poll(), tail.is_over) == (None, False)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert xs(tail) == [3]
    assert api.run("p/a").load(force=True).state == "crashed"


def test_many_runs_at_once_with_their_ids_and_those_that_begin_later(make_run, api):
    one = make_run("ann/digits/a", rows=[{"x": 1}], ended=False)
    make_run("ann/digits/b", rows=[{"x": 2}])
    tail = api.runs("digits").tail(["x"], poll_s=0.01)
    assert [next(tail), next(tail)] == [{"_step": 0, "x": 1, "run_id": "a"}, {"_step": 0, "x": 2, "run_id": "b"}]
    assert tail.poll() is None
    make_run("ann/digits/c", rows=[{"x": 3}])
    one.log({"x": 4}, step=1, timestamp=2e9, runtime=1.0)
    assert sorted([next(tail)["x"], next(tail)["x"]]) == [3, 4]
    assert set(tail.cursors) == {"ann/digits/a", "ann/digits/b", "ann/digits/c"}
    one.log({"x": 5}, step=2, timestamp=2e9, runtime=1.0)
    rest = api.runs("digits", per_page=7).tail(["x"], cursors=tail.cursors, follow=False)
    assert list(rest) == [{"_step": 2, "x": 5, "run_id": "a"}]
    one.end({})
    assert not tail.is_over


def test_named_runs_end_when_all_of_them_have_and_one_that_is_deleted_is_left_out(make_run, api):
    make_run("ann/digits/a", rows=[{"x": 1}])
    make_run("ann/other/b", rows=[{"x": 2}], ended=False)
    tail = api.tail(["digits/a", "other/b"], poll_s=0.01)
    assert [next(tail)["x"], next(tail)["x"]] == [1, 2]
    api.run("other/b").delete()
    assert list(tail) == []
    with pytest.raises(NotFoundError):
        api.tail(["digits/a", "digits/none"])


def test_the_last_rows_of_many_runs_are_those_of_the_latest_times(make_run, api):
    make_run("ann/digits/a", rows=[{"x": i} for i in range(5)])
    make_run("ann/digits/b", rows=[{"x": 10 + i} for i in range(3)])
    assert xs(api.runs("digits").tail(last=4, follow=False)) == [2, 12, 3, 4]
    assert xs(api.runs("digits").tail(["x"], last=2, follow=False)) == [3, 4]


def test_what_cannot_be_asked_is_refused(make_run, api):
    run = api.run(make_run(rows=[{"x": 1}]))
    for wrong in ({"format": "csv"}, {"poll_s": 0}, {"last": -1}, {"keys": "x"}, {"stream": "x"}, {"cursor": "x"}):
        with pytest.raises(BadValueError):
            run.tail(**wrong)
    with pytest.raises(BadValueError, match="both say where to begin"):
        run.tail(last=1, cursor=run.tail().cursor or "{}")
    with pytest.raises(BadValueError, match="write a list"):
        Api().tail("digits/r1")
