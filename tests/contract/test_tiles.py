"""Lines of many runs through every way to a store: what is drawn of each, and what is said of it."""

import math

import numpy as np
import pytest
from msgspec.structs import asdict, replace

from runlake.errors import BadValueError, FilterError, NotFoundError, TooLargeError
from runlake.model import ProjectKey, RunPath
from runlake.query.tiles.points import Counts
from runlake.query.tiles.question import Aggregate, Smoothing, TilesQuery
from runlake.query.tiles.tiles import TileSeries
from runlake.service.local.run_lines import RunLines


def ask(service, *keys, **asked):
    return service.read_tiles("ann", "mnist", TilesQuery(keys=list(keys), **{"order": ("+created_at",), **asked}))


def plain(part):
    """Arrays as lists, so that whole values can be compared; NaN as a text."""
    if isinstance(part, np.ndarray):
        return ["NaN" if math.isnan(value) else value for value in part.tolist()]
    return [plain(one) for one in part] if isinstance(part, tuple) else part


def drawn(one):
    return {name: plain(value) for name, value in asdict(one).items()}


def line_of(tiles, run, key="loss"):
    (one,) = [one for one in tiles.series if (one.run, one.key) == (run, key)]
    return plain(one.line)


@pytest.fixture(params=["journal", "sealed"])
def seal(request, service):
    """Seals all runs, or leaves them as they were written."""
    return lambda: list(service.seal("ann", "mnist")) if request.param == "sealed" else None


def test_lines_of_two_runs_come_on_one_grid_with_all_that_is_said_of_them(service, train, seal):
    train("r1").log(loss=3.0).log(loss=math.nan).log(loss=1).log(acc=0.5).finish()
    train("r2").log(loss=math.inf, name="x").log(loss=2.5).finish()
    seal()
    tiles = ask(service, "loss", "acc", "name", "nothing")
    assert (tiles.columns, tiles.window, tiles.run_count, tiles.left_out) == (400, (0.0, 3.0), 2, [])
    assert sorted(tiles.versions) == ["r1", "r2"]
    assert [drawn(one) for one in tiles.series] == [
        drawn(one)
        for one in (
            TileSeries(
                run="r1",
                key="loss",
                counts=Counts(3, 1, 0, 0, 0),
                lowest=1.0,
                highest=3.0,
                last=1.0,
                line=(np.array([0.0, 1.0, 2.0]), np.array([3.0, math.nan, 1.0])),
                marks=(np.array([1.0]), np.array([0.0])),
            ),
            TileSeries(
                run="r1",
                key="acc",
                counts=Counts(1),
                lowest=0.5,
                highest=0.5,
                last=0.5,
                line=(np.array([3.0]), np.array([0.5])),
                marks=(np.zeros(0), np.zeros(0)),
            ),
            TileSeries(
                run="r2",
                key="loss",
                counts=Counts(2, 0, 1, 0, 0),
                lowest=2.5,
                highest=2.5,
                last=2.5,
                line=(np.array([1.0]), np.array([2.5])),
                marks=(np.array([0.0]), np.array([1.0])),
            ),
        )
    ]


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        ("_runtime", [[0.0, 1.0, 2.0], [3.0, 2.0, 1.0]]),
        ("_timestamp", [[100.0, 101.0, 102.0], [3.0, 2.0, 1.0]]),
        ("epoch", [[1.0, 2.0], [1.0, 3.0]]),
        ("nothing", [[], []]),
    ],
)
def test_x_is_an_axis_or_another_key_of_the_same_rows(service, train, seal, x, expected):
    train("r1").log(loss=3.0, epoch=2).log(loss=2.0).log(loss=1.0, epoch=1).log(epoch=9).finish()
    seal()
    (one,) = ask(service, "loss", x=x).series
    assert plain(one.line) == expected
    assert one.counts == Counts(len(expected[0]), unplaced_count=3 - len(expected[0]))
    assert one.last == 1.0


