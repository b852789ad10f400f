"""A bucket on a real S3 server: what it makes once, reads in pieces, counts, and calls by its name when it fails."""

import itertools
import threading
import time

import httpx
import pytest
from s3_proxy import S3Proxy

from runlake.errors import BadValueError, ConflictError, ReadOnlyError, TruncatedError, UnreachableError
from runlake.store.cluster.bucket import USUAL_LIMITS, Bucket, BucketLimits
from runlake.store.cluster.bucket_errors import UnusableBucketError

IMPATIENT = BucketLimits(retry_count=0)


@pytest.fixture
def bucket(s3_server):
    return Bucket(s3_server.new_url(), s3_server.options())


@pytest.fixture
def behind(s3_server):
    """Makes a bucket behind a proxy with a script of faults."""
    proxies = []

    def open_bucket(*script, url=None, limits=USUAL_LIMITS):
        proxies.append(S3Proxy(s3_server.endpoint, itertools.chain(script)))
        options = s3_server.options(endpoint=proxies[-1].endpoint)
        return Bucket(url or s3_server.new_url(), options, limits)

    yield open_bucket
    for proxy in proxies:
        proxy.stop()


class TestObjects:
    def test_an_object_is_made_once_and_the_same_bytes_again_are_fine(self, bucket):
        assert bucket.put_new("a/b", b"some") is True
        assert bucket.put_new("a/b", b"some") is False
        with pytest.raises(ConflictError, match=r"there is an object 'a/b' in s3://lake/p\d+, and it has other bytes"):
            bucket.put_new("a/b", b"else")
        with pytest.raises(ConflictError):
            bucket.put_new("a/b", b"longer")
        assert bucket.get("a/b") == b"some"

    def test_of_many_who_make_an_object_of_the_same_bytes_one_does(self, bucket):
        made = []
        threads = [threading.Thread(target=lambda: made.append(bucket.put_new("a", b"same"))) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(made) == [False] * 15 + [True]

    def test_it_is_read_whole_by_ranges_and_from_its_end(self, bucket):
        body = bytes(range(256)) * 400
        bucket.put_new("a", body)
        assert bucket.get("a") == body
        assert b"".join(bucket.read_pieces("a")) == body
        pieces = bucket.get_ranges("a", [(0, 3), (5, 7), (100_000, 2400)])
        assert [bytes(piece) for piece in pieces] == [body[:3], body[5:12], body[100_000:]]
        assert bucket.get_end("a", 10) == body[-10:]
        assert bucket.get_end("a", 10**6) == body
        with pytest.raises(TruncatedError, match="ends at 102400, not 102401"):
            bucket.get_ranges("a", [(102_000, 401)])

    def test_an_object_without_bytes_is_one(self, bucket):
        assert bucket.put_new("empty", b"") is True
        assert bucket.get("empty") == b""
        assert b"".join(bucket.read_pieces("empty")) == b""

    def test_what_is_there_is_told_with_size_and_time(self, bucket):
        bucket.put_new("one/b", b"12345")
        bucket.put_new("one/a", b"1")
        bucket.put_new("two/a", b"")
        assert sorted((info.key, info.size_bytes) for info in bucket.list("one")) == [("one/a", 1), ("one/b", 5)]
        assert len(list(bucket.list())) == 3
        assert abs(bucket.head("one/b").written_at - time.time()) < 120
        assert list(bucket.list("nothing")) == []

    def test_what_is_removed_is_gone_and_may_be_removed_again(self, bucket):
        bucket.put_new("a", b"1")
        bucket.put_new("b", b"2")
        bucket.remove(["a", "b", "never"])
        bucket.remove([])
        assert list(bucket.list()) == []
        for look in (bucket.head, bucket.get, lambda key: bucket.get_ranges(key, [(0, 1)])):
            with pytest.raises(FileNotFoundError, match=r"there is no object 'a' in s3://lake/p"):
                look("a")

    def test_a_large_file_goes_in_parts_and_may_go_twice(self, bucket, s3_server, tmp_path):
        (tmp_path / "large").write_bytes(body := bytes(range(256)) * (11 << 12))
        url = bucket.url
        bucket = Bucket(url, s3_server.options(), BucketLimits(largest_put_bytes=1 << 20, part_bytes=5 << 20))
        bucket.put_file("large", tmp_path / "large")
        bucket.put_file("large", tmp_path / "large")
        assert bucket.get("large") == body
        assert bucket.head("large").etag.strip('"').endswith("-3")

    def test_a_small_file_goes_at_once(self, bucket, tmp_path):
        (tmp_path / "small").write_bytes(b"few")
        bucket.put_file("small", tmp_path / "small")
        assert bucket.get("small") == b"few"

    def test_who_has_a_signed_address_reads_and_writes_that_object_only(self, bucket):
        written = httpx.put(bucket.signed_url("PUT", "a", valid_s=60), content=b"sent straight")
        assert (written.status_code, bucket.get("a")) == (200, b"sent straight")
        url = bucket.signed_url("GET", "a", valid_s=60)
        assert httpx.get(url).content == b"sent straight"
        bucket.put_new("b", b"secret")
        assert httpx.get(url.replace("/a?", "/b?")).status_code == 403

    def test_every_call_is_counted(self, bucket):
        bucket.put_new("a", b"123")
        bucket.get("a")
        bucket.get_end("a", 2)
        with pytest.raises(FileNotFoundError):
            bucket.head("b")
        counts = bucket.calls.counts()
        assert {kind: count._replace(duration_s=0) for kind, count in counts.items()} == {
            "put": (1, 1, 0, 3, 0, 0),
            "get": (2, 2, 0, 0, 5, 0),
            "head": (1, 1, 1, 0, 0, 0),
        }
        assert all(count.duration_s > 0 for count in counts.values())


class TestWhereItIs:
    @pytest.mark.parametrize("url", ["lake", "s3://", "s3://a", "s3://La ke/x", "gs://lake/x", "s3://lake/x?y", ""])
    def test_what_is_no_address_of_a_bucket_is_told_so(self, url):
        with pytest.raises(BadValueError, match="is no address of a bucket; one looks like this: s3://bucket/folder"):
            Bucket(url)

    def test_options_that_are_unknown_are_told_so(self):
        with pytest.raises(BadValueError, match="s3://lake cannot be opened with these options"):
            Bucket("s3://lake", {"colour": "red"})

    def test_what_is_not_said_comes_from_the_variables_of_aws(self, s3_server, monkeypatch):
        for name, value in s3_server.environment().items():
            monkeypatch.setenv(name, value)
        bucket = Bucket(s3_server.new_url())
        bucket.put_new("a", b"1")
        assert bucket.get("a") == b"1"

    def test_a_folder_of_the_bucket_shows_nothing_of_its_neighbours(self, s3_server):
        url = s3_server.new_url()
        one, other = (Bucket(f"{url}/{name}", s3_server.options()) for name in ("one", "one-more"))
        other.put_new("a", b"1")
        assert (list(one.list()), [info.key for info in other.list()]) == ([], ["a"])


class TestFailures:
    @pytest.mark.parametrize("others", [{"access_key_id": "nobody"}, {"secret_access_key": "wrong"}])
    def test_credentials_that_are_not_taken_are_told_so(self, s3_server, others):
        bucket = Bucket(s3_server.new_url(), s3_server.options(**others))
        with pytest.raises(
            UnusableBucketError, match=r"cannot get 'a' in s3://lake/p\d+: these credentials are not tak"
        ):
            bucket.get("a")
        with pytest.raises(UnusableBucketError, match="AWS_ACCESS_KEY_ID"):
            bucket.put_new("a", b"")

    def test_a_bucket_that_is_not_there_is_told_so(self, s3_server):
        bucket = Bucket("s3://never-made/x", s3_server.options("writes"))
        with pytest.raises(UnusableBucketError, match="there is no such bucket"):
            bucket.get("a")
        with pytest.raises(UnusableBucketError, match="there is no such bucket"):
            list(bucket.list())

    def test_a_bucket_that_may_only_be_read_is_read_only(self, s3_server):
        url = s3_server.new_url()
        Bucket(url, s3_server.options()).put_new("a", b"1")
        bucket = Bucket(url, s3_server.options("reads"))
        assert bucket.get("a") == b"1"
        for change in (lambda: bucket.put_new("b", b"2"), lambda: bucket.remove(["a"])):
            with pytest.raises(ReadOnlyError, match="these credentials may not write there"):
                change()
        assert bucket.get("a") == b"1"

    def test_a_bucket_that_may_only_be_written_is_told_so_when_it_is_read(self, s3_server):
        url = s3_server.new_url()
        bucket = Bucket(url, s3_server.options("only-writes"))
        bucket.put_new("b", b"2")
        with pytest.raises(UnusableBucketError, match="these credentials may not read there"):
            bucket.get("b")

    def test_a_full_bucket_is_told_so(self, behind):
        bucket = behind("full", limits=IMPATIENT)
        with pytest.raises(ReadOnlyError, match="the bucket is full"):
            bucket.put_new("a", b"1")

    def test_a_server_that_does_not_answer_is_told_so(self, s3_server):
        bucket = Bucket("s3://lake", s3_server.options(endpoint="http://127.0.0.1:1"), IMPATIENT)
        with pytest.raises(UnreachableError, match="the server does not answer as it should"):
            bucket.put_new("a", b"1")

    def test_a_server_that_has_no_time_for_ever_is_told_so(self, behind):
        with pytest.raises(UnreachableError, match="503"):
            behind("busy", limits=IMPATIENT).get("a")

    def test_a_server_that_says_nothing_is_given_up(self, behind):
        bucket = behind("deaf", "deaf", "deaf", limits=BucketLimits(retry_count=1, request_s=0.2))
        with pytest.raises(UnreachableError, match="does not answer as it should"):
            bucket.get("a")
        with pytest.raises(UnreachableError, match="does not answer as it should"):
            bucket.put_new("a", b"1")
        assert bucket.put_new("a", b"1")

    @pytest.mark.parametrize("word", ["drop", "mute", "twice", "half", "slow", "busy"])
    def test_an_object_is_made_whole_through_a_faulty_network(self, behind, word):
        bucket = behind(word, "pass", word)
        assert bucket.put_new("a", b"first " * 1000) in ((True,) if word in ("drop", "slow", "busy") else (True, False))
        assert bucket.get("a") == b"first " * 1000

    @pytest.mark.parametrize("word", ["drop", "mute", "twice", "slow", "busy"])
    def test_it_is_read_through_a_faulty_network(self, behind, word):
        bucket = behind("pass", word, word, word)
        bucket.put_new("a", b"some")
        assert bucket.get("a") == b"some"
        assert [info.key for info in bucket.list()] == ["a"]
        bucket.remove(["a"])
        assert list(bucket.list()) == []

    @pytest.mark.parametrize("size_bytes", [1000, 11 << 20])
    def test_what_a_server_says_it_has_and_has_not_is_put_again(self, behind, tmp_path, size_bytes):
        (tmp_path / "file").write_bytes(body := bytes(range(250)) * (size_bytes // 250))
        limits = BucketLimits(largest_put_bytes=1 << 20, part_bytes=5 << 20)
        liar = (
            behind("claim", "fail", "pass", "absent", limits=limits)
            if size_bytes == 1000
            else behind("pass", "pass", "pass", "pass", "pass", "absent", limits=limits)
        )
        liar.put_file("a", tmp_path / "file")
        assert liar.get("a") == body

    def test_a_server_that_never_has_what_it_says_is_told_so(self, behind, tmp_path):
        (tmp_path / "file").write_bytes(b"some")
        with pytest.raises(UnreachableError, match="says that it has it, and then that it has not"):
            behind(*["claim", "pass"] * 5).put_file("a", tmp_path / "file")

    def test_a_writer_who_lost_to_other_bytes_knows_it_although_the_answer_was_lost(self, behind, bucket):
        bucket.put_new("a", b"theirs")
        with pytest.raises(ConflictError):
            behind("mute", url=bucket.url).put_new("a", b"ours")
        assert bucket.get("a") == b"theirs"
