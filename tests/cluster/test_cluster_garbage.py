"""What becomes of objects to which no row leads any more, and what is told of those that are not as the tables say."""

import io
import threading
import time

import pytest
from sealed_by_hand import FIRST, put_files, seal

from runlake.errors import CorruptError, StoreError
from runlake.model import RunPath
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.comparison import Comparison, Difference
from runlake.store.cluster.garbage import Collected, collect
from runlake.store.cluster.names import Names
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.objects import Objects
from runlake.store.journal.journal import PartName
from runlake.store.segment.publish import drop_segment, publish_meta


@pytest.fixture
def path(lonely_cluster):
    return lonely_cluster.make_run()


@pytest.fixture
def files(lonely_cluster):
    return lonely_cluster.files()


@pytest.fixture
def segments(lonely_cluster, path):
    return lonely_cluster.segments(path)


def put(files, path, name, content):
    return files.put_file(path, name, io.BytesIO(content))


def collect_now(cluster):
    return collect(cluster.database, cluster.bucket, staged_s=0.0, dead_s=0.0)


def differences(cluster, **options):
    return sorted(Comparison(cluster.database, cluster.bucket).differences(**options))


def test_a_file_that_was_replaced_or_deleted_is_there_for_two_days(lonely_cluster, files, path):
    put(files, path, "a", b"first")
    with files.open_file(path, "a") as opened:
        put(files, path, "a", b"second")
        put(files, path, "b", b"another")
        files.delete_file(path, "b")
        assert collect(lonely_cluster.database, lonely_cluster.bucket) == Collected(0, 0)
        assert opened.read() == b"first"
    assert sorted(lonely_cluster.states(path).values()) == ["dead", "dead", "published"]
    assert collect_now(lonely_cluster) == Collected(2, 12)
    assert (lonely_cluster.keys(), list(lonely_cluster.states(path).values())) == (
        list(lonely_cluster.states(path)),
        ["published"],
    )
    assert files.open_file(path, "a").read() == b"second"


def test_a_content_that_comes_back_while_it_is_removed_is_another_object(lonely_cluster, files, path):
    put(files, path, "a", b"same")
    files.delete_file(path, "a")
    put(files, path, "a", b"same")
    assert sorted(lonely_cluster.states(path).values()) == ["dead", "published"]
    assert collect_now(lonely_cluster) == Collected(1, 4)
    assert files.open_file(path, "a").read() == b"same"


def test_who_publishes_after_his_files_were_collected_makes_them_anew(lonely_cluster, path, segments, tmp_path):
    lonely_cluster.journal(path).create_part(PartName("w", 0)).write(b"rows")
    meta = put_files(segments, tmp_path / "rows", covers=[("w", 0)])
    assert collect(lonely_cluster.database, lonely_cluster.bucket).object_count == 0
    assert (collect_now(lonely_cluster).object_count, lonely_cluster.keys()) == (2, [])
    with pytest.raises(FileNotFoundError):
        publish_meta(segments, meta)
    seal(segments, tmp_path / "rows", covers=[("w", 0)])
    assert (segments.list_names(), differences(lonely_cluster, is_reading=True)) == ({FIRST}, [])


def test_a_segment_that_was_dropped_goes_with_all_its_objects(lonely_cluster, path, segments, tmp_path):
    meta = seal(segments, tmp_path / "rows")
    opened = segments.open(f"{FIRST}-history.parquet")
    drop_segment(segments, meta)
    assert opened.read_at(4, 0) == b"PAR1"
    assert collect_now(lonely_cluster).object_count == 2
    assert (lonely_cluster.keys(), lonely_cluster.states(path)) == ([], {})


def test_a_deleted_run_keeps_everything_until_it_is_purged(lonely_cluster, path, segments, files, tmp_path):
    seal(segments, tmp_path / "rows")
    put(files, path, "a", b"file")
    names = Names(lonely_cluster.database)
    deleted = names.delete(path)
    assert (files.list_files(path), segments.list_names()) == ([], set())
    assert collect_now(lonely_cluster).object_count == 0
    names.restore(deleted.run_no)
    assert [info.name for info in files.list_files(path)] == ["a"]
    names.delete(path)
    purge(lonely_cluster, deleted)
    purge(lonely_cluster, deleted)
    assert (names.list_deleted(), collect_now(lonely_cluster).object_count, lonely_cluster.keys()) == ([], 3, [])


def purge(cluster, deleted):
    with cluster.database.transaction():
        Objects(cluster.database, cluster.bucket).bury(Names(cluster.database).purge(deleted.run_no))