def test_a_window_has_the_rows_within_and_the_line_to_those_beside_it(service, train, seal):
    run = train("r1")
    for value in range(10):
        run.log(loss=float(value))
    run.finish()
    seal()
    (one,) = ask(service, "loss", window=(2.5, 4.0)).series
    assert (plain(one.line), one.counts.row_count) == ([[2.0, 3.0, 4.0, 5.0], [2.0, 3.0, 4.0, 5.0]], 2)
    assert (one.lowest, one.highest, one.last) == (3.0, 4.0, 9.0)


def test_a_log_scale_begins_with_the_first_row_that_has_a_place_on_it(service, train, seal):
    run = train("r1")
    for value in range(1001):
        run.log(loss=float(value))
    run.finish()
    seal()
    tiles = ask(service, "loss", x_scale="log", columns=3, window=(0.0, 1000.0))
    assert tiles.window == (1.0, 1000.0)
    assert tiles.series[0].counts == Counts(1000, unplaced_count=1)
    x, _ = plain(tiles.series[0].line)
    assert {1.0, 9.0, 10.0, 99.0, 100.0, 1000.0} <= set(x)
    assert len(x) <= 12
    assert ask(service, "loss", x_scale="log", window=(None, -1.0)).series[0].counts == Counts(0, unplaced_count=1001)


def test_a_dotted_key_finds_what_was_logged_under_dots_and_nested(service, train, seal):
    train("r1").log(**{"train.loss": 1.0}).finish()
    train("r2").log(**{"train": {"loss": 2.0}}).finish()
    seal()
    assert [(one.run, plain(one.line)) for one in ask(service, "train.loss").series] == [
        ("r1", [[0.0], [1.0]]),
        ("r2", [[0.0], [2.0]]),
    ]


def test_runs_are_chosen_by_filter_and_order_and_the_number_that_match_is_told(service, train):
    for number in range(5):
        train(f"r{number}", config={"lr": number}).log(loss=float(number)).finish()
    tiles = ask(service, "loss", filters={"config.lr": {"$gte": 2}}, order=("-config.lr",), limit=2)
    assert (tiles.run_count, [one.run for one in tiles.series]) == (3, ["r4", "r3"])
    named = ask(service, "loss", runs=["r3", "r0", "r3"])
    assert (named.run_count, [one.run for one in named.series]) == (2, ["r3", "r0"])
    both = ask(service, "loss", runs=["r4", "r0"], filters={"config.lr": {"$gte": 2}})
    assert (both.run_count, [one.run for one in both.series]) == (1, ["r4"])


def test_a_run_that_is_not_there_is_left_out_with_its_error_and_the_others_are_answered(service, train):
    train("r1").log(loss=1.0).finish()
    tiles = ask(service, "loss", runs=["gone", "r1"])
    assert [one.run for one in tiles.left_out] == ["gone"]
    assert 'run "gone" not in project ann/mnist' in tiles.left_out[0].error
    assert line_of(tiles, "r1") == [[0.0], [1.0]]


def test_a_damaged_run_is_left_out_with_its_error_and_the_others_are_answered(service, train, root):
    train("good").log(loss=1.0).finish()
    train("bad").log(loss=2.0).finish()
    list(service.seal("ann", "mnist", "bad"))
    (values,) = [path for path in root.rglob("*-history.parquet") if "bad" in str(path) and "series" not in path.name]
    values.write_bytes(bytes(len(values.read_bytes())))
    tiles = ask(service, "loss", runs=["good", "bad"], is_exact=True, x="_runtime")
    assert [one.run for one in tiles.left_out] == ["bad"]
    assert values.name in tiles.left_out[0].error
    assert line_of(tiles, "good") == [[0.0], [1.0]]


