"""A project as a folder: what is in it, and that it is the same whoever writes it, whenever."""

import csv
import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from runlake.api.api import Api
from runlake.artifact_model import ArtifactStart, CollectionPath
from runlake.bulk.export import Exported
from runlake.bulk.options import options_of
from runlake.bulk.places import read_manifest
from runlake.errors import BadValueError, ConflictError, CorruptError, NewerFormatError, NotFoundError
from runlake.model import RunPath
from runlake.query.rows.export import FORMATS
from runlake.service.remote.service import RemoteService
from runlake.store import disk
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from trainer import Trainer

pytestmark = pytest.mark.usefixtures("project")


def test_a_folder_has_a_file_for_each_stream_of_each_run(service, export, tmp_path, content):
    done = export(tmp_path / "out", service=service, has_files=True)
    found = content(tmp_path / "out")
    assert sorted(found) == [
        "console/a1.csv", "events/a1.csv", "files/a1/model.bin", "files/a1/notes/a.txt", "history/A1~1.csv",
        "history/a1.csv", "manifest.json", "runs.csv",
    ]  # fmt: skip
    assert found["history/a1.csv"].decode() == (
        '_step,_runtime,_timestamp,loss,"_step.x/y""z",Loss,mixed\n'
        "0,1.0,1700000001.0,1.5,1,,\n"
        "1,2.0,1700000002.0,NaN,,2,text\n"
        "2,3.0,1700000003.0,,,,3\n"
    )
    assert found["files/a1/notes/a.txt"] == b"of a"
    assert found["runs.csv"].decode().splitlines()[1].startswith("ann,digits,a1,one,finished,1700000000.0,")
    assert done == Exported(manifest=read_manifest(tmp_path / "out"), written_count=3, kept_count=0, problems=())
    assert done.manifest.totals == {"runs": 3, "history": 53, "events": 1, "console": 1, "files": 2}


def test_the_manifest_says_what_is_in_each_file(export, tmp_path):
    manifest = export(tmp_path / "out").manifest
    (run,) = [run for run in manifest.runs if run.run_id == "A1"]
    (entry,) = run.files
    data = (tmp_path / "out" / entry.path).read_bytes()
    assert (entry.kind, entry.row_count, entry.first_step, entry.last_step) == ("history", 50, 0, 49)
    assert (entry.size_bytes, entry.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert run.row_counts == {"history": 50, "events": 0, "console": 0}


@pytest.mark.parametrize(
    ("format", "shape"),
    [(format, shape) for format in FORMATS for shape in ("wide", "long") if (format, shape) != ("jsonl", "long")],
)
def test_an_export_has_the_same_bytes_from_a_folder_a_server_and_sealed_runs(
    format, shape, local, server, export, tmp_path, content
):
    options = {"format": format, "shape": shape, "has_files": True}
    export(tmp_path / "near", **options)
    remote = RemoteService(server.url)
    export(tmp_path / "far", service=remote, **options)
    remote.close()
    list(local.seal("ann", "digits"))
    list(local.pack_runs("ann", "digits", at_once=True))
    export(tmp_path / "sealed", **options)
    assert content(tmp_path / "far") == content(tmp_path / "near")
    assert content(tmp_path / "sealed") == content(tmp_path / "near")


@pytest.mark.parametrize("format", FORMATS)
def test_the_bytes_do_not_tell_how_many_workers_wrote_them(format, export, tmp_path, content):
    export(tmp_path / "one", format=format, worker_count=1)
    export(tmp_path / "many", format=format, worker_count=3)
    assert content(tmp_path / "many") == content(tmp_path / "one")


def test_tables_of_every_format_hold_the_same_rows(export, tmp_path):
    for format in ("parquet", "arrow", "jsonl"):
        export(tmp_path / format, format=format)
    table = pq.read_table(tmp_path / "parquet/history/a1.parquet")
    with pa.memory_map(str(tmp_path / "arrow/history/a1.arrow")) as source:
        assert str(pa.ipc.open_file(source).read_all().to_pydict()) == str(table.to_pydict())
    lines = [json.loads(line) for line in (tmp_path / "jsonl/history/a1.jsonl").read_text().splitlines()]
    assert table["mixed"].to_pylist() == [None, "text", "3"]
    assert lines[2] == {"_step": 2, "_runtime": 3.0, "_timestamp": 1700000003.0, "mixed": 3}
    assert pq.read_table(tmp_path / "parquet/runs.parquet")["run_id"].to_pylist() == ["a1", "A1", "empty"]


def test_keys_streams_and_filters_narrow_it(export, tmp_path, content):
    export(tmp_path / "keys", keys=["acc", "loss"], filters={"name": "one"})
    found = content(tmp_path / "keys")
    assert sorted(found) == ["history/a1.csv", "manifest.json", "runs.csv"]
    assert found["history/a1.csv"].decode() == "_step,loss\n0,1.5\n1,NaN\n"
    export(tmp_path / "events", streams=["events"])
    assert sorted(content(tmp_path / "events")) == ["events/a1.csv", "manifest.json", "runs.csv"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"format": "xls"}, "format='xls'"),
        ({"shape": "tall"}, "shape='tall'"),
        ({"shape": "long", "format": "jsonl"}, "JSON lines"),
        ({"streams": ["logs"]}, "streams="),
        ({"streams": []}, "streams="),
        ({"keys": "loss"}, "lists of names"),
    ],
)
def test_options_that_cannot_be_are_refused_by_name(options, said):
    with pytest.raises(BadValueError, match=said):
        options_of(**{"format": "csv", **options})


