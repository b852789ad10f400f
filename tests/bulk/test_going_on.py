"""Exports that were killed go on, and those that are there are brought up to date: byte for byte as one in one go."""

import io
import os
import shutil
import signal
import sys
from pathlib import Path

import msgspec
import pytest

import warm
from runlake.bulk.places import read_manifest
from runlake.errors import ConflictError, CorruptError
from runlake.model import RunEdit, RunPath
from runlake.store import disk

pytestmark = pytest.mark.usefixtures("project")

SOURCE = Path(__file__).parents[2] / "src"
KILLED = """
import os, signal, sys
from pathlib import Path
from runlake.bulk.export import export_folder
from runlake.bulk.options import options_of
from runlake.service.open import open_service
from runlake.store import disk

place, folder, number = sys.argv[1:]
steps = []

def watcher(step, place):
    if str(folder) in str(place) and step in ("create", "write", "replace", "remove", "make_folder"):
        steps.append(step)
        if len(steps) == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

service = open_service(place)
with disk.watched(watcher):
    export_folder(service, "ann", "digits", Path(folder), options_of(format="csv", has_files=True))
"""


class Stopped(BaseException):
    """The process dies here."""


def stop_at(number):
    """A watcher that lets the process die before its step of this number, and counts."""
    seen = []

    def watcher(step, place):
        if step in ("create", "write", "replace", "remove", "sync") and "out" in place.parts:
            seen.append((step, place.name))
            if 0 < number <= len(seen):  # and does nothing more, whichever thread it is
                raise Stopped

    return watcher, seen


@pytest.mark.slow
def test_an_export_that_dies_at_any_step_goes_on_to_the_same_bytes(export, tmp_path, content):
    watcher, steps = stop_at(0)
    with disk.watched(watcher):
        export(tmp_path / "out", has_files=True)
    expected = content(tmp_path / "out")
    for number in range(1, len(steps) + 1):
        shutil.rmtree(tmp_path / "out")
        watcher, _ = stop_at(number)
        with disk.watched(watcher), pytest.raises(Stopped):
            export(tmp_path / "out", has_files=True)
        export(tmp_path / "out", has_files=True)
        assert content(tmp_path / "out") == expected, steps[number - 1]
        assert [place.name for place in (tmp_path / "out/.runlake-export").iterdir()] == ["lock"]


@pytest.mark.parametrize("number", [2, 9, 17, 26])
def test_a_killed_process_leaves_what_goes_on(number, root, server, local, export, tmp_path, content):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", KILLED, server.url, str(tmp_path / "out"), str(number)]
    assert warm.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    export(tmp_path / "out", has_files=True)
    export(tmp_path / "whole", has_files=True)
    assert content(tmp_path / "out") == content(tmp_path / "whole")


def interrupted(export, folder):
    """An export that dies when its first run is done and the second is to be put in place."""

    def watcher(step, place):
        if (step, place.name) == ("replace", "A1~1.csv"):
            raise Stopped

    with disk.watched(watcher), pytest.raises(Stopped):
        export(folder, worker_count=1)


def test_it_goes_on_with_the_state_it_was_begun_with(make_run, export, tmp_path, content):
    export(tmp_path / "whole")
    interrupted(export, tmp_path / "out")
    make_run("later", rows=[{"a": 1}], at_s=99)
    done = export(tmp_path / "out")
    assert done.continued_from == read_manifest(tmp_path / "out").made.at
    assert content(tmp_path / "out") == content(tmp_path / "whole")
    assert export(tmp_path / "out").written_count == 1


def test_what_is_there_and_right_is_not_written_again(export, tmp_path, content):
    interrupted(export, tmp_path / "out")
    first = tmp_path / "out/history/a1.csv"
    number = first.stat().st_ino
    assert export(tmp_path / "out").written_count == 2
    assert first.stat().st_ino == number
    shutil.rmtree(tmp_path / "out")
    interrupted(export, tmp_path / "out")
    first.write_text("altered")
    assert export(tmp_path / "out").written_count == 3
    assert first.read_text() != "altered"


def test_other_options_do_not_go_on_with_it(export, tmp_path):
    interrupted(export, tmp_path / "out")
    with pytest.raises(ConflictError, match="was not ended"):
        export(tmp_path / "out", format="jsonl")


# Up to date


@pytest.fixture
def changed(local, make_run):
    """Changes the project: one run is new, one edited, one deleted."""

    def change():
        make_run("b2", rows=[{"a": 1}], at_s=70)
        local.edit_run(RunPath("ann", "digits", "empty"), RunEdit(info={"notes": "none"}))
        local.delete_run(RunPath("ann", "digits", "A1"))

    return change


def without_deleted(found):
    return {**found, "manifest.json": b""}