def test_a_run_whose_version_is_known_comes_without_its_lines(service, train, seal):
    train("old").log(loss=1.0).finish()
    live = train("live").log(loss=5.0)
    seal()
    before = ask(service, "loss")
    live.log(loss=4.0)
    after = ask(service, "loss", known=before.versions)
    assert [(one.run, one.is_unchanged, plain(one.line)) for one in after.series] == [
        ("old", True, [[], []]),
        ("live", False, [[0.0, 1.0], [5.0, 4.0]]),
    ]
    assert after.versions["old"] == before.versions["old"]
    assert after.versions["live"] != before.versions["live"]
    again = ask(service, "loss", known=after.versions)
    assert [(one.run, one.is_unchanged) for one in again.series] == [("old", True), ("live", True)]


def test_a_live_run_is_drawn_as_one_that_is_read_whole(service, train):
    run = train("r1")
    for value in (3.0, 1.0, math.nan, 7.0, 2.0):
        run.log(loss=value, acc=value * 2)
        both = ask(service, "loss", "acc")
        alone = ask(service, "loss", window=(0.0, 4.0))
        assert plain(alone.series[0].line) == line_of(both, "r1")
    assert line_of(both, "r1") == [[0.0, 1.0, 2.0, 3.0, 4.0], [3.0, 1.0, "NaN", 7.0, 2.0]]
    assert both.series[1].counts == Counts(5, 1)
    run.finish()
    list(service.seal("ann", "mnist"))
    assert line_of(ask(service, "loss"), "r1") == line_of(both, "r1")


def test_a_long_live_run_is_drawn_from_a_sketch_until_every_row_is_asked_for(service, train):
    run = train("r1")
    values = np.random.default_rng(7).normal(size=10_000)
    for value in values[:-1].tolist():
        run.log(loss=value)
    before = ask(service, "loss", columns=50)
    run.log(loss=values[-1])
    (one,) = ask(service, "loss", columns=50).series
    assert [one.is_exact, before.series[0].is_exact] == [False, False]
    told = (one.counts.row_count, one.lowest, one.highest, one.last)
    assert told == (10_000, values.min(), values.max(), values[-1])
    (exact,) = ask(service, "loss", columns=50, is_exact=True).series
    assert (exact.is_exact, exact.counts.row_count, exact.lowest) == (True, 10_000, values.min())
    run.log(loss=math.nan)
    (odd,) = ask(service, "loss", columns=50).series
    assert (odd.is_exact, odd.counts, plain(odd.marks)) == (True, Counts(10_001, 1), [[10_000.0], [0.0]])


def test_a_row_that_may_still_grow_is_drawn_as_it_is(service, train):
    run = train("r1").log(loss=1.0)
    run.opened.writer.log({"loss": 2.0}, step=5, timestamp=105.0, runtime=5.0, commit=False)
    assert line_of(ask(service, "loss"), "r1") == [[0.0, 5.0], [1.0, 2.0]]
    run.opened.writer.log({"acc": 7.0}, step=5, timestamp=106.0, runtime=6.0, commit=False)
    tiles = ask(service, "loss", "acc")
    assert (line_of(tiles, "r1"), line_of(tiles, "r1", "acc")) == ([[0.0, 5.0], [1.0, 2.0]], [[5.0], [7.0]])
    run.opened.writer.log({"loss": 3.0}, step=5, timestamp=107.0, runtime=7.0, commit=False)
    assert line_of(ask(service, "loss", "acc"), "r1") == [[0.0, 5.0], [1.0, 3.0]]
    run.opened.writer.log({"acc": 8.0}, step=5, timestamp=108.0, runtime=8.0)
    run.opened.writer.log({"loss": 4.0}, step=6, timestamp=109.0, runtime=9.0)
    assert line_of(ask(service, "loss"), "r1") == [[0.0, 5.0, 6.0], [1.0, 3.0, 4.0]]


