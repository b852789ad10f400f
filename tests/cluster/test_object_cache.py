"""Objects read through a cache on the disk: the right bytes, fetched once, within a limit, whatever the disk does."""

import itertools
import os
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pytest
from s3_proxy import S3Proxy

from runlake.errors import CorruptError, TruncatedError
from runlake.store import disk
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.object_cache import ObjectCache, sum_of
from runlake.store.cluster.object_file import ObjectFile, SharedFile

BLOCK = 1000
BODY = random.Random(1).randbytes(SIZE_BYTES := 50_500)


@pytest.fixture
def bucket(s3_server):
    bucket = Bucket(s3_server.new_url(), s3_server.options())
    bucket.put_new("a", BODY)
    return bucket


@pytest.fixture
def make_cache(tmp_path):
    caches = []

    def make(limit_bytes=10**7, name="cache"):
        caches.append(ObjectCache(tmp_path / name, limit_bytes, block_bytes=BLOCK))
        return caches[-1]

    yield make
    for cache in caches:
        cache.close()


def sums_of(body):
    return b"".join(sum_of(body[start : start + BLOCK]) for start in range(0, len(body), BLOCK))


def open_file(cache, bucket, key="a", body=BODY):
    return ObjectFile(cache.object(bucket, key, len(body), sums_of(body)))


def received(bucket):
    """How many bytes came from the bucket until now."""
    return bucket.calls.counts()["get"].received_bytes if "get" in bucket.calls.counts() else 0


def files_of(tmp_path):
    return [file for file in (tmp_path / "cache").rglob("*") if file.is_file() and not file.name.startswith(".")]


def kept_bytes(tmp_path):
    return sum(file.stat().st_size for file in files_of(tmp_path))


def test_any_bytes_are_those_of_the_object(make_cache, bucket):
    file, choice = open_file(make_cache(), bucket), random.Random(2)
    for _ in range(200):
        start, size = choice.randrange(len(BODY) + 100), choice.choice([0, 1, 999, 1000, 1001, 7777, 10**6])
        assert bytes(file.read_at(size, start)) == BODY[start : start + size]


def test_it_reads_as_a_file(make_cache, bucket):
    with open_file(make_cache(), bucket) as file:
        assert (file.read(5), file.tell(), file.seek(-4, os.SEEK_END), file.read()) == (BODY[:5], 5, 50_496, BODY[-4:])
        assert (file.seek(3), file.seek(2, os.SEEK_CUR), file.read(2), file.read(0)) == (3, 5, BODY[5:7], b"")
        assert (file.seek(0), file.readall() == BODY, file.read(1)) == (0, True, b"")


def test_arrow_reads_anywhere_in_it_by_several_threads(make_cache, bucket):
    source = pa.PythonFile(SharedFile(open_file(make_cache(), bucket)), mode="r")
    places = [(start, 1 + start % 4000) for start in range(0, len(BODY), 321)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda place: source.read_at(place[1], place[0]), places))
    assert (found, source.size()) == ([BODY[start : start + size] for start, size in places], len(BODY))


def test_each_thread_that_reads_for_arrow_has_a_place_of_its_own(make_cache, bucket):
    """Arrow asks for the size by seeking to the end and back, while other threads seek and read."""
    file = SharedFile(open_file(make_cache(), bucket))
    file.seek(0, os.SEEK_END)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(lambda: (file.tell(), file.seek(7), file.read(3), file.seek(2, os.SEEK_CUR))).result()
    assert theirs == (0, 7, BODY[7:10], 12)
    assert (file.tell(), file.seek(-4, os.SEEK_END), file.read(9)) == (len(BODY), len(BODY) - 4, BODY[-4:])


def test_what_was_fetched_is_not_asked_for_again(make_cache, bucket):
    assert open_file(make_cache(), bucket).read() == BODY
    assert received(bucket) == len(BODY)
    assert open_file(make_cache(), bucket).read() == BODY
    assert received(bucket) == len(BODY)


def test_only_the_blocks_that_are_read_are_fetched(make_cache, bucket):
    file = open_file(make_cache(), bucket)
    assert file.read_at(8, len(BODY) - 8) == BODY[-8:]
    assert file.read_at(10, 20_995) == BODY[20_995:21_005]
    assert received(bucket) == 500 + 2 * BLOCK


def test_neighbours_come_in_one_answer(make_cache, bucket):
    open_file(make_cache(), bucket).read_at(4 * BLOCK, 0)
    assert bucket.calls.counts()["get"].call_count == 1


def test_who_reads_on_finds_more_fetched_ahead_and_each_block_comes_once(make_cache, bucket):
    file = open_file(make_cache(), bucket)
    pieces = [bytes(file.read_at(BLOCK, start)) for start in range(0, len(BODY), BLOCK)]
    assert b"".join(pieces) == BODY
    assert received(bucket) == len(BODY)
    assert bucket.calls.counts()["get"].call_count < 25


