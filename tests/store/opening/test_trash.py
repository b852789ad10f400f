"""Deleting runs and taking them back: what readers see at every moment in between."""

import os

import pytest

from runlake.errors import ConflictError, NotFoundError, StoreError
from runlake.model import RunPath
from runlake.store.catalog.catalog import Catalog
from runlake.store.compact.seal import seal_run
from runlake.store.disk import watched
from runlake.store.folder_store import FolderStore
from runlake.store.journal.fingerprint import read_fingerprint
from runlake.store.noting import append_change
from runlake.store.opening import trash
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.run.state import read_run

RUN = RunPath("ann", "p", "a")


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def ids(layout):
    """What a reader that goes on looking lists."""
    catalog = Catalog(
        layout,
        fold=lambda path: read_run(layout, path),
        fingerprint=lambda path: read_fingerprint(layout.journal(path)),
    )
    return lambda: sorted(info.run_id for info in catalog.refresh("ann", "p").runs)


def make_run(layout, path=RUN):
    opened = open_run(layout, path, {"set": {"lr": 1}}, inspector=IN_PROCESS)
    opened.writer.log({"loss": 0.5}, step=0, timestamp=1.0, runtime=0.1)
    opened.writer.end({"exit_code": 0})
    append_change(layout, path, opened.writer.writer, "finish", opened.incarnation)
    return read_run(layout, path)


@pytest.mark.parametrize("path", [RUN, RunPath("Ann", "Üp", "X" * 250)], ids=["plain", "encoded"])
@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_run_comes_back_as_it_was(layout, path, is_sealed):
    before = make_run(layout, path)
    if is_sealed:
        seal_run(layout, path)
    trashed = trash.move_run_to_trash(layout, path, "w")
    with pytest.raises(NotFoundError):
        read_run(layout, path)
    assert trash.restore_run(layout, trashed, "w") == path
    assert read_run(layout, path) == before
    assert list(layout.trash_dir.iterdir()) == []


def test_readers_follow_deletes_and_restores_however_often(layout, ids):
    make_run(layout)
    make_run(layout, RunPath("ann", "p", "b"))
    assert ids() == ["a", "b"]
    for _ in range(3):
        trashed = trash.move_run_to_trash(layout, RUN, "w")
        assert ids() == ["b"]
        trash.restore_run(layout, trashed, "w")
        assert ids() == ["a", "b"]


def test_the_last_word_counts_whatever_the_clocks_say(layout, ids):
    incarnation = make_run(layout).incarnation
    append_change(layout, RUN, "fast-clock", "delete", incarnation, after_us=2**52)
    assert ids() == []
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    trash.restore_run(layout, trashed, "w")
    assert ids() == ["a"]
    trash.move_run_to_trash(layout, RUN, "w")
    assert ids() == []


def test_a_restore_that_was_killed_in_the_middle_hides_nothing(layout, ids):
    make_run(layout)
    trashed = trash.move_run_to_trash(layout, RUN, "w")

    def killed(step, place):
        if (step, place) == ("move", trashed):
            raise KeyboardInterrupt

    with watched(killed), pytest.raises(KeyboardInterrupt):
        trash.restore_run(layout, trashed, "w")
    assert ids() == []
    trash.restore_run(layout, trashed, "w")
    assert ids() == ["a"]


def test_a_run_that_took_the_id_meanwhile_is_not_touched(layout, ids):
    make_run(layout)
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    second = make_run(layout)
    with pytest.raises(ConflictError, match="there is a run of that id again"):
        trash.restore_run(layout, trashed, "w")
    assert read_run(layout, RUN) == second
    assert trash.restore_run(layout, trashed, "w", RunPath("ann", "p", "c")) == RunPath("ann", "p", "c")
    assert ids() == ["a", "c"]


def test_what_is_not_in_the_trash_cannot_be_restored(layout):
    with pytest.raises(StoreError, match=r"nothing in .* says which run"):
        trash.restore_run(layout, layout.trash_dir / "0123-a-ann-p", "w")
    with pytest.raises(NotFoundError, match="to restore run ann/p/a from"):
        trash.restore_run(layout, layout.trash_dir / "0123-a-ann-p", "w", RUN)


def test_a_run_that_cannot_be_read_is_restored_where_one_says(layout):
    make_run(layout)
    (part,) = layout.journal_dir(RUN).iterdir()
    part.write_bytes(b"garbage" + os.urandom(50))
    trashed = trash.move_run_to_trash(layout, RUN, "w")
    assert trashed.name.startswith("unreadable")
    with pytest.raises(StoreError, match="give the path"):
        trash.restore_run(layout, trashed, "w")
    assert trash.restore_run(layout, trashed, "w", RUN) == RUN
    assert layout.run_dir(RUN).is_dir()


@pytest.mark.parametrize("path", [RUN, RunPath("Ann", "Üp", "X" * 250)], ids=["plain", "encoded"])
def test_a_run_is_found_by_what_its_folder_is_called_and_by_its_records_where_that_says_nothing(layout, path):
    others = [RunPath("ann", "p", "a-ann"), RunPath("ann", "p-2", "a"), RunPath("ann", "p", "aa")]
    for other in others:
        make_run(layout, other)
        trash.move_run_to_trash(layout, other, "w")
    lives = []
    for _ in range(2):
        make_run(layout, path)
        lives.append(trash.move_run_to_trash(layout, path, "w"))
    assert trash.find_trashed(layout, path) == lives[1]
    renamed = lives[0].rename(layout.trash_dir / "aside")
    lives[1].rename(layout.root / "elsewhere")
    assert trash.find_trashed(layout, path) == renamed
    with pytest.raises(NotFoundError, match="is not in the trash"):
        trash.find_trashed(layout, path._replace(run_id="b"))
