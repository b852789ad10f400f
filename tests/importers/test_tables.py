"""Tables come back as the runs that they were exported from."""

import json

import pytest

import runlake
from quiet import make_quiet
from runlake.api.export import export_run
from runlake.errors import BadValueError
from runlake.importers.bring import bring
from runlake.importers.tables import is_of, read
from runlake.model import RunPath
from runlake.service.local.service import LocalService


@pytest.fixture
def home(monkeypatch, tmp_path):
    make_quiet(monkeypatch, tmp_path)
    return tmp_path


def bring_all(folder, place):
    service = LocalService(folder / "imported", default_entity="ann")
    return [bring(service, RunPath("ann", "p", foreign.run_id), foreign) for foreign in read(place)]


def rows(store, run_id):
    with runlake.Api(store) as api:
        return [dict(row) for row in api.run(f"ann/p/{run_id}").scan_history()]


@pytest.mark.parametrize("suffix", ["csv", "parquet", "arrow", "jsonl"])
def test_an_exported_run_comes_back(home, suffix):
    with runlake.init(project="p", id="r") as run:
        for step in range(5):
            run.log({"loss": 1 / (step + 1), "n": step, "text": f"é,{step}", "deep": {"x": step / 3}}, step=3 * step)
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
    [("t.jsonl", '{"a": 1}\n[1]\n'), ("t.jsonl", "{"), ("t.parquet", "no parquet"), ("t.csv", "a,b\n1\n")],
)
def test_what_is_no_table_says_so(home, name, content):
    (home / name).write_text(content)
    with pytest.raises(BadValueError, match=name):
        bring_all(home, home / name)


def test_a_folder_is_one_of_tables_only_with_nothing_else_in_it(home):
    folder = home / "tables"
    folder.mkdir()
    (folder / "a.csv").write_text("x\n1\n")
    assert is_of(folder)
    (folder / "README").write_text("x")
    assert not is_of(folder)
