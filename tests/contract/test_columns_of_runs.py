"""Runs as columns, over every implementation: pages, groups, facets, and what is refused."""

import math

import pytest

from runlake.errors import BadValueError, ConflictError, FilterError, NotFoundError, PathError
from runlake.listing_model import RunColumn, RunColumnsQuery, RunGroup
from runlake.store.folder_store import FolderStore
from trainer import RUN

PLACE = ("ann", "mnist")


@pytest.fixture
def runs(train):
    """Four runs; the third has neither a loss nor an optimizer, the last one goes on."""
    train("a", name="first", tags=["x", "y"], config={"opt": "sgd", "lr": 1, "net": {"depth": 3}}).log(
        loss=0.5
    ).finish()
    train("b", name="second", tags=["x"], config={"opt": "adam", "lr": 0.5, "shape": [1, 2]}).log(
        loss=math.nan
    ).finish()
    train("c", name="third", config={"lr": 2**70, "opt": None}).finish()
    train("d", name="fourth", config={"opt": "sgd", "lr": "auto"}).log(loss=1.5)


def ask(service, **query):
    return service.read_run_columns(*PLACE, RunColumnsQuery(**query))


def test_named_columns_come_as_they_were_logged(service, runs):
    page = ask(service, columns=("name", "config.lr", "config.net.depth", "config.net", "summary.loss", "tags"))
    assert (page.run_ids, page.total_count, page.groups, page.facets) == (("a", "b", "c", "d"), 4, None, None)
    losses = page.columns.pop("summary.loss")
    assert (losses[0], math.isnan(losses[1]), losses[2:]) == (0.5, True, [None, 1.5])
    assert page.columns == {
        "name": ["first", "second", "third", "fourth"],
        "config.lr": [1, 0.5, 2**70, "auto"],
        "config.net.depth": [3, None, None, None],
        "config.net": [{"depth": 3}, None, None, None],
        "tags": [["x", "y"], ["x"], None, None],
    }
    assert [type(value) for value in page.columns["config.lr"]] == [int, float, int, str]


def test_pages_are_filtered_and_ordered_as_listings_and_cut_from_one_state(service, runs, train):
    filters = {"config.opt": {"$in": ["sgd", "adam"]}}
    first = ask(service, columns=("name",), filters=filters, order=("-name",), limit=2)
    assert (first.run_ids, first.columns, first.total_count) == (("b", "d"), {"name": ["second", "fourth"]}, 3)
    train("e", name="zebra", config={"opt": "sgd"}).finish()
    second = ask(service, filters=filters, order=("-name",), offset=2, limit=2, version=first.version)
    assert (second.run_ids, second.version, second.columns) == (("a",), first.version, {})
    assert ask(service, filters=filters, order=("-name",), limit=1).run_ids == ("e",)
    assert service.list_runs(*PLACE, version=first.version).total_count == 4
    with pytest.raises(ConflictError, match="list again from the first page"):
        ask(service, version="0" * 16 + ".0")


def test_runs_can_be_named(service, runs):
    page = ask(service, columns=("name",), run_ids=("d", "a", "nobody"), filters={"config.opt": "sgd"})
    assert (page.run_ids, page.total_count) == (("a", "d"), 2)
    assert ask(service, run_ids=()).run_ids == ()


def test_groups_have_aggregates_of_all_that_match_in_the_order_of_their_first_run(service, runs):
    page = ask(
        service,
        limit=1,
        order=("-name",),
        group_by=("config.opt",),
        aggregates={"summary.loss": ("count", "mean", "min", "max", "std", "sum", "median", "nan_count")},
    )
    nothing = {"count": 0, "mean": None, "min": None, "max": None, "std": None, "sum": None, "median": None}
    two = {"count": 2, "mean": 1.0, "min": 0.5, "max": 1.5, "std": 0.5, "sum": 2.0, "median": 1.0}
    assert page.run_ids == ("c",)
    assert page.groups == (
        RunGroup(values={"config.opt": None}, run_count=1, aggregates={"summary.loss": {**nothing, "nan_count": 0}}),
        RunGroup(values={"config.opt": "adam"}, run_count=1, aggregates={"summary.loss": {**nothing, "nan_count": 1}}),
        RunGroup(values={"config.opt": "sgd"}, run_count=2, aggregates={"summary.loss": {**two, "nan_count": 0}}),
    )


def test_no_column_to_group_by_makes_one_group_of_all(service, runs):
    page = ask(service, limit=0, group_by=(), aggregates={"config.lr": ("count", "max")})
    assert page.groups == (
        RunGroup(values={}, run_count=4, aggregates={"config.lr": {"count": 3, "max": float(2**70)}}),
    )
    assert ask(service, filters={"name": "nobody"}, group_by=(), aggregates={"config.lr": ("max",)}).groups == ()


