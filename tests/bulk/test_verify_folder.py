"""`verify_folder` proves an exported folder against its manifest, and against where it came from."""

import hashlib

import msgspec
import pyarrow.parquet as pq
import pytest

from runlake.bulk.places import read_manifest
from runlake.bulk.verify import verify_folder
from runlake.errors import CorruptError
from runlake.model import RunEdit, RunPath
from trainer import Trainer

pytestmark = pytest.mark.usefixtures("project")


def said(proof):
    return [(found.kind, found.place) for found in proof.differences]


@pytest.mark.parametrize("format", ["parquet", "csv", "jsonl", "arrow"])
def test_what_was_just_exported_is_whole(format, service, export, tmp_path):
    done = export(tmp_path / "out", service=service, format=format, has_files=True)
    told = []
    proof = verify_folder(tmp_path / "out", service, is_deep=True, report=lambda *at: told.append(at))
    size_bytes = sum(entry.size_bytes for entry in done.manifest.files_here().values())
    assert (said(proof), proof.is_whole, proof.digest) == ([], True, done.manifest.digest)
    assert (proof.file_count, proof.size_bytes, proof.run_count) == (7, size_bytes, 3)
    assert (told[0], told[-1]) == ((0, size_bytes), (size_bytes, size_bytes))


def test_what_is_altered_missing_and_unknown_is_named(export, tmp_path):
    export(tmp_path / "out", has_files=True)
    (tmp_path / "out/history/a1.csv").write_bytes(
        (tmp_path / "out/history/a1.csv").read_bytes().replace(b"1.5", b"1.6")
    )
    (tmp_path / "out/files/a1/model.bin").unlink()
    (tmp_path / "out/history/zz.csv").write_text("mine")
    assert said(verify_folder(tmp_path / "out")) == [
        ("altered", "history/a1.csv"), ("missing", "files/a1/model.bin"), ("unknown", "history/zz.csv"),
    ]  # fmt: skip


def test_an_altered_manifest_proves_nothing(export, tmp_path):
    export(tmp_path / "out")
    file = tmp_path / "out/manifest.json"
    file.write_text(file.read_text().replace('"kind": "history"', '"kind": "events"'))
    with pytest.raises(CorruptError, match="digest does not fit"):
        verify_folder(tmp_path / "out")


def test_an_export_that_is_not_ended_is_named(export, tmp_path):
    export(tmp_path / "out")
    (tmp_path / "out/.runlake-export/plan.json").write_text("{}")
    assert said(verify_folder(tmp_path / "out")) == [("unfinished", str(tmp_path / "out"))]


def test_what_the_source_did_since_is_named(service, local, make_run, export, tmp_path):
    export(tmp_path / "out")
    make_run("b2", at_s=70)
    local.edit_run(RunPath("ann", "digits", "empty"), RunEdit(config_set={"lr": 2}))
    local.delete_run(RunPath("ann", "digits", "A1"))
    proof = verify_folder(tmp_path / "out", service, is_deep=True)
    assert said(proof) == [("changed", "empty"), ("new", "b2"), ("deleted", "A1")]
    assert proof.differences[0].text == "its fields, config, summary or files are others"


def test_a_run_that_went_on_is_changed_and_the_rows_that_were_written_are_right(root, service, export, tmp_path):
    trainer = Trainer(root, "live", project="digits").log(n=0).log(n=1)
    export(tmp_path / "out")
    trainer.log(n=2).log(n=3)
    proof = verify_folder(tmp_path / "out", service, is_deep=True)
    trainer.opened.writer.close()
    assert said(proof) == [("changed", "live")]
    assert "rows of history where there were" in proof.differences[0].text


def resigned(folder, path, content, made_by):
    """The folder with other bytes in one file, and a manifest that knows them."""
    (folder / path).write_bytes(content)
    manifest = read_manifest(folder)
    digest = hashlib.sha256(content).hexdigest()
    runs = tuple(
        msgspec.structs.replace(
            run,
            made_by=made_by or run.made_by,
            files=tuple(
                msgspec.structs.replace(entry, sha256=digest, size_bytes=len(content)) if entry.path == path else entry
                for entry in run.files
            ),
        )
        for run in manifest.runs
    )
    manifest = msgspec.structs.replace(manifest, runs=runs)
    manifest = msgspec.structs.replace(manifest, digest=manifest.proper_digest())
    (folder / "manifest.json").write_bytes(manifest.encoded())


def test_values_that_are_others_are_found_only_deep(service, export, tmp_path):
    export(tmp_path / "out")
    content = (tmp_path / "out/history/a1.csv").read_bytes().replace(b"1.5", b"1.6")
    resigned(tmp_path / "out", "history/a1.csv", content, None)
    assert said(verify_folder(tmp_path / "out", service)) == []
    assert said(verify_folder(tmp_path / "out", service, is_deep=True)) == [("differs", "a1")]


def test_what_other_versions_wrote_is_compared_by_its_values(service, export, tmp_path):
    export(tmp_path / "out", format="parquet")
    place = tmp_path / "out/history/a1.parquet"
    table = pq.read_table(place)
    pq.write_table(table, place, compression="gzip")
    resigned(tmp_path / "out", "history/a1.parquet", place.read_bytes(), "runlake 0, pyarrow 0")
    assert said(verify_folder(tmp_path / "out", service, is_deep=True)) == []
    pq.write_table(table.slice(1), place)
    resigned(tmp_path / "out", "history/a1.parquet", place.read_bytes(), "runlake 0, pyarrow 0")
    assert said(verify_folder(tmp_path / "out", service, is_deep=True)) == [("differs", "a1")]


def test_an_export_of_the_format_before_is_proved_and_brought_up_to_date(service, make_run, export, tmp_path):
    export(tmp_path / "out", format="parquet")
    manifest = msgspec.structs.replace(read_manifest(tmp_path / "out"), format_version=1)
    manifest = msgspec.structs.replace(manifest, digest=manifest.proper_digest())
    (tmp_path / "out/manifest.json").write_bytes(manifest.encoded())
    assert said(verify_folder(tmp_path / "out", service, is_deep=True)) == []
    make_run("b2", rows=[{"a": 1}], at_s=70)
    done = export(tmp_path / "out", format="parquet")
    assert (done.written_count, done.kept_count, done.manifest.format_version) == (1, 3, 2)


def test_what_came_since_another_export_is_proved_alone_and_over_it(service, make_run, export, tmp_path):
    export(tmp_path / "first")
    make_run("b2", rows=[{"a": 1}], at_s=70)
    export(tmp_path / "second", since=tmp_path / "first")
    proof = verify_folder(tmp_path / "second", service, is_deep=True)
    assert (said(proof), proof.in_base_count, proof.run_count) == ([], 3, 4)
    (tmp_path / "second/history/a1.csv").write_text("something else")
    assert said(verify_folder(tmp_path / "second")) == [("altered", "history/a1.csv")]
