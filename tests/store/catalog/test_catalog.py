"""The catalog: fresh at every call, derived at every moment."""

import io
import os
import shutil
import subprocess
import sys
import warnings

import pytest

import warm
from runlake.model import RunPath
from runlake.store.catalog.catalog import Catalog
from runlake.store.catalog.catalog_file import file_stem
from runlake.store.catalog.limits import CatalogLimits
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.noting import append_change
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import open_editor
from runlake.store.run.state import read_run, read_state
from runlake.values import canonical
from waiting import DEADLINE_S


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


class Reader:
    """A catalog like that of one process; `folded` lists the runs it had to read."""

    def __init__(self, layout, cache_dir=None, **limits):
        self.folded = []
        self.layout = layout
        self.catalog = Catalog(
            layout,
            fold=lambda path: self.fold(path),
            fingerprint=lambda path: read_fingerprint(layout.journal(path)),
            cache_dir=cache_dir,
            limits=CatalogLimits(**{"save_interval_s": 0.0, **limits}),
        )

    def fold(self, path):
        self.folded.append(path.run_id)
        return read_run(self.layout, path)

    def refresh(self):
        self.folded.clear()
        return self.catalog.refresh("ann", "p")

    def ids(self):
        return sorted(info.run_id for info in self.refresh().runs)

    def infos(self):
        return {info.run_id: info for info in self.refresh().runs}


@pytest.fixture
def reader(layout):
    return Reader(layout)


def start(layout, run_id, **fields):
    opened = open_run(layout, RunPath("ann", "p", run_id), fields, inspector=IN_PROCESS)
    opened.writer.log({"loss": 0.5}, step=0, timestamp=1.0, runtime=0.1)
    return opened


def finish(layout, opened):
    opened.writer.end({"exit_code": 0})
    opened.writer.close()
    append_change(layout, opened.path, opened.writer.writer, "finish", opened.incarnation)


def make_run(layout, run_id):
    finish(layout, start(layout, run_id))


def edit(layout, run_id, config):
    path = RunPath("ann", "p", run_id)
    state = read_state(layout, path)
    opened = open_editor(layout, path, state.info, state.clock)
    opened.writer.record(record.CONFIG, {"set": {path: canonical(value) for path, value in config.items()}})
    opened.writer.end({})
    opened.writer.close()
    append_change(layout, path, opened.writer.writer, "edit", opened.incarnation)


def rename(layout, run_id):
    """Move a run out of the store without a word, as a user may do."""
    target = layout.root / f"moved-{run_id}"
    layout.run_dir(RunPath("ann", "p", run_id)).rename(target)
    return target


def test_a_project_that_is_not_there_is_empty(reader):
    state = reader.refresh()
    assert (state.runs, dict(state.problems)) == ((), {})


def test_every_run_is_folded_once_and_then_remembered(layout, reader):
    for run_id in "abc":
        make_run(layout, run_id)
    assert reader.ids() == ["a", "b", "c"]
    assert reader.folded == ["a", "b", "c"]
    before = reader.refresh()
    assert reader.folded == []
    assert reader.refresh() is before


def test_the_next_process_folds_nothing(layout, reader):
    make_run(layout, "a")
    expected = reader.infos()
    other = Reader(layout)
    assert other.infos() == expected
    assert other.folded == []
    make_run(layout, "b")
    assert other.ids() == ["a", "b"]
    assert other.folded == ["b"]


def test_an_edit_of_a_finished_run_is_seen(layout, reader):
    make_run(layout, "a")
    make_run(layout, "b")
    first = reader.refresh().number
    edit(layout, "a", {"lr": 3})
    assert reader.infos()["a"].config == {"lr": 3}
    assert reader.folded == ["a"]
    assert reader.refresh().number == first + 1


def test_rows_of_a_running_run_are_seen_without_a_line(layout, reader):
    opened = start(layout, "a")
    assert (reader.infos()["a"].row_count, reader.infos()["a"].state) == (1, "running")
    assert reader.folded == []
    opened.writer.log({"loss": 0.1}, step=1, timestamp=2.0, runtime=0.2)
    assert reader.infos()["a"].row_count == 2
    finish(layout, opened)
    assert reader.infos()["a"].state == "finished"