def test_more_keys_than_a_table_holds_ask_for_the_long_form_before_anything_is_written(
    service, make_run, export, tmp_path
):
    make_run("wide", rows=[{f"k{n}": n for n in range(2001)}], at_s=20)
    with pytest.raises(BadValueError, match=r"run ann/digits/wide has 2,001 keys.*--shape long.*--keys.*jsonl"):
        export(tmp_path / "out", service=service)
    assert [place.name for place in (tmp_path / "out").iterdir()] == [".runlake-export"]
    assert export(tmp_path / "out", service=service, shape="long").manifest.totals["history"] == 54
    assert len((tmp_path / "out/history/wide.csv").read_text().splitlines()) == 2002
    with (tmp_path / "out/runs.csv").open(newline="") as file:
        runs = list(csv.DictReader(file))
    assert list(runs[0])[-3:] == ["sweep", "config", "summary"]
    assert [json.loads(run["config"]) for run in runs] == [{"lr": 0.1}, {}, {}, {}]
    assert json.loads(runs[3]["summary"])["k2000"] == 2000


def test_artifacts_are_a_table(local, export, tmp_path):
    draft = local.begin_artifact(
        CollectionPath("ann", "digits", "data"),
        ArtifactStart(artifact_id="0123456789", type="dataset", metadata={"n": 1}, aliases=("best",)),
    )
    local.commit_artifact(draft.path, [])
    export(tmp_path / "out", format="jsonl")
    (row,) = [json.loads(line) for line in (tmp_path / "out/artifacts.jsonl").read_text().splitlines()]
    assert {name: row[name] for name in ("name", "version", "type", "aliases", "metadata")} == {
        "name": "data", "version": "v0", "type": "dataset", "aliases": ["best"], "metadata": '{"n":1}',
    }  # fmt: skip


def test_progress_counts_rows(export, tmp_path):
    told = []
    export(tmp_path / "out", report=lambda done, total: told.append((done, total)))
    assert (told[0], told[-1]) == ((0, 55), (55, 55))


# Folders that are in the way


