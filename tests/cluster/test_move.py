"""A folder's store into a cluster and back: all of it, as it was, and what is there already is not copied again."""

import itertools
import tracemalloc
from importlib import resources

import pytest
from moved import RUN, back_into, into, make_store, told
from s3_proxy import S3Proxy

from runlake.errors import ConflictError, ReadOnlyError
from runlake.model import RunPath
from runlake.service.cluster.service import ClusterService
from runlake.service.local.service import LocalService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.bucket_errors import UnusableBucketError
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.compact.packed_file import list_names
from runlake.store.folder_store import FolderStore
from trainer import Trainer


def trees(root):
    """The bytes of all files of a store but what is derived, by their places; those of the trash stay behind."""
    left_out = {".catalog", ".trash", ".exports", "changes", "store.toml"}
    files = (file for file in root.rglob("*") if file.is_file() and not left_out & set(file.relative_to(root).parts))
    return {str(file.relative_to(root)): file.read_bytes() for file in files if not file.name.startswith(".runlake-")}


@pytest.fixture
def there(tmp_path):
    return make_store(tmp_path / "folder")


@pytest.mark.slow
def test_all_that_is_told_of_a_folder_is_told_of_the_cluster(there, store, tmp_path):
    moved = list(into(tmp_path / "folder", store).move())

    assert told(ClusterService(store, default_entity="ann", user="ann")) == told(there)
    assert sorted(one.path.run_id for one in moved) == ["", "journal", "sealed", "small1", "small2"]
    assert all(one.is_new for one in moved)


def test_doing_it_again_copies_nothing(there, store, tmp_path):
    list(into(tmp_path / "folder", store).move())

    assert [one.copied_bytes for one in into(tmp_path / "folder", store).move()] == [0] * 5


@pytest.mark.slow
def test_what_was_broken_off_goes_on_where_it_was(there, store, tmp_path):
    begun = into(tmp_path / "folder", store).move()
    next(begun)
    next(begun)
    begun.close()

    again = list(into(tmp_path / "folder", store).move())

    assert [one.is_new for one in again] == [False, False, True, True, True]
    assert told(ClusterService(store, default_entity="ann", user="ann")) == told(there)


@pytest.mark.slow
def test_back_in_a_folder_every_byte_is_as_it_was(there, store, tmp_path):
    list(into(tmp_path / "folder", store).move())

    list(back_into(tmp_path / "back", store).move())

    assert trees(tmp_path / "back") == trees(tmp_path / "folder")
    assert told(LocalService(tmp_path / "back", default_entity="ann", user="ann")) == told(there)


@pytest.mark.slow
def test_runs_that_a_cluster_has_packed_are_the_same_in_a_folder(there, store, tmp_path):
    for run_id in ("late1", "late2"):
        Trainer(tmp_path / "folder", run_id).log(loss=0.5).finish()
    list(there.seal("ann", "mnist"))
    list(into(tmp_path / "folder", store).move())
    service = ClusterService(store, default_entity="ann", user="ann")
    assert {"late1", "late2"} <= {path.run_id for path in service.pack_runs("ann", "mnist", at_once=True)}
    assert told(service) == told(there)

    list(back_into(tmp_path / "back", store).move())

    service = LocalService(tmp_path / "back", default_entity="ann", user="ann")
    assert (told(service), list(service.pack_runs("ann", "mnist", at_once=True))) == (told(there), [])
    assert [found for _, found in service.check() if found] == []


@pytest.mark.slow
def test_what_shares_files_when_it_comes_keeps_them(there, store, tmp_path):
    list(into(tmp_path / "folder", store).move())
    packed_in = store.database.read("select distinct packed_in from segments where packed_in is not null")
    assert [name for (name,) in packed_in] == list_names(store.packed("ann", "mnist"))
    collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0)
    assert told(ClusterService(store, default_entity="ann", user="ann")) == told(there)

    # Rows of a version that did not say it.
    store.database.write("update segments set packed_in = null")
    folder = resources.files("runlake.store.cluster") / "migrations"
    *_, says_it, _ = (folder / "0005_packed.sql").read_text("utf-8").split(";")
    store.database.write(says_it)
    assert store.database.read("select distinct packed_in from segments where packed_in is not null") == packed_in


def test_a_run_that_is_being_written_is_refused_and_the_others_are_moved(there, store, tmp_path):
    writing = Trainer(tmp_path / "folder", "alive").log(loss=1.0)

    with pytest.raises(ConflictError, match="alive is being written"):
        list(into(tmp_path / "folder", store).move())
    writing.opened.writer.close()

    assert sorted(store.run_ids("ann", "mnist")) == ["journal", "sealed", "small1", "small2"]


def test_another_run_of_that_id_is_not_replaced(there, store, tmp_path):
    Trainer(store, "sealed").log(loss=7.0).finish()

    with pytest.raises(ConflictError, match="has another run ann/mnist/sealed"):
        list(into(tmp_path / "folder", store).move())

    service = ClusterService(store, default_entity="ann", user="ann")
    assert service.read_run(RUN).summary["loss"] == 7.0


MANY = RunPath("ann", "mnist", "many")


def write_files(folder, count):
    """A run with so many small files; answers their sizes by name."""
    Trainer(folder, "many").log(loss=1.0).finish()
    files = FolderStore(folder).file_path(MANY, "f/x").parent
    files.mkdir(parents=True)
    for number in range(count):
        (files / f"{number:05}").write_bytes(b"%d" % number * 100)
    return {f"f/{file.name}": file.stat().st_size for file in files.iterdir()}


def sizes(store):
    return {info.name: info.size_bytes for info in store.files.list_files(MANY)}


@pytest.mark.slow
def test_files_that_were_on_their_way_when_the_bucket_refused_come_with_the_next_move(store, s3_server, tmp_path):
    written = write_files(tmp_path / "folder", 40)
    proxy = S3Proxy(s3_server.endpoint, itertools.chain(["pass"] * 20, itertools.repeat("denied")))
    bucket = Bucket(store.bucket.url, s3_server.options(endpoint=proxy.endpoint))
    refused = ClusterStore(store.database, bucket, ObjectCache(tmp_path / "its-cache", 1 << 24))
    with pytest.raises((ReadOnlyError, UnusableBucketError), match=r"may not (write|read) there"):
        list(into(tmp_path / "folder", refused).move())
    there = sizes(store)
    assert 0 < len(there) < 40

    (moved, _) = into(tmp_path / "folder", store).move()
    assert moved.copied_bytes == sum(size for name, size in written.items() if name not in there)
    assert sizes(store) == written


@pytest.mark.long
def test_what_a_move_of_files_needs_does_not_grow_with_their_number(store, tmp_path):
    def peak_bytes(count):
        folder = tmp_path / f"folder{count}"
        write_files(folder, count)
        tracemalloc.start()
        try:
            there, back = into(folder, store), back_into(tmp_path / f"back{count}", store)
            assert [one.is_new for one in (*there.move(), *back.move())] == [True, False] * 2
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
            assert len(sizes(FolderStore(tmp_path / f"back{count}"))) == count
            ClusterService(store, default_entity="ann").delete_run(MANY)

    peak_bytes(10)  # what is loaded and kept when anything is moved
    few, many = peak_bytes(1500), peak_bytes(4000)
    assert many - few < 600 * (4000 - 1500)  # a folder keeps the names of its files for who asks next