def test_a_writer_that_is_gone_without_a_word_is_noticed(layout, reader):
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from runlake.model import RunPath\n"
        "from runlake.store.folder_store import FolderStore\n"
        "from runlake.store.opening.open import open_run\n"
        "opened = open_run(FolderStore(Path(sys.argv[1])), RunPath('ann', 'p', 'a'), {})\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "os._exit(9)\n"
    )
    child = warm.Popen(
        [sys.executable, "-c", script, str(layout.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with child:
        assert child.stdout.readline() == "ready\n"
        assert reader.infos()["a"].state == "running"
        child.communicate("go\n")
    assert reader.infos()["a"].state == "crashed"
    reader.refresh()
    assert reader.folded == []


def test_folders_that_were_copied_in_are_found(layout, reader):
    make_run(layout, "a")
    make_run(layout, "b")
    away = rename(layout, "b")
    assert reader.ids() == ["a"]
    away.rename(layout.run_dir(RunPath("ann", "p", "b")))
    assert reader.ids() == ["a", "b"]


def test_runs_whose_folder_is_gone_are_dropped_also_by_the_next_process(layout, reader):
    make_run(layout, "a")
    make_run(layout, "b")
    reader.refresh()
    rename(layout, "a")
    assert Reader(layout).ids() == ["b"]
    assert reader.ids() == ["b"]


def test_a_run_deleted_in_another_copy_of_the_store_stays_hidden(layout, reader):
    make_run(layout, "a")
    make_run(layout, "b")
    incarnation = reader.infos()["a"].incarnation
    append_change(layout, RunPath("ann", "p", "a"), "elsewhere", "delete", incarnation)
    assert reader.ids() == ["b"]
    assert Reader(layout).ids() == ["b"]


def test_a_recreated_run_is_another_one(layout, reader):
    make_run(layout, "a")
    old = reader.infos()["a"]
    append_change(layout, old.path, "deleter", "delete", old.incarnation)
    rename(layout, "a")
    make_run(layout, "a")
    new = reader.infos()["a"]
    assert new.incarnation != old.incarnation
    assert Reader(layout).infos() == {"a": new}


def test_a_garbled_line_makes_every_run_be_read_again(layout, reader):
    make_run(layout, "a")
    make_run(layout, "b")
    reader.refresh()
    packed = layout.changes_dir("ann", "p") / "packed"
    packed.mkdir()
    (packed / "0123.changes").write_bytes(b"half a li")
    reader.refresh()
    assert reader.folded == ["a", "b"]


def test_names_of_any_shape_are_told_apart(layout, reader):
    ids = ["A", "a", "x y", "é", "L" * 250, "l" * 250]
    for run_id in ids:
        make_run(layout, run_id)
    assert reader.ids() == sorted(ids)
    edit(layout, "L" * 250, {"k": 1})
    assert reader.infos()["L" * 250].config == {"k": 1}
    assert reader.folded == ["L" * 250]


def catalog_files(layout, suffix=""):
    return sorted(file for file in (layout.root / ".catalog").iterdir() if file.name.endswith(suffix))


def damage_file(file, damage):
    content = file.read_bytes()
    match damage:
        case "delete":
            file.unlink()
        case "empty":
            file.write_bytes(b"")
        case "garbage":
            file.write_bytes(os.urandom(5000))
        case "flipped":
            middle = len(content) // 2
            file.write_bytes(content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :])
        case "half":
            file.write_bytes(content[: len(content) // 2])
        case "folder":
            file.unlink()
            file.mkdir()


@pytest.mark.parametrize("damage", ["delete", "empty", "garbage", "flipped", "half", "folder"])
@pytest.mark.parametrize("part", [".head", ".columns"])
def test_a_catalog_lost_or_broken_at_any_moment_comes_back(layout, damage, part):
    for run_id in "abc":
        make_run(layout, run_id)
    reader = Reader(layout, absorb_at=2)
    expected = reader.infos()
    (file,) = catalog_files(layout, part)
    damage_file(file, damage)
    assert Reader(layout, absorb_at=2).infos() == expected
    make_run(layout, "d")
    assert reader.ids() == ["a", "b", "c", "d"]
    assert Reader(layout).ids() == ["a", "b", "c", "d"]
    if damage != "folder":
        fourth = Reader(layout)
        assert fourth.ids() == ["a", "b", "c", "d"]
        assert fourth.folded == []


@pytest.mark.slow
def test_every_flipped_byte_of_a_catalog_is_noticed(layout):
    for run_id in "abc":
        make_run(layout, run_id)
    expected = Reader(layout, absorb_at=2).infos()
    contents = {file: file.read_bytes() for file in catalog_files(layout)}
    for file, content in contents.items():
        for place in range(0, len(content), 37):
            for other, whole in contents.items():
                other.write_bytes(whole)
            file.write_bytes(content[:place] + bytes([content[place] ^ 0x04]) + content[place + 1 :])
            assert Reader(layout).infos() == expected


def test_many_runs_become_columns_and_come_back_as_they_were(layout):
    for number in range(7):
        make_run(layout, f"r{number}")
        edit(layout, f"r{number}", {"lr": number, "big": 2**80, "a\\.b": [1.5, None], "n": {"x": float(number)}})
    objects, columns = Reader(layout, absorb_at=1000, save_interval_s=1e9), Reader(layout, absorb_at=3)
    expected = objects.infos()
    assert columns.infos() == expected
    assert columns.refresh().columns.size >= 6
    again = Reader(layout, absorb_at=3)
    assert (again.infos(), again.folded) == (expected, [])
    edit(layout, "r3", {"lr": "other"})
    make_run(layout, "r9")
    rename(layout, "r5")
    expected = objects.infos()
    for reader in (again, columns, Reader(layout, absorb_at=3)):
        assert reader.infos() == expected
        assert set(reader.folded) <= {"r3", "r9"}


def test_values_that_msgpack_cannot_hold_come_back_too(layout, reader):
    make_run(layout, "a")
    edit(layout, "a", {"big": 2**80, "bytes": b"x", "text": "\ud800"})
    expected = reader.infos()
    assert expected["a"].config["text"] == "\ud800"
    again = Reader(layout)
    assert (again.infos(), again.folded) == (expected, [])


def test_another_version_of_the_fields_has_a_catalog_of_its_own(layout, reader):
    make_run(layout, "a")
    reader.refresh()
    stem = file_stem("ann", "p")
    for file in catalog_files(layout):
        file.rename(file.with_name(file.name.replace(stem, stem.partition("-")[0] + "-01234567")))
    before = {file: file.read_bytes() for file in catalog_files(layout)}
    other = Reader(layout)
    assert (other.ids(), other.folded) == (["a"], ["a"])
    assert {file: file.read_bytes() for file in before} == before
    assert len(catalog_files(layout)) == 2


@pytest.mark.parametrize("obstacle", ["folder", "no cache either"])
def test_where_the_store_cannot_hold_a_catalog_the_cache_does_or_memory_alone(layout, tmp_path, obstacle):
    make_run(layout, "a")
    (layout.root / ".catalog").write_text("a file")
    cache = tmp_path / "cache"
    if obstacle == "no cache either":
        cache.write_text("a file")
    reader = Reader(layout, cache)
    assert reader.ids() == ["a"]
    make_run(layout, "b")
    assert reader.ids() == ["a", "b"]
    assert reader.folded == ["b"]
    other = Reader(layout, cache)
    assert other.ids() == ["a", "b"]
    assert other.folded == ([] if obstacle == "folder" else ["a", "b"])


def test_a_catalog_that_may_not_be_read_or_written_is_gone_without(layout, reader, monkeypatch):
    make_run(layout, "a")
    reader.refresh()
    real = io.open

    def refused(path, *arguments, **options):
        if ".catalog" in str(path):
            raise PermissionError(13, "locked", str(path))
        return real(path, *arguments, **options)

    monkeypatch.setattr(io, "open", refused)
    make_run(layout, "b")
    other = Reader(layout)
    assert other.ids() == ["a", "b"]
    assert other.folded == ["a", "b"]
    monkeypatch.undo()
    assert Reader(layout).ids() == ["a", "b"]


def test_a_slow_reader_that_saves_last_leaves_what_can_be_gone_on_from(layout):
    """One reads the old state, another the new one and saves it; then the first saves."""
    make_run(layout, "a")
    slow, fast = Reader(layout), Reader(layout)

    def fold_and_be_overtaken(path):
        old = read_run(layout, path)
        edit(layout, "a", {"lr": 1})
        assert fast.infos()["a"].config == {"lr": 1}
        return old

    slow.fold = fold_and_be_overtaken
    slow.refresh()
    assert Reader(layout).infos()["a"].config == {"lr": 1}
    slow.fold = lambda path: read_run(layout, path)
    assert slow.infos()["a"].config == {"lr": 1}


def test_an_interrupted_refresh_loses_nothing(layout, reader):
    for run_id in "abc":
        make_run(layout, run_id)
    reader.refresh()
    edit(layout, "a", {"x": 1})
    edit(layout, "b", {"x": 2})
    real = reader.fold

    def interrupted(path):
        if path.run_id == "b":
            raise KeyboardInterrupt
        return real(path)

    reader.fold = interrupted
    with pytest.raises(KeyboardInterrupt):
        reader.refresh()
    reader.fold = real
    assert {run_id: info.config for run_id, info in reader.infos().items()} == {"a": {"x": 1}, "b": {"x": 2}, "c": {}}


def test_a_broken_run_is_listed_as_it_last_was_and_tried_again(layout, reader):
    make_run(layout, "a")
    make_run(layout, "b")
    good = reader.infos()["a"]
    (part,) = layout.journal_dir(good.path).iterdir()
    content = part.read_bytes()
    part.write_bytes(content[:20] + bytes([content[20] ^ 0xFF]) + content[21:])
    append_change(layout, good.path, "w", "edit", good.incarnation)
    state = reader.refresh()
    assert list(state.problems) == ["a"]
    assert "CorruptError" in state.problems["a"]
    assert sorted(info.run_id for info in state.runs) == ["a", "b"]
    newcomer = Reader(layout)
    assert list(newcomer.refresh().problems) == ["a"]
    part.write_bytes(content)
    assert dict(reader.refresh().problems) == {}
    assert dict(newcomer.refresh().problems) == {}
    assert newcomer.infos()["a"] == good


def test_processes_that_refresh_at_once_agree_in_the_end(layout):
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from runlake.model import RunPath\n"
        "from runlake.store.catalog.catalog import Catalog\n"
        "from runlake.store.catalog.limits import CatalogLimits\n"
        "from runlake.store.noting import append_change\n"
        "from runlake.store.journal.fingerprint import read_fingerprint\n"
        "from runlake.store.folder_store import FolderStore\n"
        "from runlake.store.opening.open import open_run\n"
        "from runlake.store.run.state import read_run\n"
        "layout, me = FolderStore(Path(sys.argv[1])), sys.argv[2]\n"
        "catalog = Catalog(layout, fold=lambda p: read_run(layout, p), limits=CatalogLimits(save_interval_s=0.0),\n"
        "                  fingerprint=lambda p: read_fingerprint(layout.journal(p)))\n"
        "for i in range(15):\n"
        "    opened = open_run(layout, RunPath('ann', 'p', f'{me}-{i}'), {})\n"
        "    opened.writer.end({'exit_code': 0}); opened.writer.close()\n"
        "    append_change(layout, opened.path, opened.writer.writer, 'finish', opened.incarnation)\n"
        "    ids = {info.run_id for info in catalog.refresh('ann', 'p').runs}\n"
        "    assert {f'{me}-{j}' for j in range(i + 1)} <= ids\n"
    )
    command = [sys.executable, "-W", "error", "-c", script, str(layout.root)]
    children = [warm.Popen([*command, name], stderr=subprocess.PIPE, text=True) for name in "xyz"]
    for child in children:
        _, errors = child.communicate(timeout=DEADLINE_S)
        assert (child.returncode, errors) == (0, "")
    reader = Reader(layout)
    expected = {f"{name}-{i}" for name in "xyz" for i in range(15)}
    assert set(reader.ids()) == expected
    assert all(info.state == "finished" for info in reader.refresh().runs)
    again = Reader(layout)
    assert set(again.ids()) == expected
    assert again.folded == []


def test_a_store_copied_with_its_catalog_is_read_where_it_is(layout, tmp_path):
    make_run(layout, "a")
    Reader(layout).refresh()
    shutil.copytree(layout.root, tmp_path / "copy")
    copy = FolderStore(tmp_path / "copy")
    make_run(copy, "b")
    assert Reader(copy).ids() == ["a", "b"]
    assert Reader(layout).ids() == ["a"]


def test_nothing_is_left_open(layout, reader):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make_run(layout, "a")
        for _ in range(3):
            reader.refresh()
    assert {file.name for file in layout.root.iterdir() if file.is_file()} == {"store.toml"}
    assert [file.suffix for file in catalog_files(layout)] == [".head"]