def test_a_folder_with_other_things_in_it_is_left_alone(export, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.tex").write_text("mine")
    with pytest.raises(ConflictError, match=r"'thesis\.tex' and no export"):
        export(tmp_path / "out")
    assert [place.name for place in (tmp_path / "out").iterdir()] == ["thesis.tex"]


def test_two_exports_into_one_folder_do_not_mix(export, tmp_path):
    seen = []

    def report(done, total):
        if not seen:
            seen.append(True)
            with pytest.raises(ConflictError, match="another export writes into"):
                export(tmp_path / "out")

    export(tmp_path / "out", report=report)
    assert seen == [True]


def test_an_export_with_other_options_needs_another_folder(export, tmp_path, content):
    export(tmp_path / "out")
    before = content(tmp_path / "out")
    with pytest.raises(ConflictError, match=r"other options .format csv, shape wide"):
        export(tmp_path / "out", format="parquet")
    assert content(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda text: text.replace('"row_count": 50', '"row_count": 51'), CorruptError),
        (lambda text: text[: len(text) // 2], CorruptError),
        (lambda text: "[]", CorruptError),
        (lambda text: text.replace('"format_version": 2', '"format_version": 3'), NewerFormatError),
    ],
)
def test_a_bad_manifest_is_refused(damage, error, export, tmp_path):
    export(tmp_path / "out")
    file = tmp_path / "out/manifest.json"
    file.write_text(damage(file.read_text()))
    with pytest.raises(error):
        export(tmp_path / "out")
    with pytest.raises(NotFoundError, match="there is no"):
        export(tmp_path / "new", since=tmp_path / "nothing.json")


# A project that goes on meanwhile


def test_rows_that_are_logged_during_an_export_are_not_in_it_nor_one_that_may_still_grow(
    root, service, export, tmp_path
):
    trainer = Trainer(root, "live", project="digits").log(n=0).log(n=1).log(n=2)
    trainer.opened.writer.log({"begun": 1}, step=3, timestamp=103.0, runtime=3.0, commit=False)

    def report(done, total):
        trainer.opened.writer.log({"more": 1}, step=3, timestamp=103.0, runtime=3.0)
        trainer.step = 4
        trainer.log(n=4)

    done = export(tmp_path / "out", service=service, filters={"run_id": "live"}, report=report)
    trainer.opened.writer.close()
    assert (tmp_path / "out/history/live.csv").read_text() == (
        "_step,_runtime,_timestamp,n\n0,0.0,100.0,0\n1,1.0,101.0,1\n2,2.0,102.0,2\n"
    )
    assert done.manifest.runs[0].row_counts == {"history": 3, "events": 0, "console": 0}


def test_a_run_that_is_deleted_during_an_export_is_named(service, local, export, tmp_path):
    def report(done, total):
        if done == 0 and "A1" in [run.run_id for run in local.list_runs("ann", "digits").runs]:
            local.delete_run(RunPath("ann", "digits", "A1"))

    with pytest.warns(UserWarning, match="A1 is not whole"):
        done = export(tmp_path / "out", service=service, report=report)
    assert done.problems == ("run A1: its history is missing: it was deleted while it was exported",)
    assert [run.run_id for run in done.manifest.runs] == ["a1", "A1", "empty"]
    assert (tmp_path / "out/history/a1.csv").exists()


@pytest.mark.parametrize("name", ["plan.json", "writing-0", "writing-2", "done.jsonl", "manifest.json"])
def test_a_full_disk_leaves_an_export_that_goes_on(name, export, tmp_path, content):
    export(tmp_path / "whole", has_files=True)

    def full(step, place):
        return 3 if step == "write" and place.name == name else None

    with disk.watched(full), pytest.raises(OSError, match="No space"):
        export(tmp_path / "out", has_files=True)
    assert not (tmp_path / "out/manifest.json").exists()
    assert (export(tmp_path / "out", has_files=True).continued_from is None) == (name == "plan.json")
    assert content(tmp_path / "out") == content(tmp_path / "whole")


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_keys_stay_apart_whatever_they_are_called(format, make_run, export, tmp_path):
    row = {
        "key": 1,
        "Key": 2,
        "KEY": 3,
        '_step.x/y"z': 4,
        "a.b": 6,
        "a": {"b": 7},
        "new\nline": 8,
        "": 9,
        "é": 10,
    }
    make_run("strange", rows=[row], at_s=50)
    export(tmp_path / "out", format=format, filters={"run_id": "strange"})
    file = tmp_path / "out/history" / f"strange.{format}"
    table = pq.read_table(file) if format == "parquet" else pa.ipc.open_file(file.read_bytes()).read_all()
    assert table.select(range(3, table.num_columns)).to_pydict() == {
        "key": [1], "Key": [2], "KEY": [3], '_step.x/y"z': [4], "a\\.b": [6], "a.b": [7],
        "new\nline": [8], "": [9], "é": [10],
    }  # fmt: skip


def test_values_of_mixed_types_are_one_column_and_say_so(make_run, export, tmp_path):
    rows = [{"x": 1, "y": 1, "z": None}, {"x": 2.5, "y": "text", "z": 3}, {"x": 2, "y": [1, None]}, {"y": True}]
    make_run("mixed", rows=rows, at_s=50)
    export(tmp_path / "out", format="parquet", filters={"run_id": "mixed"})
    table = pq.read_table(tmp_path / "out/history/mixed.parquet").select(["x", "y", "z"])
    assert table.to_pydict() == {
        "x": [1.0, 2.5, 2.0, None], "y": ["1", "text", "[1,null]", "true"], "z": [None, 3, None, None],
    }  # fmt: skip
    assert table.schema.field("y").metadata == {b"runlake.mixed": b"i64,str,json,bool"}


def test_the_api_exports_a_project(local, tmp_path, content, export):
    told = []
    with Api(service=local) as api:
        done = api.export("ann/digits", tmp_path / "api", format="csv", progress=lambda *at: told.append(at))
        again = api.export("digits", str(tmp_path / "api"), format="csv", since=tmp_path / "api/manifest.json")
    export(tmp_path / "out")
    assert content(tmp_path / "api") == content(tmp_path / "out")
    assert (done.written_count, again.written_count, told[-1]) == (3, 0, (55, 55))


def test_a_run_that_begins_anew_during_an_export_is_there_as_it_was(service, make_run, export, tmp_path, content):
    export(tmp_path / "before")

    def report(done, total):
        if done == 0:
            make_run("a1", rows=[{"loss": 9}], at_s=500)

    done = export(tmp_path / "out", service=service, report=report)
    assert done.problems == ()
    assert content(tmp_path / "out") == content(tmp_path / "before")


def test_of_a_run_with_several_writers_the_first_rows_of_each_are_exported(root, service, export, tmp_path):
    layout, path = FolderStore(root), RunPath("ann", "digits", "shared")
    writers = [open_run(layout, path, {}, is_shared=True).writer for _ in range(2)]

    def log(second):
        for writer in writers:
            writer.log({"n": second}, step=second, timestamp=100.0 + second, runtime=float(second))

    for second in range(5):
        log(second)
    export(tmp_path / "before", filters={"run_id": "shared"})
    done = export(
        tmp_path / "out", service=service, filters={"run_id": "shared"}, report=lambda done, total: log(50 + done)
    )
    for writer in writers:
        writer.close()
    (run,) = done.manifest.runs
    before, after = ((tmp_path / name / "history/shared.csv").read_text() for name in ("before", "out"))
    assert (after, run.row_counts["history"]) == (before, len(before.splitlines()) - 1)
    assert sorted(run.next_n["history"].values()) == [5, 5]
