"""The mark of a store: made once, and whoever finds that of a later format leaves the store alone."""

import re

import pytest

from runlake.errors import CorruptError, NewerFormatError, ReadOnlyError
from runlake.model import RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from runlake.store.store_format import check_format, create_store, is_store, read_format


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def mark(layout):
    return layout.root / "store.toml"


def test_a_store_is_made_once_and_keeps_its_id(layout):
    assert not is_store(layout)
    create_store(layout)
    first = mark(layout).read_text()
    assert re.fullmatch(r'format_version = 1\nid = "[0-9a-f]{16}"\n', first)
    create_store(layout)
    assert (is_store(layout), read_format(layout), mark(layout).read_text()) == (True, 1, first)


def test_a_folder_that_cannot_be_made_a_store_is_said(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ReadOnlyError, match="choose another with RUNLAKE_DIR"):
        create_store(FolderStore(tmp_path / "file" / "store"))


def test_a_store_of_a_later_format_is_neither_written_nor_read(layout):
    create_store(layout)
    mark(layout).write_text('format_version = 2\nid = "1"\n')
    path = RunPath("ann", "p", "r")
    service = LocalService(layout.root, default_entity="ann")
    for use in (
        lambda: open_run(layout, path, {}),
        lambda: service.create_project("ann", "p"),
        lambda: service.list_projects(),
        lambda: service.read_run(path),
        lambda: service.list_runs("ann", "p"),
    ):
        with pytest.raises(NewerFormatError, match=r"store\.toml: store format 2; .* up to 1: upgrade"):
            use()
    assert [file.name for file in layout.root.iterdir()] == ["store.toml"]


@pytest.mark.parametrize("content", [None, b"", b"\xff", b"format_version = \n", b"version = 1\n"])
def test_a_mark_that_is_missing_or_damaged_keeps_nobody_out(layout, content):
    layout.root.mkdir()
    if content is not None:
        mark(layout).write_bytes(content)
    with pytest.raises((CorruptError, FileNotFoundError)):
        read_format(layout)
    check_format(layout)
    open_run(layout, RunPath("ann", "p", "r"), {}).writer.end({})
    assert LocalService(layout.root, default_entity="ann").read_run(RunPath("ann", "p", "r")).run_id == "r"
