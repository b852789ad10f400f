"""The run index: orders with ties, mixtures and gaps, and the table of all runs."""

import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.model import RunInfo
from runlake.query.runs.chunk import RunChunk
from runlake.query.runs.index import RunIndex
from runlake.store.catalog.run_columns import MarkedRun, RunColumns


def run(run_id, **fields):
    base = {"entity": "ann", "project": "p", "incarnation": "i", "generation": "g", "name": run_id, "state": "finished"}
    return RunInfo(**{**base, "run_id": run_id, **fields})


def stored(runs):
    return RunChunk(RunColumns.of("ann", "p", [MarkedRun(one.run_id, one, 0, False) for one in runs]))


def objects_index(runs, version=""):
    return RunIndex(runs, version)


def stored_index(runs, version=""):
    return RunIndex((), version, chunk=stored(runs))


def mixed_index(runs, version=""):
    """Every other run stored, some of the stored ones out of date and hidden."""
    runs = list(runs)
    outdated = [run(one.run_id, created_at=one.created_at, config={"stale": 1, "x": 1}) for one in runs[1::2]]
    chunk = stored([*runs[::2], *outdated])
    rows = chunk.stored.row_of_folder
    hidden = np.array(sorted(rows[one.run_id] for one in outdated), np.int64)
    return RunIndex(runs[1::2], version, chunk=chunk, hidden=hidden)


FORMS = [objects_index, stored_index, mixed_index]


def ordered(runs, order):
    """The ids in order, the same however the runs are kept."""
    found = set()
    for form in FORMS:
        index = form(runs)
        found.add(" ".join(index.runs[position].run_id for position in index.select(None, order)))
    (ids,) = found
    return ids


@pytest.fixture(params=FORMS)
def make_index(request):
    return request.param


MIXED = [
    run("none", config={"x": None}),
    run("nan", config={"x": math.nan}),
    run("missing"),
    run("two", config={"x": 2}),
    run("text-b", config={"x": "b"}),
    run("half", config={"x": 0.5}),
    run("true", config={"x": True}),
    run("text-a", config={"x": "a"}),
    run("big", config={"x": 2**53 + 1}),
    run("bigger", config={"x": 2**53 + 2}),
    run("list", config={"x": [1]}),
]


def test_runs_stand_in_the_order_of_their_creation_then_id(make_index):
    runs = [run("b", created_at=1.0), run("c", created_at=0.5), run("a", created_at=1.0)]
    assert [r.run_id for r in make_index(runs).runs] == ["c", "a", "b"]
    assert ordered(runs, "-created_at") == "a b c"
    assert ordered(runs, ()) == "c a b"


def test_missing_none_and_nan_come_last_in_both_directions():
    assert ordered(MIXED, "config.x") == "half two big bigger text-a text-b true list nan missing none"
    assert ordered(MIXED, "-config.x") == "list true text-b text-a bigger big two half nan missing none"


def test_several_orders_go_from_the_most_important_to_the_least():
    runs = [
        run("a", summary={"acc": 0.9}, config={"lr": 2}),
        run("b", summary={"acc": 0.9}, config={"lr": 1}),
        run("c", summary={"acc": 0.95}, config={"lr": 3}),
        run("d", config={"lr": 0}),
    ]
    assert ordered(runs, "-summary_metrics.acc,+config.lr") == "c b a d"
    assert ordered(runs, ["+summary.acc", "-config.lr.value"]) == "a b c d"


def test_an_order_by_name_takes_the_display_name_and_every_field_can_order():
    runs = [run("1", name="z", tags=("a",), state="failed"), run("2", name="y", state="running")]
    assert ordered(runs, "name") == "2 1"
    assert ordered(runs, "-id") == "2 1"
    assert ordered(runs, "tags") == "1 2"
    assert ordered(runs, "-state") == "2 1"