def test_facets_count_the_values_of_all_that_match_and_each_element_of_lists(service, runs):
    page = ask(service, limit=1, facets=("state", "tags", "config.opt"), filters={"name": {"$ne": "second"}})

    found = {name: [(one.value, one.run_count) for one in values] for name, values in page.facets.items()}
    assert found == {
        "state": [("finished", 2), ("running", 1)],
        "tags": [(None, 2), ("x", 1), ("y", 1)],
        "config.opt": [("sgd", 2), (None, 1)],
    }
    assert page.facet_value_counts == {"state": 2, "tags": 3, "config.opt": 2}


def test_every_column_is_named_with_its_kind_and_the_runs_that_have_it(service, runs):
    found = service.list_run_columns(*PLACE)
    names = {column.name: column for column in found.columns}
    assert found.version == ask(service).version
    assert [names[name] for name in ("name", "created_at", "tags", "row_count")] == [
        RunColumn(name="name", kind="text", run_count=4),
        RunColumn(name="created_at", kind="time", run_count=4),
        RunColumn(name="tags", kind="list", run_count=2),
        RunColumn(name="row_count", kind="number", run_count=4),
    ]
    assert [column for column in found.columns if "." in column.name] == [
        RunColumn(name="config.opt", kind="text", run_count=4),
        RunColumn(name="config.lr", kind="mixed", run_count=4),
        RunColumn(name="config.net.depth", kind="number", run_count=1),
        RunColumn(name="config.shape", kind="list", run_count=1),
        RunColumn(name="summary.loss", kind="number", run_count=3),
    ]


def test_keys_of_any_text_are_columns(service, train):
    train("a", config={"a.b": 1, "a": {"b": 2}, "é/\"' \\ 🙂": 3, "x" * 300: 4, "": 5}).finish()
    named = [column.name for column in service.list_run_columns(*PLACE).columns if column.name.startswith("config.")]
    asked = [name for name in named if name != "config."]
    page = ask(service, columns=tuple(asked))
    assert sorted(value for (value,) in page.columns.values()) == [1, 2, 3, 4]


def test_what_cannot_be_asked_is_refused_by_name(service, runs):
    for asked, error, text in (
        ({"columns": ("nmae",)}, FilterError, "in the columns: there is no field 'nmae'; did you mean name"),
        ({"columns": ("config",)}, FilterError, "needs a key after it"),
        ({"columns": ("forked_from",)}, FilterError, "there is no field"),
        ({"filters": {"$where": 1}}, FilterError, "no operator"),
        ({"order": ("-nothing",)}, FilterError, "no field 'nothing'"),
        ({"facets": ("nothing",)}, FilterError, "no field 'nothing'"),
        ({"offset": -1}, BadValueError, "must not be negative"),
        ({"aggregates": {"summary.loss": ("mean",)}}, BadValueError, "name columns in group_by"),
        ({"group_by": (), "aggregates": {"summary.loss": ("mode",)}}, BadValueError, "no aggregate 'mode'; there are"),
        ({"columns": tuple(f"config.{n}" for n in range(1001))}, BadValueError, "1,001 columns in one request"),
        ({"group_by": ("name",) * 17}, BadValueError, "17 columns to group by"),
        ({"facets": ("name",) * 65}, BadValueError, "65 facets"),
        ({"run_ids": tuple(map(str, range(100_001)))}, FilterError, "100,001 values"),
    ):
        with pytest.raises(error, match=text):
            ask(service, **asked)
    with pytest.raises(NotFoundError, match="did you mean ann/mnist"):
        service.read_run_columns("ann", "mnits", RunColumnsQuery())
    with pytest.raises(NotFoundError, match="did you mean ann/mnist"):
        service.list_run_columns("ann", "mnits")
    with pytest.raises(PathError):
        service.list_run_columns("ann", "..")


@pytest.mark.filterwarnings("ignore::runlake.errors.UnreadableRunWarning")
def test_a_run_that_cannot_be_read_is_named(service, root, train):
    train("a").log(loss=1.0).finish()
    train("b", config={"lr": 1}).finish()
    (part,) = FolderStore(root).journal_dir(RUN).iterdir()
    content = bytearray(part.read_bytes())
    content[30] ^= 0xFF
    part.write_bytes(content)
    page = ask(service, columns=("config.lr",))
    assert (page.run_ids, page.columns, list(page.problems)) == (("b",), {"config.lr": [1]}, ["a"])
    assert "CorruptError" in page.problems["a"]
