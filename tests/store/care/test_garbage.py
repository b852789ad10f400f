"""`gc` removes what is in the trash or temporary, and nothing else."""

import os
import time

import pytest
from racing import at_step

from runlake.errors import NotFoundError
from runlake.model import Garbage
from runlake.store.care.garbage import collect
from runlake.store.care.repair import repair_run
from runlake.store.catalog.catalog import Catalog
from runlake.store.compact.seal import seal_run
from runlake.store.disk import TEMPORARY_PREFIX, watched
from runlake.store.folder_store import FolderStore
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.opening import trash
from runlake.store.run.state import read_run
from stored import RUN, Writer


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def files(layout):
    return {
        file.relative_to(layout.root).as_posix(): file.read_bytes()
        for file in layout.root.rglob("*")
        if file.is_file() and layout.trash_dir not in file.parents
    }


def test_the_trash_is_emptied_of_what_is_old_enough(layout):
    Writer(layout).log({"i": 1}).end()
    size_bytes = trash.size_bytes_of(layout.run_dir(RUN))
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    assert list(collect(layout, older_than_s=3600.0)) == []
    expected = [Garbage(place=f".trash/{trashed.name}", size_bytes=size_bytes)]
    assert list(collect(layout, older_than_s=0.0, is_dry_run=True)) == expected
    assert trashed.exists()
    assert list(collect(layout, older_than_s=0.0)) == expected
    assert list(layout.trash_dir.iterdir()) == []
    with pytest.raises(NotFoundError, match="not in the trash"):
        trash.find_trashed(layout, RUN)


def test_what_killed_processes_left_goes_and_nothing_else(layout, tmp_path):
    Writer(layout).log({"i": 1}).end()
    seal_run(layout, RUN)
    Writer(layout, path=RUN._replace(run_id="b")).log({"i": 1})
    Catalog(
        layout,
        fold=lambda path: read_run(layout, path),
        fingerprint=lambda path: read_fingerprint(layout.journal(path)),
    ).refresh("ann", "p")
    before = files(layout)
    assert any(name.startswith(".catalog/") for name in before)
    places = [
        layout.segments_dir(RUN) / f"{TEMPORARY_PREFIX}99-x.parquet",
        layout.files_dir(RUN) / f"{TEMPORARY_PREFIX}99-1234",
        layout.changes_dir("ann", "p") / f"{TEMPORARY_PREFIX}1",
        layout.root / f"{TEMPORARY_PREFIX}2",
        layout.root / ".catalog" / "nobody-1234.columns",
    ]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(b"half")
    assert list(collect(layout, older_than_s=0.0)) == []  # somebody may be writing them
    for folder in (layout.root, tmp_path):
        for file in folder.rglob("*"):
            if file.is_file():
                os.utime(file, (1e9, 1e9))
    found = list(collect(layout, older_than_s=0.0))
    assert {one.place for one in found} == {place.relative_to(layout.root).as_posix() for place in places}
    assert [one.size_bytes for one in found] == [4] * len(places)
    assert files(layout) == before


def test_a_run_that_is_restored_meanwhile_is_not_half_removed(layout):
    Writer(layout).log({"i": 1}).end()
    before = read_run(layout, RUN)
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    with at_step("move", trashed, lambda: trash.restore_run(layout, trashed, "w")):
        assert list(collect(layout, older_than_s=0.0)) == []
    assert read_run(layout, RUN) == before


def test_an_emptying_that_was_killed_is_finished_by_the_next(layout):
    def killed(step, place):
        if step == "remove":
            raise KeyboardInterrupt

    Writer(layout).log({"i": 1}).end()
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    with watched(killed), pytest.raises(KeyboardInterrupt):
        list(collect(layout, older_than_s=0.0))
    assert trash.list_trash(layout) == []
    with pytest.raises(NotFoundError):
        trash.restore_run(layout, trashed, "w", RUN)
    assert len(list(collect(layout, older_than_s=1e6))) == 1
    assert list(layout.trash_dir.iterdir()) == []


def test_what_repairs_put_aside_is_in_the_trash_and_no_run(layout):
    Writer(layout).log({"i": 1}).die()
    repair_run(layout, RUN)
    (item,) = trash.list_trash(layout)
    assert (item.is_run, item.path, item.name.startswith("repair-"), item.size_bytes > 0) == (False, None, True, True)
    assert [one.place for one in collect(layout, older_than_s=0.0)] == [f".trash/{item.name}"]
    assert read_run(layout, RUN).row_count == 1


def test_the_trash_says_what_is_in_it(layout):
    Writer(layout, start={"name": "first"}).log({"i": 1}).end()
    trash.move_run_to_trash(layout, RUN, "w")
    Writer(layout, start={"name": "second"}).log({"i": 1}).end()
    seal_run(layout, RUN)
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    (layout.trash_dir / "x").mkdir()
    items = {item.name: item for item in trash.list_trash(layout)}
    assert {item.run_name for item in items.values()} == {"first", "second", None}
    assert items["x"].path is None
    assert (items[trashed.name].path, items[trashed.name].is_run) == (RUN, True)
    assert abs(items[trashed.name].deleted_at - time.time()) < 600
    assert trash.find_trashed(layout, RUN) == trashed