def test_a_filter_and_an_order_work_together(make_index):
    index = make_index([run(str(i), created_at=float(i), config={"lr": i % 3, "k": i}) for i in range(9)])
    assert index.select({"config.lr": {"$gte": 1}}, "-config.lr,-config.k") == [8, 5, 2, 7, 4, 1]


def test_an_empty_index_answers(make_index):
    index = make_index([], version="v")
    assert (len(index), index.version) == (0, "v")
    assert index.select({"config.a.b": 1}, "-summary.x") == []
    assert index.to_table().num_rows == 0


@given(st.lists(st.one_of(st.none(), st.integers(-3, 3), st.floats(allow_nan=False), st.sampled_from("abc"))))
def test_an_order_agrees_with_a_sort_of_the_values(values):
    runs = [run(f"{i:03}", config={} if v is None else {"x": v}) for i, v in enumerate(values)]

    def key(position, sign):
        value = values[position]
        if value is None:
            return (2, 0, 0)
        return (0, sign * isinstance(value, str), sign * (ord(value) if isinstance(value, str) else value))

    everything = range(len(values))
    for index in (form(runs) for form in FORMS):
        up, down = index.select(None, "config.x"), index.select(None, "-config.x")
        assert up == sorted(everything, key=lambda p: key(p, 1))
        assert down == sorted(everything, key=lambda p: key(p, -1))
        for offset, limit in ((0, 1), (1, 3), (2, 2), (0, 0), (5, 50)):
            page = index.page(None, "-config.x", offset=offset, limit=limit)
            assert (page.positions, page.total_count) == (down[offset : offset + limit], len(values))


def test_the_table_has_fields_then_config_then_summary(make_index):
    runs = [
        run(
            "a",
            created_at=1.0,
            tags=("t",),
            config={"lr": 1, "model": {"depth": 3}, "model.depth": "deep", "layers": [1, 2], "mix": 1, "none": None},
            summary={"acc": 0.5, "hist": {"_type": "histogram", "bins": [0.0]}, "big": 2**70},
        ),
        run("b", created_at=2.0, config={"lr": 0.5, "mix": "x", "huge": 2**60}, summary={"acc": math.nan}),
        run("c", created_at=3.0, config={"huge": 0.5, "mix": True, "i": 2**60}, exit_code=3),
    ]
    table = make_index(runs).to_table()
    assert table.column_names[:6] == ["entity", "project", "run_id", "name", "state", "created_at"]
    assert table["tags"].to_pylist() == [["t"], [], []]
    assert table["exit_code"].to_pylist() == [None, None, 3]
    trees = {name: table[name].to_pylist() for name in table.column_names if "." in name}
    assert math.isnan(trees["summary.acc"].pop(1))
    assert trees == {
        "config.lr": [1.0, 0.5, None],
        "config.model.depth": [3, None, None],
        "config.model\\.depth": ["deep", None, None],
        "config.layers": ["[1,2]", None, None],
        "config.mix": ["1", "x", "true"],
        "config.none": [None, None, None],
        "config.huge": [None, str(2**60), "0.5"],
        "config.i": [None, None, 2**60],
        "summary.acc": [0.5, None],
        "summary.hist": ['{"_type":"histogram","bins":[0.0]}', None, None],
        "summary.big": [str(2**70), None, None],
    }
    assert table.schema.field("config.lr").type == pa.float64()
    assert table.schema.field("config.model.depth").type == pa.int64()
    assert table.schema.field("config.none").type == pa.null()


def test_the_table_of_some_runs_keeps_their_order(make_index):
    index = make_index([run(str(i), created_at=float(i), config={"only": i} if i == 2 else {}) for i in range(4)])
    assert index.to_table([3, 0])["run_id"].to_pylist() == ["3", "0"]
    assert "config.only" not in index.to_table([3, 0]).column_names


