import warnings

import numpy as np
import pytest

import runlake
from runlake.errors import NotSupportedError, RunlakeWarning
from runlake.media import left_out
from runlake.media.read import read_media

TABLE = runlake.Table(columns=["a"], data=[[1]])


@pytest.fixture(autouse=True)
def nothing_said(home):
    """A store of its own, and a process in which nothing was said."""
    left_out.said.clear()


def log_chart(run):
    run.log({"chart": runlake.plot_table("team/mine", TABLE, {"x": "a"})})


def test_what_is_left_out_is_said_once_at_the_line_that_logged_it():
    with runlake.init(project="p") as run, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        log_chart(run)
        log_chart(run)
        run.summary["chart"] = runlake.plot_table("team/mine", TABLE, {"x": "a"})
    (warning,) = (one for one in said if one.category is RunlakeWarning)
    assert (warning.filename, "team/mine" in str(warning.message)) == (__file__, True)


def test_a_strict_run_refuses_it_each_time_and_goes_on():
    with runlake.init(project="p", strict=True) as run:
        for _ in range(2):
            with pytest.raises(NotSupportedError, match="without a drawing"):
                log_chart(run)
            with pytest.raises(NotSupportedError, match="without a drawing"):
                run.summary["chart"] = runlake.plot_table("team/mine", TABLE, {"x": "a"})
        run.log({"loss": 1.0})
        path = run.path
    assert [row["loss"] for row in runlake.Api().run(path).scan_history()] == [1.0]


def test_a_table_that_grows_is_whole_in_every_row_of_a_run(tmp_path):
    table = runlake.Table(columns=["i", "picture"], log_mode="INCREMENTAL")
    with runlake.init(project="p") as run:
        for step in range(3):
            table.add_data(step, runlake.Image(np.full((2, 2), step, np.uint8)))
            run.log({"seen": table})
        path = run.path
    stored = runlake.Api().run(path)

    def open_file(name):
        stored.file(name).download(root=tmp_path, exist_ok=True).close()
        return (tmp_path / name).open("rb")

    tables = [read_media(row["seen"], open_file) for row in stored.scan_history()]
    assert [[(i, picture.to_numpy()[0, 0]) for i, picture in one.data] for one in tables] == [
        [(0, 0)],
        [(0, 0), (1, 1)],
        [(0, 0), (1, 1), (2, 2)],
    ]
