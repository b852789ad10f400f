"""Points of lines are read no further than lines need, and are those of all rows all the same."""

import math

import numpy as np
import pytest

from runlake.model import RunPath
from runlake.query.rows.points import read_points, read_sketches
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal.limits import WriterLimits
from runlake.store.opening.open import open_run

PATH = RunPath("ann", "mnist", "a")
SEGMENT_ROWS = 10


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def write(layout, rows, *, segment_rows=SEGMENT_ROWS):
    """Rows of (step, values), sealed: so many in each segment."""
    writer = open_run(layout, PATH, {}, limits=WriterLimits(rows_per_part=segment_rows)).writer
    for number, (step, values) in enumerate(rows):
        writer.log(values, step=step, timestamp=100.0 + number, runtime=float(number))
    writer.end({"exit_code": 0})
    writer.close()
    seal_run(layout, PATH, segment_bytes=1)


def steps_read(layout, key, low, high):
    points = read_points(layout, PATH, [key], "_step", stream="history", window=(low, high))[key]
    assert points.serve((low, high))
    return points.x.tolist()


def test_of_a_window_only_the_segments_around_it_are_read(layout):
    write(layout, [(step, {"loss": float(step)}) for step in range(50)])
    whole = list(map(float, range(50)))
    assert steps_read(layout, "loss", 23.0, 26.0) == whole[20:30]
    assert steps_read(layout, "loss", 20.0, 29.0) == whole[10:40]
    assert steps_read(layout, "loss", None, 5.0) == whole[:10]
    assert steps_read(layout, "loss", 45.0, 99.0) == whole[40:]
    assert steps_read(layout, "loss", -9.0, 99.0) == whole
    part = read_points(layout, PATH, ["loss"], "_step", stream="history", window=(23.0, 26.0))["loss"]
    assert (part.within, part.last) == ((20.0, 29.0), 49.0)
    assert [part.serve(window) for window in ((21.0, 28.0), (20.0, 28.0), (21.0, 29.0), (None, 22.0))] == [
        True,
        False,
        False,
        False,
    ]


def test_a_key_that_is_logged_seldom_is_read_as_far_as_its_nearest_rows(layout):
    rows = [(step, {"loss": float(step), **({"acc": 1.0} if step in (3, 41) else {})}) for step in range(50)]
    write(layout, rows)
    assert steps_read(layout, "acc", 23.0, 26.0) == [3.0, 41.0]
    assert read_points(layout, PATH, ["none"], "_step", stream="history", window=(23.0, 26.0)) == {}


def test_a_key_of_nothing_but_nan_is_read_as_far_as_its_nearest_rows(layout):
    write(layout, [(step, {"loss": 1.0, **({"acc": math.nan} if step in (3, 41) else {})}) for step in range(50)])
    assert steps_read(layout, "acc", 23.0, 26.0) == [3.0, 41.0]


def test_steps_that_go_back_are_read_whole(layout):
    write(layout, [(step, {"loss": float(step)}) for step in (*range(30), *range(10, 30))])
    assert steps_read(layout, "loss", 22.0, 24.0) == sorted(map(float, (*range(30), *range(10, 30))))
    assert read_sketches(layout, PATH, ["loss"], stream="history") == {}


def test_a_sketch_has_the_lowest_and_the_highest_of_all_rows(layout):
    values = np.random.default_rng(3).normal(size=3000)
    values[1234] = 99.0
    write(layout, [(step, {"loss": float(value)}) for step, value in enumerate(values)], segment_rows=5000)
    sketch = read_sketches(layout, PATH, ["loss"], stream="history")["loss"]
    assert (sketch.row_count, sketch.is_exact, sketch.last) == (3000, False, values[-1])
    assert (sketch.y.min(), sketch.y.max()) == (values.min(), values.max())
    assert sketch.x[sketch.y == 99.0].tolist() == [1234.0]
    assert read_sketches(layout, PATH, ["loss"], stream="history", least_points=100) == {}


@pytest.mark.parametrize("odd", [math.nan, math.inf, "text"])
def test_no_sketch_stands_for_what_is_no_finite_number(layout, odd):
    write(layout, [(step, {"loss": odd if step == 7 else 1.0}) for step in range(2000)], segment_rows=5000)
    assert read_sketches(layout, PATH, ["loss"], stream="history") == {}
    points = read_points(layout, PATH, ["loss"], "_step", stream="history")["loss"]
    assert len(points.x) == (1999 if odd == "text" else 2000)


def test_a_key_of_text_keeps_no_other_key_from_its_sketch(layout):
    write(layout, [(step, {"acc": step, "mixed": "a", "tale": "b", "top": -step}) for step in range(5)])
    found = read_sketches(layout, PATH, ["acc", "mixed", "tale", "top"], stream="history")
    assert {key: points.y.tolist() for key, points in found.items()} == {
        "acc": [0.0, 1.0, 2.0, 3.0, 4.0],
        "top": [0.0, -1.0, -2.0, -3.0, -4.0],
    }


def test_rows_of_a_living_writer_have_no_sketch(layout):
    writer = open_run(layout, PATH, {}).writer
    for step in range(10):
        writer.log({"loss": 1.0}, step=step, timestamp=1.0, runtime=0.0)
    assert read_sketches(layout, PATH, ["loss"], stream="history") == {}
    assert len(read_points(layout, PATH, ["loss"], "_step", stream="history", window=(2.0, 3.0))["loss"].x) == 10
    writer.close()