RUNS = [
    run("a", created_at=2.0, tags=("x", "y"), config={"m": {"d": 3, "t": "x"}, "m.d": "deep"}, last_step=4),
    run(
        "b", created_at=2.0, config={"m": {"d": 2**70}, "l": [1, [2]], "e": {}}, summary={"img": {"_type": "i", "w": 9}}
    ),
    run("c", created_at=1.0, tags=("y",), config={"m": 5, "b": True}, notes="n", exit_code=1),
    run("d", created_at=3.0, config={"m": {"d": None}, "b": 1}, summary={"_step": 7, "img": {"_type": "i", "w": 2}}),
    run("e", created_at=0.5, summary={"img": "lost"}, last_step=9, runtime_s=2.5),
]

FILTERS = [
    {"config.m.d": 3},
    {"config.m.d": "deep"},
    {"config.m\\.d": "deep"},
    {"config.m.d": {"$exists": True}},
    {"config.m.d": {"$exists": False}},
    {"config.m.d": None},
    {"config.m.d": {"$gt": 2**69}},
    {"config.m": {"d": 3, "t": "x"}},
    {"config.m": {"$exists": True}},
    {"config.m": 5},
    {"config.l": 1},
    {"config.l": [2]},
    {"config.e": {}},
    {"config.b": True},
    {"config.b": {"$in": [1, True]}},
    {"config.nothing": {"$ne": 1}},
    {"config.nothing.deep": {"$exists": True}},
    {"summary.img.w": {"$gt": 2}},
    {"summary.img._type": "i"},
    {"summary._step": {"$gte": 7}},
    {"summary._runtime": 2.5},
    {"tags": "y"},
    {"tags": ["y", "x"]},
    {"tags": {"$ne": "x"}},
    {"tags": {"$exists": False}},
    {"tags": None},
    {"notes": None},
    {"notes": {"$regex": "N", "$options": "i"}},
    {"exit_code": {"$exists": True}},
    {"name": {"$in": ["a", "e"]}},
    {"$or": [{"state": "failed"}, {"created_at": {"$lt": 2}}]},
    {"$nor": [{"config.b": True}]},
]


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_filter_finds_the_same_however_the_runs_are_kept(filters):
    expected = objects_index(RUNS).select(filters)
    assert stored_index(RUNS).select(filters) == expected
    assert mixed_index(RUNS).select(filters) == expected


@pytest.mark.parametrize("order", ["config.m", "-config.m.d", "summary.img.w", "-summary._step", "tags", "-notes,name"])
def test_an_order_is_the_same_however_the_runs_are_kept(order):
    assert ordered(RUNS, order)
    assert ordered(RUNS[::-1], order) == ordered(RUNS, order)


def test_texts_that_came_later_sort_among_the_stored_ones():
    names = ["b", "d", "bb", "a", "e", "c", "cc", "b"]
    runs = [run(str(i), name=name, created_at=float(i)) for i, name in enumerate(names)]
    assert ordered(runs, "display_name") == "3 0 7 2 5 6 1 4"
    assert ordered(runs, "-display_name") == "4 1 6 5 2 0 7 3"


def test_runs_of_a_page_are_the_runs_that_went_in(make_index):
    index = make_index(RUNS)
    assert [one.run_id for one in index.runs] == ["e", "c", "a", "b", "d"]
    assert sorted(index.runs, key=lambda one: one.run_id) == RUNS
    assert index.infos([3, 0, 3]) == [RUNS[1], RUNS[4], RUNS[1]]
    assert index.infos([]) == []


def test_a_page_of_many_runs_of_one_moment_goes_by_id():
    runs = [run(f"{i:03}", created_at=float(i % 3)) for i in range(40)]
    expected = sorted((one.created_at, one.run_id) for one in runs)
    for form in FORMS:
        assert [(one.created_at, one.run_id) for one in form(runs).runs] == expected


def test_columns_are_made_again_after_they_were_forgotten(make_index):
    index = make_index(RUNS)
    before = index.select({"config.b": True}, "-config.m.d")
    index.forget_columns()
    assert index.select({"config.b": True}, "-config.m.d") == before
