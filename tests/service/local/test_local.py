"""What only a folder does: where it is found, what cannot be written, and the care of its bytes."""

import io
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import pytest

from runlake.errors import BadValueError, ConflictError, NotFoundError, NotSupportedError, ReadOnlyError, RunlakeWarning
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.service.open import open_service
from runlake.store.folder_store import FolderStore
from runlake.store.location import find_store
from runlake.store.run.state import read_run as read_run_from_disk
from trainer import RUN, Trainer, ids


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def service(root):
    return LocalService(root, default_entity="ann", user="ann")


@pytest.fixture
def train(root):
    """Starts trainers; those left running are closed at the end."""
    trainers = []

    def start(run_id, **fields):
        trainers.append(Trainer(root, run_id, **fields))
        return trainers[-1]

    yield start
    for trainer in trainers:
        trainer.opened.writer.close()


def test_a_run_that_cannot_be_read_spoils_no_listing_and_can_be_deleted(service, train, root):
    train("a").log(loss=1).finish()
    train("b").finish()
    (part,) = FolderStore(root).journal_dir(RUN).iterdir()
    content = bytearray(part.read_bytes())
    content[30] ^= 0xFF
    part.write_bytes(content)
    with pytest.warns(RunlakeWarning, match="run ann/mnist/a cannot be read .*CorruptError.*runlake check ann/mnist/a"):
        page = service.list_runs("ann", "mnist")
    assert (ids(page), list(page.problems)) == (["b"], ["a"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ids(service.list_runs("ann", "mnist")) == ["b"]
    service.delete_run(RUN)
    assert ids(service.list_runs("ann", "mnist")) == ["b"]
    with pytest.raises(NotFoundError):
        service.read_run(RUN)


# Where a store is found ---------------------------------------------------------------------------------------


def opened_root(place, environ, cwd):
    service = open_service(place, {"HOME": "/home/ann", "USER": "ann", **environ}, cwd)
    return service.url, service.default_entity


def test_the_argument_wins_then_the_variable_then_the_nearest_folder_then_the_users_own(tmp_path):
    here = tmp_path / "project" / "deep"
    here.mkdir(parents=True)
    data = {"XDG_DATA_HOME": str(tmp_path / "data")}
    assert opened_root(None, data, here)[0] == (tmp_path / "data" / "runlake").as_uri()
    (tmp_path / "project" / ".runlake").mkdir()
    assert opened_root(None, data, here)[0] == (tmp_path / "project" / ".runlake").as_uri()
    variable = {**data, "RUNLAKE_DIR": str(tmp_path / "by variable")}
    assert opened_root(None, variable, here)[0] == (tmp_path / "by variable").as_uri()
    assert opened_root("mine", variable, here)[0] == (here / "mine").as_uri()
    assert opened_root(tmp_path / "mine", variable, here)[0] == (tmp_path / "mine").as_uri()
    assert opened_root((tmp_path / "a b").as_uri(), variable, here)[0] == (tmp_path / "a b").as_uri()


def test_the_default_entity_is_the_variable_or_who_is_logged_in(tmp_path):
    assert opened_root(tmp_path, {}, tmp_path)[1] == "ann"
    assert opened_root(tmp_path, {"WANDB_ENTITY": "lab"}, tmp_path)[1] == "lab"
    assert opened_root(tmp_path, {"WANDB_ENTITY": "lab", "RUNLAKE_ENTITY": "team"}, tmp_path)[1] == "team"


def test_what_is_no_folder_is_refused_by_name(tmp_path):
    with pytest.raises(NotSupportedError, match=r"https://lake.example is a server, and here a folder is needed"):
        find_store("https://lake.example", {}, tmp_path)
    with pytest.raises(BadValueError, match="s3: URL"):
        open_service("s3://bucket/x", {}, tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(BadValueError, match="is a file"):
        open_service(tmp_path / "file", {}, tmp_path)


def test_reading_a_store_that_is_not_there_makes_nothing(tmp_path):
    service = open_service(tmp_path / "store", {"HOME": str(tmp_path)}, tmp_path)
    assert service.list_projects() == []
    with pytest.raises(NotFoundError):
        service.list_runs("ann", "mnist")
    assert list(tmp_path.iterdir()) == []


def test_the_fold_of_the_catalog_is_the_fold_of_the_disk(service, train, root):
    train("a", config={"lr": 1}).log(loss=1).finish()
    assert service.list_runs("ann", "mnist").runs == (read_run_from_disk(FolderStore(Path(root)), RUN),)


# A store that cannot be written -------------------------------------------------------------------------------


@pytest.fixture
def locked_root():
    """A store with one run that this process may read and not write; the administrator becomes nobody for it."""
    root = Path(tempfile.mkdtemp())
    trainer = Trainer(root / "store", "a", config={"lr": 1})
    trainer.log(loss=0.5).finish()
    cache = root / "cache"
    cache.mkdir()
    LocalService(root / "store", default_entity="ann", cache_dir=cache).put_file(RUN, "a.txt", io.BytesIO(b"x"))
    folders = [root / "store", *(f for f in (root / "store").rglob("*") if f.is_dir())]
    for folder in (root, cache):
        folder.chmod(0o777)
    for folder in folders:
        folder.chmod(0o555)
    is_administrator = os.geteuid() == 0
    if is_administrator:
        os.seteuid(65534)
    yield root
    if is_administrator:
        os.seteuid(0)
    for folder in folders:
        folder.chmod(0o755)
    shutil.rmtree(root)


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no such modes there")
def test_a_store_that_cannot_be_written_is_read_as_ever_and_every_edit_refused(locked_root):
    service = LocalService(locked_root / "store", default_entity="ann", cache_dir=locked_root / "cache")
    assert ids(service.list_runs("ann", "mnist", filters={"config.lr": 1})) == ["a"]
    assert [file.name for file in (locked_root / "cache").iterdir()] == ["catalog"]
    assert service.read_history(RUN).row_count == 1
    assert [info.name for info in service.list_files(RUN)] == ["a.txt"]
    for call in (
        lambda: service.create_project("ann", "other"),
        lambda: service.create_run(RunPath("ann", "mnist", "b")),
        lambda: service.edit_run(RUN, RunEdit(config_set={"lr": 2})),
        lambda: service.delete_run(RUN),
        lambda: service.put_file(RUN, "b.txt", io.BytesIO(b"")),
        lambda: service.delete_file(RUN, "a.txt"),
    ):
        with pytest.raises(ReadOnlyError):
            call()
    assert ids(service.list_runs("ann", "mnist")) == ["a"]
    assert service.read_run(RUN).config == {"lr": 1}


# Merging ------------------------------------------------------------------------------------------------------


def test_another_store_is_merged_in(service, train, root, tmp_path):
    train("a").log(loss=1.0).finish()
    shutil.move(root, tmp_path / "other")
    train("a").log(loss=2.0).finish()
    service.list_runs("ann", "mnist")
    would = list(service.merge_from(tmp_path / "other", is_dry_run=True))
    assert len(service.list_runs("ann", "mnist").runs) == 1
    (merged,) = service.merge_from(tmp_path / "other", projects=[("ann", "mnist")])
    assert [merged] == would
    assert (merged.source, merged.outcome, merged.is_renamed) == (RUN, "new", True)
    assert sorted(ids(service.list_runs("ann", "mnist"))) == ["a", merged.path.run_id]
    assert service.read_history(merged.path).series[0].values.to_pylist() == [1.0]
    with pytest.raises(NotFoundError, match="no project ann/other in"):
        service.merge_from(tmp_path / "other", projects=[("ann", "other")])


# Repair ----


def test_one_run_that_is_still_written_does_not_keep_the_others_from_being_repaired(service, train, root):
    for run_id in ("a", "b"):
        train(run_id).log(x=1).log(x=2).log(x=3)
        (part,) = FolderStore(root).journal_dir(RUN._replace(run_id=run_id)).iterdir()
        content = bytearray(part.read_bytes())
        content[-90] ^= 0x15
        content[-91] ^= 0x15
        part.write_bytes(content)
    train("c").log(x=1).opened.writer.close()
    repairs = []
    with pytest.raises(ConflictError, match="may still be writing"):
        repairs.extend(service.repair("ann", "mnist"))
    assert [(path.run_id, [one.kind for one in found]) for path, found in repairs] == [("c", ["open"])]
    found = dict(service.repair("ann", "mnist", "a", force=True))
    assert [(one.kind, one.is_mended) for one in found[RUN]] == [("corrupt", True)]
    assert service.read_history(RUN).row_count == 2
    with pytest.raises(NotFoundError), pytest.warns(RunlakeWarning, match="ann/mnist/b cannot be read"):
        list(service.repair("ann", "mnist", "zz"))
