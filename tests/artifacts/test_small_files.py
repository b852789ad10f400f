"""Many small files of a folder store: read where they lie beside each other, each compared, each whole or not there."""

from pathlib import Path

import pytest

from runlake.artifacts.small_files import Drafts
from runlake.errors import CorruptError, NotFoundError, UnsafeNameError

FILES = {f"{number % 3}/{number:02}.bin": bytes([number]) * (number + 1) for number in range(30)}


@pytest.fixture
def kept(local, keep, artifact_of):
    return keep(local, artifact_of(FILES))


def content_of(root, artifact, name):
    sha256 = artifact.get_entry(name).sha256
    return root / "artifacts" / "content" / sha256[:2] / sha256


def test_the_store_is_asked_for_one_of_them(local, kept, contents):
    opened = []
    real = local.open_content

    def open_content(path, name):
        opened.append(name)
        return real(path, name)

    local.open_content = open_content
    assert contents(kept.download()) == FILES
    assert opened == ["0/00.bin"]


@pytest.mark.parametrize("altered", [b"x" * 30, b"", b"x" * 31, b"x" * (1 << 21)])
def test_one_that_was_altered_in_the_store_is_found(kept, root, altered):
    content_of(root, kept, "2/29.bin").write_bytes(altered)
    with pytest.raises(CorruptError):
        kept.download()
    assert not Path("artifacts/model:v0/2/29.bin").exists()
    assert list(Path("artifacts").rglob("*.part")) == []


def test_one_that_a_collection_of_garbage_has_put_aside_is_brought_back(kept, root, contents):
    content = content_of(root, kept, "2/29.bin")
    aside = root / "artifacts" / "aside"
    aside.mkdir()
    content.rename(aside / content.name)
    assert contents(kept.download()) == FILES
    assert content.read_bytes() == FILES["2/29.bin"]


def test_one_that_is_gone_is_named(kept, root):
    content_of(root, kept, "2/29.bin").unlink()
    with pytest.raises(NotFoundError, match="is gone; restore it from a backup"):
        kept.download()


def test_files_that_are_there_and_differ_are_replaced(kept, contents):
    kept.download()
    for name in ("0/00.bin", "1/01.bin"):
        Path("artifacts/model:v0", name).write_bytes(b"x" * len(FILES[name]))
    inode = Path("artifacts/model:v0/2/02.bin").stat().st_ino
    assert contents(kept.download()) == FILES
    assert Path("artifacts/model:v0/2/02.bin").stat().st_ino == inode


def test_a_file_that_is_a_link_out_of_the_folder_is_not_written_through(kept, tmp_path):
    folder, away = Path("artifacts/model:v0/1"), tmp_path / "away"
    folder.mkdir(parents=True)
    (folder / "01.bin").symlink_to(away)
    with pytest.raises(UnsafeNameError, match="a link there leads out of"):
        kept.download()
    assert not away.exists()


def test_what_cannot_be_put_in_place_leaves_nothing(tmp_path):
    (tmp_path / "a.bin").mkdir()
    with pytest.raises(OSError, match=r"a\.bin"):
        Drafts().write(b"content", str(tmp_path / "a.bin"))
    assert list(tmp_path.glob(".*")) == []