def test_a_run_that_begins_anew_under_its_id_has_the_new_lines_only(service, train):
    train("r1").log(loss=1.0).log(loss=2.0).finish()
    assert line_of(ask(service, "loss"), "r1") == [[0.0, 1.0], [1.0, 2.0]]
    service.delete_run(RunPath("ann", "mnist", "r1"))
    train("r1").log(loss=9.0).finish()
    assert line_of(ask(service, "loss"), "r1") == [[0.0], [9.0]]


def test_a_smooth_line_comes_with_the_rows_behind_it(service, train, seal):
    train("r1").log(loss=0.0).log(loss=3.0).log(loss=0.0).finish()
    seal()
    (one,) = ask(service, "loss", smoothing=Smoothing(kind="mean", amount=3)).series
    assert (plain(one.line), plain(one.raw)) == (
        [[0.0, 1.0, 2.0], [1.5, 1.0, 1.5]],
        [[0.0, 1.0, 2.0], [0.0, 3.0, 0.0]],
    )


def test_groups_have_a_line_of_all_their_runs_and_a_band(service, train, seal):
    for run_id, lr, value in (("r1", 0.1, 1.0), ("r2", 0.2, 5.0), ("r3", 0.1, 3.0)):
        train(run_id, config={"lr": lr}).log(loss=value, acc=1.0).finish()
    train("r4", config={"lr": 0.2}).log(loss=math.nan).finish()
    seal()
    asked = {"group_by": ["config.lr"], "aggregate": Aggregate(line="mean", band="minmax"), "window": (0.0, 2.0)}
    tiles = ask(service, "loss", columns=1, **asked)
    assert [(one.group, one.run, one.run_count, plain(one.line), plain(one.band)) for one in tiles.series] == [
        ({"config.lr": 0.1}, None, 2, [[1.0], [2.0]], [[1.0], [1.0], [3.0]]),
        ({"config.lr": 0.2}, None, 2, [[1.0], [5.0]], [[1.0], [5.0], [5.0]]),
    ]
    assert [(plain(one.run_counts), one.counts) for one in tiles.series] == [
        ([2.0], Counts(2)),
        ([1.0], Counts(2, 1)),
    ]
    assert [plain(one.marks) for one in tiles.series] == [[[], []], [[0.0], [0.0]]]
    same = ask(service, "loss", columns=1, known=tiles.versions, **asked)
    assert [one.is_unchanged for one in same.series] == [True, True]
    service.delete_run(RunPath("ann", "mnist", "r3"))
    fewer = ask(service, "loss", columns=1, known=tiles.versions, **asked)
    assert [(one.is_unchanged, plain(one.line)) for one in fewer.series] == [
        (False, [[1.0], [1.0]]),
        (False, [[1.0], [5.0]]),
    ]


def test_system_metrics_are_drawn_of_the_stream_of_events(service, train, seal):
    run = train("r1").log(loss=1.0)
    for number in range(3):
        run.opened.writer.log(
            {"system.cpu": 10.0 * number}, stream="events", step=number, timestamp=100.0 + number, runtime=2.0 * number
        )
    run.finish()
    seal()
    tiles = ask(service, "system.cpu", stream="events", x="_runtime")
    assert line_of(tiles, "r1", "system.cpu") == [[0.0, 2.0, 4.0], [0.0, 10.0, 20.0]]
    keys = service.list_project_keys("ann", "mnist", stream="events").keys
    assert keys == (ProjectKey(key="system.cpu", kind="number", run_count=1),)


@pytest.mark.parametrize(
    ("asked", "error", "words"),
    [
        ({"columns": 0}, BadValueError, "columns=0; it must be from 1 to 4000"),
        ({"columns": 4001}, BadValueError, "columns=4001"),
        ({"window": (2.0, 1.0)}, BadValueError, "the lower end must come first"),
        ({"window": (math.nan, 1.0)}, BadValueError, "finite numbers"),
        ({"limit": -1}, BadValueError, "limit=-1"),
        ({"smoothing": Smoothing(kind="ema", amount=1.0)}, BadValueError, "from 0 to less than 1"),
        ({"smoothing": Smoothing(kind="gaussian", amount=-1.0)}, BadValueError, "from 0 to 100000"),
        ({"filters": {"$no": 1}}, FilterError, "no"),
    ],
)
def test_what_cannot_be_drawn_is_refused_by_name(service, train, asked, error, words):
    train("r1").log(loss=1.0).finish()
    with pytest.raises(error, match=words.replace("$", r"\$")):
        ask(service, "loss", **asked)