def test_threads_that_want_the_same_fetch_it_once(make_cache, bucket):
    cache = make_cache()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: open_file(cache, bucket).read_at(20 * BLOCK, 0), range(16)))
    assert found == [BODY[: 20 * BLOCK]] * 16
    # Who looked just before it was there, and asked just after it had come, fetched it again.
    assert received(bucket) <= 3 * 20 * BLOCK


def test_an_object_without_bytes_is_read_without_a_question(make_cache, bucket):
    assert open_file(make_cache(), bucket, "empty", b"").read() == b""
    assert received(bucket) == 0


def test_the_cache_keeps_its_limit_and_the_blocks_that_were_used_last(make_cache, bucket, tmp_path):
    cache = make_cache(limit_bytes=8 * (BLOCK + 16))
    bucket.put_new("small", BODY[:BLOCK])
    open_file(cache, bucket, "small", BODY[:BLOCK]).read()
    for number in range(20):
        bucket.put_new(f"b{number}", body := BODY[number * BLOCK : (number + 1) * BLOCK])
        assert open_file(cache, bucket, f"b{number}", body).read() == body
        for each, age in zip(sorted(files_of(tmp_path), key=lambda f: f.stat().st_mtime), itertools.count()):
            os.utime(each, (1e9 + age, 1e9 + age))
        open_file(cache, bucket, "small", BODY[:BLOCK]).read()  # used again and again
    assert kept_bytes(tmp_path) <= 8 * (BLOCK + 16)
    before = received(bucket)
    open_file(cache, bucket, "small", BODY[:BLOCK]).read()
    assert received(bucket) == before
    open_file(cache, bucket, "b0", BODY[:BLOCK]).read()
    assert received(bucket) == before + BLOCK


def test_an_object_that_would_drive_out_everything_is_read_and_not_kept(make_cache, bucket, tmp_path):
    cache = make_cache(limit_bytes=8 * len(BODY) - 1)
    file = open_file(cache, bucket)
    assert b"".join(bytes(file.read_at(BLOCK, start)) for start in range(0, len(BODY), BLOCK)) == BODY
    assert (received(bucket), files_of(tmp_path)) == (len(BODY), [])


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:500] + bytes([content[500] ^ 1]) + content[501:],
        lambda content: content[:-1],
        lambda content: content + b"x",
        lambda content: b"",
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    ],
)
@pytest.mark.parametrize("is_known", [False, True], ids=["by a new process", "by one that has proven it"])
def test_a_block_that_the_disk_changed_is_fetched_again(make_cache, bucket, tmp_path, damage, is_known):
    caches = [make_cache() for _ in range(2)]
    for _ in range(2):
        open_file(caches[0], bucket).read_at(BLOCK, 0)
    (block,) = files_of(tmp_path)
    block.write_bytes(damage(whole := block.read_bytes()))
    assert open_file(caches[not is_known], bucket).read_at(BLOCK, 0) == BODY[:BLOCK]
    assert (received(bucket), block.read_bytes()) == (2 * BLOCK, whole)


def test_a_cache_that_is_deleted_under_its_readers_is_made_anew(make_cache, bucket, tmp_path):
    cache = make_cache()
    file = open_file(cache, bucket)
    file.read_at(10 * BLOCK, 0)
    for block in files_of(tmp_path):
        block.unlink()
        if not os.listdir(block.parent):  # noqa: PTH208
            block.parent.rmdir()
    assert file.read_at(10 * BLOCK, 0) == BODY[: 10 * BLOCK]
    assert open_file(cache, bucket).read() == BODY