def test_an_object_of_nobody_is_told_and_never_removed(lonely_cluster, files, path):
    put(files, path, "a", b"file")
    lonely_cluster.bucket.put_new("segments/of/nobody", b"123")
    lonely_cluster.bucket.put_new("elsewhere/not-ours", b"123")
    expected = [Difference("unknown", "segments/of/nobody", "no row tells of its 3 bytes")]
    assert differences(lonely_cluster) == expected
    collect_now(lonely_cluster)
    assert differences(lonely_cluster) == expected


def test_an_object_that_is_lost_is_told_to_who_reads_and_who_compares(lonely_cluster, files, segments, path, tmp_path):
    put(files, path, "a", b"file")
    seal(segments, tmp_path / "rows")
    (tmp_path / "rows").rename(tmp_path / "elsewhere")
    keys = lonely_cluster.keys()
    lonely_cluster.bucket.remove(keys)
    anew = lonely_cluster._replace(cache=ObjectCache(tmp_path / "new", 1 << 20))
    with pytest.raises(CorruptError, match=r"'a' of run .*: its object files/.* is not in s3://lake/"):
        anew.files().open_file(path, "a").read()
    with pytest.raises(CorruptError, match=r"history.parquet: its object segments/.* is not in s3://lake/.*restore it"):
        anew.segments(path).open(f"{FIRST}-history.parquet").read()
    anew.cache.close()
    expected = [Difference("lost", key, "a row leads to it, and it is not in the bucket") for key in keys]
    assert differences(lonely_cluster) == expected


@pytest.mark.parametrize("content", [b"other", b"of another length", b"cut"])
def test_an_object_that_is_not_what_its_row_says_is_told(lonely_cluster, s3_server, files, path, tmp_path, content):
    put(files, path, "a", b"bytes")
    (key,) = lonely_cluster.keys()
    lonely_cluster.bucket.remove([key])
    lonely_cluster.bucket.put_new(key, content)
    anew = lonely_cluster._replace(cache=ObjectCache(tmp_path / "new", 1 << 20))
    with pytest.raises(StoreError, match=r"does not have the bytes that were put there|ends at 3, not 5"):
        anew.files().open_file(path, "a").read()
    anew.cache.close()
    (found,) = set(differences(lonely_cluster, is_reading=True)[:1])
    assert (found.kind, found.key) == ("changed", key)
    put(files, path, "a", b"bytes")
    collect_now(lonely_cluster)
    assert (differences(lonely_cluster, is_reading=True), files.open_file(path, "a").read()) == ([], b"bytes")


def test_stores_that_share_a_bucket_do_not_meet(lonely_cluster, s3_server, path, tmp_path):
    url = lonely_cluster.bucket.url
    stores = [lonely_cluster._replace(bucket=Bucket(f"{url}/{name}", s3_server.options())) for name in ("one", "two")]
    for store in stores:
        put(store.files(), store.make_run(), "a", store.bucket.url.encode())
    assert [len(store.keys()) for store in stores] == [1, 1]


@pytest.mark.slow
def test_collecting_goes_on_while_files_come_and_go(lonely_cluster, files, path):
    stop = threading.Event()

    def collect_again():
        while not stop.is_set():
            collect(lonely_cluster.database, lonely_cluster.bucket, staged_s=60.0, dead_s=0.0)

    threads = [threading.Thread(target=collect_again) for _ in range(2)]
    for thread in threads:
        thread.start()
    end = time.monotonic() + 2.0
    while time.monotonic() < end:
        for content in (b"one", b"two"):
            put(files, path, "a", content)
            assert files.open_file(path, "a").read() == content
    stop.set()
    for thread in threads:
        thread.join()
    collect_now(lonely_cluster)
    assert (len(lonely_cluster.keys()), differences(lonely_cluster, is_reading=True)) == (1, [])


def test_a_run_of_another_project_is_not_touched(lonely_cluster, files, path):
    other = RunPath(path.entity, "q", path.run_id)
    lonely_cluster.make_anew(other)
    put(files, path, "a", b"same")
    put(files, other, "a", b"same")
    purge(lonely_cluster, Names(lonely_cluster.database).delete(path))
    collect_now(lonely_cluster)
    assert files.open_file(other, "a").read() == b"same"


def test_an_open_file_says_which_content_it_is_without_being_read(lonely_cluster, files, path):
    tags = []
    for content in (b"one", b"two"):
        put(files, path, "a", content)
        tags += [files.open_file(path, "a").raw.etag for _ in range(2)]
    assert (tags[0] == tags[1], tags[2] == tags[3], tags[0] == tags[2]) == (True, True, False)
    assert "get" not in lonely_cluster.bucket.calls.counts()