def test_an_export_is_brought_up_to_date_in_place(service, export, changed, tmp_path, content):
    export(tmp_path / "out", service=service, has_files=True)
    number = (tmp_path / "out/history/a1.csv").stat().st_ino
    changed()
    done = export(tmp_path / "out", service=service, has_files=True)
    whole = export(tmp_path / "whole", service=service, has_files=True)
    assert (done.written_count, done.kept_count, done.manifest.deleted) == (2, 1, ("A1",))
    assert (tmp_path / "out/history/a1.csv").stat().st_ino == number
    assert without_deleted(content(tmp_path / "out")) == without_deleted(content(tmp_path / "whole"))
    assert done.manifest.runs == whole.manifest.runs
    assert not (tmp_path / "out/history/A1~1.csv").exists()


def test_nothing_new_writes_nothing_but_what_is_known_of_the_runs(service, export, tmp_path, content):
    export(tmp_path / "out", service=service)
    before = content(tmp_path / "out")
    done = export(tmp_path / "out", service=service)
    assert (done.written_count, done.kept_count, content(tmp_path / "out")) == (0, 3, before)


def test_a_file_that_is_gone_is_written_again(export, tmp_path, content):
    export(tmp_path / "out")
    before = content(tmp_path / "out")
    (tmp_path / "out/history/a1.csv").unlink()
    assert export(tmp_path / "out").written_count == 1
    assert content(tmp_path / "out") == before


def test_a_file_of_a_run_that_changes_is_seen(local, export, tmp_path):
    export(tmp_path / "out", has_files=True)
    local.put_file(RunPath("ann", "digits", "a1"), "model.bin", io.BytesIO(b"new"))
    assert export(tmp_path / "out", has_files=True).written_count == 1
    assert (tmp_path / "out/files/a1/model.bin").read_bytes() == b"new"


def test_what_came_since_lies_over_the_export_before(service, export, changed, tmp_path, content):
    first = export(tmp_path / "first", service=service)
    changed()
    done = export(tmp_path / "second", service=service, since=tmp_path / "first/manifest.json")
    assert sorted(content(tmp_path / "second")) == ["history/b2.csv", "manifest.json", "runs.csv"]
    assert (done.written_count, done.kept_count, done.manifest.base) == (2, 1, first.manifest.digest)
    assert [run.run_id for run in done.manifest.runs if run.is_in_base] == ["a1"]
    whole = export(tmp_path / "whole", service=service)
    shutil.copytree(tmp_path / "second", tmp_path / "first", dirs_exist_ok=True)
    for run in first.manifest.runs:
        if run.run_id in done.manifest.deleted:
            for entry in run.files:
                (tmp_path / "first" / entry.path).unlink()
    assert without_deleted(content(tmp_path / "first")) == without_deleted(content(tmp_path / "whole"))
    assert done.manifest.totals == whole.manifest.totals


def test_a_folder_with_an_export_is_no_place_for_what_came_since_another(make_run, export, tmp_path):
    export(tmp_path / "first")
    make_run("b2", at_s=50)
    export(tmp_path / "second")
    with pytest.raises(ConflictError, match="name a new folder"):
        export(tmp_path / "second", since=tmp_path / "first")


@pytest.mark.slow
def test_dying_while_it_is_brought_up_to_date_loses_nothing(export, changed, tmp_path, content):
    export(tmp_path / "out")
    changed()
    shutil.copytree(tmp_path / "out", tmp_path / "kept")
    watcher, steps = stop_at(0)
    with disk.watched(watcher):
        export(tmp_path / "out")
    expected = content(tmp_path / "out")
    for number in range(1, len(steps) + 1):
        shutil.rmtree(tmp_path / "out")
        shutil.copytree(tmp_path / "kept", tmp_path / "out")
        watcher, _ = stop_at(number)
        with disk.watched(watcher), pytest.raises(Stopped):
            export(tmp_path / "out")
        export(tmp_path / "out")
        found = content(tmp_path / "out")
        if steps[number - 1] == ("remove", "done.jsonl") and found != expected:
            found["manifest.json"] = expected["manifest.json"]  # it was complete, and then nothing was new
        assert found == expected, steps[number - 1]


def test_a_manifest_of_others_removes_nothing_outside_of_the_folder(export, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    export(tmp_path / "out")
    manifest = read_manifest(tmp_path / "out")
    run = manifest.runs[1]
    lured = msgspec.structs.replace(
        run, run_id="gone", files=(msgspec.structs.replace(run.files[0], path="../mine.txt"),)
    )
    manifest = msgspec.structs.replace(manifest, runs=(*manifest.runs, lured))
    manifest = msgspec.structs.replace(manifest, digest=manifest.proper_digest())
    (tmp_path / "out/manifest.json").write_bytes(manifest.encoded())
    with pytest.raises(CorruptError, match="which is not in"):
        export(tmp_path / "out")
    assert (tmp_path / "mine.txt").read_text() == "mine"