def test_a_disk_that_takes_nothing_is_told_once_and_everything_is_read(make_cache, bucket, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    cache = make_cache()
    with pytest.warns(match="takes nothing, so everything is fetched each time"):
        assert open_file(cache, bucket).read() == BODY
    assert open_file(cache, bucket).read() == BODY
    assert received(bucket) == 2 * len(BODY)


def test_what_a_killed_process_left_half_written_goes_first(make_cache, bucket, tmp_path):
    left = tmp_path / "cache" / "aa" / f"{disk.TEMPORARY_PREFIX}1-2"
    left.parent.mkdir(parents=True)
    left.write_bytes(bytes(5 * BLOCK))
    os.utime(left, (1e9, 1e9))
    cache = make_cache(limit_bytes=6 * (BLOCK + 16))
    for number in range(3):
        bucket.put_new(f"b{number}", bytes(700))
        open_file(cache, bucket, f"b{number}", bytes(700)).read()
    assert (left.exists(), len(files_of(tmp_path))) == (False, 3)


def test_an_object_that_is_gone_is_told_so_in_the_words_of_who_opened_it(make_cache, bucket):
    blocks = make_cache().object(bucket, "never", 10_000, bytes(40))
    with pytest.raises(FileNotFoundError, match="there is no object 'never'"):
        blocks.fetch([0])[0].result()
    with pytest.raises(LookupError, match="lost"):
        ObjectFile(blocks, lambda: LookupError("lost")).read()
    source = pa.PythonFile(ObjectFile(blocks, lambda: FileNotFoundError("replaced")), mode="r")
    with pytest.raises(FileNotFoundError, match="replaced"):
        source.read_at(10, 0)


def test_an_object_that_is_shorter_than_it_should_be_is_told_so(make_cache, bucket):
    with pytest.raises(TruncatedError, match="ends at 50500, not 51000"):
        open_file(make_cache(), bucket, "a", BODY + bytes(500)).read()


@pytest.mark.parametrize("lie", ["flip", "short", "absent", "stale"])
def test_what_is_no_object_of_ours_is_asked_for_again(make_cache, bucket, s3_server, lie):
    proxy = S3Proxy(s3_server.endpoint, ["pass", lie])
    behind = Bucket(bucket.url, s3_server.options(endpoint=proxy.endpoint))
    bucket.put_new("other", BODY[1000:2000])
    behind.get_ranges("other", [(0, BLOCK)])
    assert open_file(make_cache(), behind).read_at(10, 0) == BODY[:10]
    assert (behind.calls.counts()["get"].call_count, proxy.done) == (3, ["pass", lie, "pass"])
    proxy.stop()


def test_an_object_of_other_bytes_is_never_read_nor_kept(make_cache, bucket, tmp_path):
    bucket.put_new("other", BODY[:1500] + b"x" + BODY[1501:5000])
    file = open_file(make_cache(), bucket, "other", BODY[:5000])
    told = r"the object other in s3://lake/p\d+ does not have the bytes that were put there \(from byte 1000 on\)"
    with pytest.raises(CorruptError, match=told):
        file.read_at(10, 1000)
    with pytest.raises(CorruptError, match="restore it from a backup"):
        pa.PythonFile(file, mode="r").read_at(10, 1000)
    assert file.read_at(1000, 2000) == BODY[2000:3000]
    assert len(files_of(tmp_path)) == 1


def test_bytes_of_which_nothing_tells_what_was_put_there_are_read_and_not_kept(make_cache, bucket, tmp_path):
    for _ in range(2):
        assert ObjectFile(make_cache().object(bucket, "a", len(BODY))).read() == BODY
    assert (received(bucket), files_of(tmp_path)) == (2 * len(BODY), [])


def test_a_failure_is_no_answer_for_ever(make_cache, bucket):
    file = open_file(make_cache(), bucket, "later", BODY[:2000])
    with pytest.raises(FileNotFoundError):
        file.read_at(10, 0)
    bucket.put_new("later", BODY[:2000])
    assert file.read_at(10, 0) == BODY[:10]


READER = """
import random, sys
from pathlib import Path
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.object_cache import ObjectCache, sum_of
from runlake.store.cluster.object_file import ObjectFile, SharedFile

folder, url, limit, seed = sys.argv[1:]
bucket, choice = Bucket(url), random.Random(seed)
bodies = [bucket.get(f"b{number}") for number in range(30)]
cache = ObjectCache(Path(folder), int(limit), block_bytes=1000)
for _ in range(200):
    number = choice.randrange(30)
    sums = b"".join(sum_of(bodies[number][start : start + 1000]) for start in (0, 1000, 2000))
    file = ObjectFile(cache.object(bucket, f"b{number}", 2500, sums))
    start, size = choice.randrange(2500), choice.choice([10, 2000])
    assert file.read_at(size, start) == bodies[number][start : start + size]
cache.close()
"""


@pytest.mark.slow
def test_processes_that_share_a_cache_read_what_is_right_and_keep_the_limit_together(bucket, s3_server, tmp_path):
    limit_bytes = 30_000
    for number in range(30):
        bucket.put_new(f"b{number}", BODY[number * 1000 : number * 1000 + 2500])
    environment = {**os.environ, **s3_server.environment()}
    command = [sys.executable, "-c", READER, str(tmp_path / "cache"), bucket.url, str(limit_bytes)]
    processes = [subprocess.Popen([*command, str(seed)], env=environment) for seed in range(3)]
    stop = threading.Event()

    def damage():
        while not stop.wait(0.01):
            for block in files_of(tmp_path)[::7]:
                block.write_bytes(b"damaged by the disk")

    thread = threading.Thread(target=damage)
    thread.start()
    codes = [process.wait() for process in processes]
    stop.set()
    thread.join()
    assert codes == [0, 0, 0]
    assert 0 < kept_bytes(tmp_path) <= limit_bytes * 35 / 32 + 3 * BLOCK
