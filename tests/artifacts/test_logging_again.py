"""Files that hold what the version before has are not copied: not when they are added, and not when they are kept."""

import time
from pathlib import Path

import pytest

import runlake
from runlake.artifacts.known_digests import COARSE_NS, KnownDigests
from runlake.store.disk import watched

FILES = {f"{number % 2}/{number:02}.bin": bytes([number]) * 100 for number in range(10)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, content in FILES.items():
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_bytes(content)
    time.sleep(2 * COARSE_NS / 1e9)
    return tmp_path / "files"


SETTINGS = {"silent": True, "disable_system": True, "console": "off", "seal": "off"}


@pytest.fixture
def run(root, request):
    """A run; a parameter says whether files are taken for what they were."""
    settings = SETTINGS | {"artifact_digest_cache": getattr(request, "param", True)}
    with runlake.init(store=root, entity="ann", project="vision", settings=settings) as run:
        yield run


@pytest.fixture
def copied():
    """How many copies are made of files, and contents put in their place, within a block."""

    class Copied:
        def __enter__(self):
            self.copy_count = self.put_count = 0
            self._watched = watched(self._see)
            self._watched.__enter__()
            return self

        def __exit__(self, *error):
            self._watched.__exit__(*error)

        def _see(self, step, place):
            self.copy_count += step == "create" and "runs" in place.parts and place.name.startswith(".runlake-tmp-")
            self.put_count += step == "replace" and "content" in place.parts

    return Copied


def added(folder, policy="mutable"):
    artifact = runlake.Artifact("files", "dataset")
    artifact.add_dir(folder, policy=policy)
    return artifact


@pytest.mark.parametrize("policy", ["mutable", "immutable"])
@pytest.mark.parametrize("run", [True, False], indirect=True)
def test_no_byte_is_moved_where_nothing_changed(run, folder, copied, policy):
    run.log_artifact(added(folder, policy))
    with copied() as seen:
        again = run.log_artifact(added(folder, policy))
    assert (again.version, seen.copy_count, seen.put_count) == ("v0", 0, 0)


def test_only_what_differs_is_copied(run, folder, copied, contents):
    first = run.log_artifact(added(folder))
    (folder / "0/00.bin").write_bytes(b"x" * 100)
    (folder / "1/new.bin").write_bytes(b"new")
    with copied() as seen:
        draft = added(folder)
        (folder / "0/02.bin").write_bytes(b"y" * 100)  # what was added is what it was
        (folder / "1/01.bin").unlink()
        again = run.log_artifact(draft)
    assert (again.version, seen.copy_count, seen.put_count) == ("v1", 2, 2)
    assert contents(again.download()) == FILES | {"0/00.bin": b"x" * 100, "1/new.bin": b"new"}
    assert contents(first.download()) == FILES


def test_a_file_that_was_added_can_be_read_before_it_is_kept(run, folder):
    run.log_artifact(added(folder))
    draft = added(folder)
    (folder / "0/00.bin").unlink()
    entry = draft.get_entry("0/00.bin")
    assert (entry.read(), entry.size, entry.local_path) == (FILES["0/00.bin"], 100, None)
    assert Path(entry.download("there")).read_bytes() == FILES["0/00.bin"]


def test_what_the_store_has_lost_is_put_again(run, root, folder, contents):
    run.log_artifact(added(folder))
    draft = added(folder)
    draft.metadata["new"] = True
    with draft.new_file("more.txt") as file:
        file.write("more")
    lost = [file for file in (root / "artifacts" / "content").rglob("*") if file.is_file()]
    for file in lost[:3]:
        file.unlink()
    again = run.log_artifact(draft)
    assert contents(again.download()) == FILES | {"more.txt": b"more"}
    assert all(file.exists() for file in lost)


def test_what_was_deleted_since_is_put_again(run, folder, contents):
    first = run.log_artifact(added(folder))
    draft = added(folder)
    first.delete(delete_aliases=True)
    assert contents(run.log_artifact(draft).download()) == FILES


def test_a_version_of_another_project_has_its_own_bytes(run, root, folder, contents):
    run.log_artifact(added(folder))
    draft = added(folder)
    run.finish()
    with runlake.init(store=root.parent / "other", entity="bob", project="speech", settings=SETTINGS) as other:
        assert contents(other.log_artifact(draft).download("there")) == FILES


def test_files_are_read_where_the_settings_say_so(run, folder, monkeypatch):
    run.log_artifact(added(folder))
    asked = []
    real = KnownDigests.find
    monkeypatch.setattr(KnownDigests, "find", lambda *asking: asked.append(real(*asking)) or asked[-1])
    added(folder)
    assert len(asked) >= 10
    run.finish()
    settings = SETTINGS | {"artifact_digest_cache": False}
    with runlake.init(store=run.settings.store, entity="ann", project="vision", settings=settings) as other:
        asked.clear()
        other.log_artifact(added(folder))
        assert set(asked) == {None}
