"""Tables come back as the runs that they were exported from."""

import json
import math

import pytest

import runlake
from quiet import make_quiet
from runlake.api.export import export_run
from runlake.errors import BadValueError
from runlake.importers.bring import bring
from runlake.importers.foreign import LeftOut
from runlake.importers.tables import is_of, read
from runlake.model import RunPath
from runlake.service.local.service import LocalService


@pytest.fixture
def home(monkeypatch, tmp_path):
    make_quiet(monkeypatch, tmp_path)
    return tmp_path


def bring_all(folder, place):
    service = LocalService(folder / "imported", default_entity="ann")
    return [
        foreign if isinstance(foreign, LeftOut) else bring(service, RunPath("ann", "p", foreign.run_id), foreign)
        for foreign in read(place)
    ]


def rows(store, run_id):
    with runlake.Api(store) as api:
        return [dict(row) for row in api.run(f"ann/p/{run_id}").scan_history()]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "jsonl"])
def test_an_exported_run_comes_back(home, suffix):
    with runlake.init(project="p", id="r") as run:
        for step in range(5):
            row = {"loss": 1 / (step + 1), "n": step, "text": f"é,{step}", "deep": {"x": step / 3}, "n.b": step}
            run.log(row if step else {**row, "loss": math.inf}, step=3 * step)
    store = run.settings.store
    export_run(LocalService(store, default_entity="ann"), run.run_path, home / f"r.{suffix}", format=suffix)
    with runlake.Api(store) as api:
        expected = [dict(row) for row in api.run(str(run.run_path)).scan_history()]
    (done,) = bring_all(home, home / f"r.{suffix}")
    assert (done.outcome, done.is_whole, done.kept_counts) == ("new", True, {"history": 5})
    assert rows(home / "imported", "r") == expected


def test_a_column_of_run_ids_parts_a_table(home):
    lines = [{"run_id": run, "loss": n} for run in ("a", "b") for n in range(3)]
    (home / "all.jsonl").write_text("\n".join(map(json.dumps, lines)))
    assert [(done.path.run_id, done.kept_counts) for done in bring_all(home, home / "all.jsonl")] == [
        ("a", {"history": 3}),
        ("b", {"history": 3}),
    ]
    assert [row["loss"] for row in rows(home / "imported", "b")] == [0, 1, 2]


def test_rows_without_axes_are_numbered(home):
    (home / "t.csv").write_text("loss,name\n0.5,a\n,b\n")
    bring_all(home, home / "t.csv")
    found = rows(home / "imported", "t")
    assert [(row["_step"], row.get("loss"), row["name"]) for row in found] == [(0, 0.5, "a"), (1, None, "b")]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", b"{"),
        ("t.jsonl", b"\xff\n[1]\n"),
        ("t.parquet", b"no parquet"),
        ("t.arrow", b""),
        ("t.csv", b""),
        ("t.csv", b"a,a\n1,2\n"),
    ],
)
def test_what_is_no_table_says_so(home, name, content):
    (home / name).write_bytes(content)
    with pytest.raises(BadValueError, match=name):
        bring_all(home, home / name)


def test_lines_that_are_no_rows_are_named_and_counted_and_the_rest_comes(home):
    lines = [b'\xef\xbb\xbf{"n": 0}', b'{"n": ', b"[1]", b'{"n": "\xff"}', b"", b'{"n": 1}', b"x", b'{"n": 2}']
    lines += [b'{"\\ud800": 1}', b'{"n":' * 2000 + b"1" + b"}" * 2000]
    (home / "t.jsonl").write_bytes(b"\n".join(lines))
    done, left = bring_all(home, home / "t.jsonl")
    assert (done.outcome, done.is_whole, done.kept_counts) == ("new", True, {"history": 3})
    assert [row["n"] for row in rows(home / "imported", "t")] == [0, 1, 2]
    assert (left.what, left.item_count, left.is_damage) == ("line", 6, True)
    assert left.why == (
        "of no row: line 2 is no JSON: Expecting value at character 6; line 3 is no object: '[1]'; line 4 is no JSON: "
        "'utf-8' codec can't decode byte 0xff in position 7: invalid start byte; and 3 more"
    )
    assert [one.outcome for one in bring_all(home, home / "t.jsonl")[:1]] == ["same"]


def test_lines_of_csv_with_other_cells_than_the_first_are_named_and_counted(home):
    (home / "t.csv").write_text("a,b\n1,2\n3\n4,5\n6,7,8\n")
    done, left = bring_all(home, home / "t.csv")
    assert [(row["a"], row["b"]) for row in rows(home / "imported", "t")] == [(1, 2), (4, 5)]
    assert (done.kept_counts, left.what, left.item_count, left.is_damage) == ({"history": 2}, "line", 2, True)
    assert left.why == "of no row: line 3 is of 1 cells, and not of 2: '3'; line 5 is of 3 cells, and not of 2: '6,7,8'"


@pytest.mark.parametrize(("last", "expected"), [("0.5", 0.5), ("text", "text")])
def test_a_column_of_csv_is_what_all_of_its_cells_are(home, last, expected):
    """Also where the first megabyte has whole numbers alone."""
    count, long = 300, "x" * 10_000
    (home / "t.csv").write_text("\n".join(["a,b", *(f"{n % 7},{long}" for n in range(count)), f"{last},1", ""]))
    bring_all(home, home / "t.csv")
    with runlake.Api(home / "imported") as api:
        found = api.run("ann/p/t").history(keys=["a"], samples=None)["a"].tolist()
    assert (len(found), found[-1], type(found[0])) == (count + 1, expected, type(expected))


def test_a_damaged_table_does_not_keep_the_others_of_its_folder_from_coming(home):
    folder = home / "tables"
    folder.mkdir()
    for name in ("a", "c"):
        (folder / f"{name}.csv").write_text("x\n1\n")
    (folder / "b.parquet").write_bytes(b"PAR1" + bytes(50))
    first, left, last = bring_all(home, folder)
    assert [(one.path.run_id, one.kept_counts) for one in (first, last)] == [
        ("a", {"history": 1}), ("c", {"history": 1}),
    ]  # fmt: skip
    assert (left.place, left.what, left.is_damage) == (str(folder / "b.parquet"), "table", True)


def test_a_folder_is_one_of_tables_only_with_nothing_else_in_it(home):
    folder = home / "tables"
    folder.mkdir()
    (folder / "a.csv").write_text("x\n1\n")
    assert is_of(folder)
    (folder / "README").write_text("x")
    assert not is_of(folder)