def test_too_many_keys_are_refused_and_a_project_that_is_not_there_is_not_found(service, train):
    train("r1").log(loss=1.0).finish()
    with pytest.raises(TooLargeError, match="65 keys in one question; 64 are allowed"):
        ask(service, *(f"k{number}" for number in range(65)))
    with pytest.raises(NotFoundError, match="no project ann/none"):
        service.read_tiles("ann", "none", TilesQuery(keys=["loss"], runs=["r1"]))


def test_no_key_and_a_project_without_rows_have_no_lines(service, train):
    train("r1").finish()
    assert (ask(service).series, ask(service, "loss").series) == ([], [])
    assert ask(service, "loss").window is None
    assert ask(service, "loss", filters={"config.lr": 7}).run_count == 0


def test_keys_of_a_project_come_by_name_with_kinds_and_counts_and_in_pages(service, train):
    image = {"_type": "image-file", "path": "media/a.png"}
    train("r1").log(loss=1.0, note="x", **{"a.b": 1}).log(img=image, flag=True).finish()
    train("r2").log(loss=1, **{"größe 🦆": 2.0}).finish()
    found = service.list_project_keys("ann", "mnist")
    assert found.keys == (
        ProjectKey(key="a.b", kind="number", run_count=1),
        ProjectKey(key="flag", kind="other", run_count=1),
        ProjectKey(key="größe 🦆", kind="number", run_count=1),
        ProjectKey(key="img", kind="media", media_type="image-file", run_count=1),
        ProjectKey(key="loss", kind="number", run_count=2),
        ProjectKey(key="note", kind="text", run_count=1),
    )
    page = service.list_project_keys("ann", "mnist", offset=4, limit=1)
    assert (page.version, page.total_count, page.keys) == (found.version, 6, found.keys[4:5])
    train("r3").log(other=1.0)
    assert service.list_project_keys("ann", "mnist").version != found.version
    for bad in ({"stream": "console"}, {"offset": -1}, {"limit": -1}):
        with pytest.raises(BadValueError):
            service.list_project_keys("ann", "mnist", **bad)


def test_every_answer_over_the_network_is_the_one_over_the_folder(service, local, train):
    random = np.random.default_rng(5)
    for number in range(3):
        run = train(f"r{number}", config={"lr": number % 2})
        for value in random.normal(size=50):
            run.log(loss=float(value), acc=int(value * 10))
        run.finish()
    for asked in (
        TilesQuery(keys=["loss", "acc"], columns=5),
        TilesQuery(keys=["acc"], x="loss", columns=5, smoothing=Smoothing(kind="ema", amount=0.5)),
        TilesQuery(keys=["loss"], x_scale="log", columns=3, group_by=["config.lr", "state"]),
        TilesQuery(keys=["loss"], group_by=["config.lr"], aggregate=Aggregate(line="median", band="quantiles")),
    ):
        near, far = local.read_tiles("ann", "mnist", asked), service.read_tiles("ann", "mnist", asked)
        assert [drawn(one) for one in far.series] == [drawn(one) for one in near.series]
        assert replace(far, series=[]) == replace(near, series=[])


def test_what_was_drawn_is_not_read_again(local, train, monkeypatch):
    run = train("r1")
    for value in range(20):
        run.log(loss=float(value))
    run.finish()
    list(local.seal("ann", "mnist"))
    first = ask(local, "loss")
    monkeypatch.setattr(RunLines, "points", None)
    assert [drawn(one) for one in ask(local, "loss").series] == [drawn(one) for one in first.series]
