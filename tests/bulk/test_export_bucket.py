"""An export in a bucket of a real S3 server: the same bytes as in a folder, resumed, brought up to date and proved."""

import itertools
import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
from s3_proxy import S3Proxy

import warm
from runlake.api.api import Api
from runlake.bulk.bucket import BucketTarget
from runlake.bulk.bucket_claim import Claim
from runlake.bulk.places import open_target, read_manifest
from runlake.bulk.verify import verify_folder
from runlake.errors import BadValueError, ConflictError, NotFoundError, ReadOnlyError
from runlake.store.cluster.bucket import USUAL_LIMITS, Bucket
from waiting import DEADLINE_S, wait_until

pytestmark = pytest.mark.usefixtures("project")

SOURCE = Path(__file__).parents[2] / "src"
RUN_COUNT = 3
KILLED = """
import os, signal, sys
from runlake.bulk.export import export_folder
from runlake.bulk.options import options_of
from runlake.service.open import open_service

root, url, row_count = sys.argv[1:]

def report(done, total):
    if done >= int(row_count):
        os.kill(os.getpid(), signal.SIGKILL)

options = options_of(format="csv", has_files=True)
export_folder(open_service(root), "ann", "digits", url, options, worker_count=1, report=report)
"""


@pytest.fixture
def url(s3_server, monkeypatch):
    """A place in the bucket that nobody else has; the variables say how it is asked."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return s3_server.new_url()


def objects_of(url):
    """Every object below a URL by its key, the manifest without what proofs leave out."""
    bucket = Bucket(url)
    found = {one.key: bucket.get(one.key) for one in bucket.list()}
    before, _, after = found["manifest.json"].partition(b'"made": {')
    return {**found, "manifest.json": before + after.partition(b"}")[2]}


@pytest.mark.slow
def test_a_bucket_gets_the_bytes_that_a_folder_gets_and_proves_them(
    url, make_artifact, service, export, tmp_path, content
):
    make_artifact("data", {"train.csv": b"1,2"})
    options = {"has_files": True, "artifacts": "files", "service": service}
    done = export(url, **options)
    folder = export(tmp_path / "out", **options)
    assert objects_of(url) == content(tmp_path / "out")
    assert (done.manifest.digest, read_manifest(url)) == (folder.manifest.digest, done.manifest)
    proof = verify_folder(url, service, is_deep=True)
    assert (proof.differences, proof.file_count, proof.digest) == ((), 10, done.manifest.digest)


def test_it_is_brought_up_to_date_where_it_is_and_elsewhere(url, make_run, local, export, tmp_path, content):
    export(url)
    assert export(url).written_count == 0
    make_run("b2", rows=[{"a": 1}], at_s=70)
    local.delete_run(local.list_runs("ann", "digits").runs[1].path)
    news = export(f"{url}-news", since=f"{url}/manifest.json")
    assert sorted(objects_of(f"{url}-news")) == ["history/b2.csv", "manifest.json", "runs.csv"]
    done = export(url)
    assert (done.written_count, done.kept_count, done.manifest.deleted) == (1, 2, news.manifest.deleted)
    whole = export(tmp_path / "whole")
    assert done.manifest.runs == whole.manifest.runs
    assert objects_of(url).keys() == content(tmp_path / "whole").keys()
    assert verify_folder(url).is_whole


def test_what_is_altered_missing_and_unknown_is_named(url, export):
    export(url, has_files=True)
    bucket = Bucket(url)
    bucket.replace("history/a1.csv", bucket.get("history/a1.csv").replace(b"1.5", b"1.6"))
    bucket.remove(["files/a1/model.bin"])
    bucket.put_new("history/zz.csv", b"mine")
    assert [(found.kind, found.place) for found in verify_folder(url).differences] == [
        ("altered", "history/a1.csv"), ("missing", "files/a1/model.bin"), ("unknown", "history/zz.csv"),
    ]  # fmt: skip
    assert export(url, has_files=True).written_count == 1  # the one that lost a file


@pytest.mark.parametrize("row_count", [0, 5, 55])
def test_a_killed_process_leaves_what_goes_on(row_count, url, root, local, export, tmp_path, content):
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-c", KILLED, str(root), url, str(row_count)]
    assert warm.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    with pytest.raises(NotFoundError, match="no manifest"):
        verify_folder(url)
    done = export(url, has_files=True)
    export(tmp_path / "whole", has_files=True)
    assert done.continued_from is not None
    assert objects_of(url) == content(tmp_path / "whole")


def test_what_was_noted_is_not_written_again_unless_it_was_altered(url, export):
    for is_altered, written_count in ((False, 0), (True, 1)):
        place, told = f"{url}/{written_count}", []

        def stop(done, total, told=told):
            told.append(done)
            if len(told) == 1 + RUN_COUNT:  # the first time nothing is done yet
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            export(place, report=stop)
        bucket = Bucket(place)
        if is_altered:
            bucket.replace("history/a1.csv", b"x" * len(bucket.get("history/a1.csv")))
        assert export(place).written_count == written_count
        assert verify_folder(place).is_whole


@pytest.mark.slow
def test_a_large_file_goes_in_parts(url, make_run, export):
    data = os.urandom(40 * 2**20)
    make_run("large", files={"large.bin": data}, at_s=80)
    export(url, has_files=True, filters={"run_id": "large"})
    assert Bucket(url).get("files/large/large.bin") == data
    assert verify_folder(url).is_whole


def test_a_server_that_fails_and_loses_answers_is_asked_again(url, s3_server, export, monkeypatch, tmp_path, content):
    faults = itertools.cycle(["pass", "pass", "busy", "pass", "mute"])
    proxy = S3Proxy(s3_server.endpoint, faults)
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    try:
        export(url, has_files=True)
    finally:
        proxy.stop()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    export(tmp_path / "out", has_files=True)
    assert objects_of(url) == content(tmp_path / "out")


def test_a_server_that_refuses_every_etag_takes_an_export(url, s3_server, monkeypatch):
    proxy = S3Proxy(s3_server.endpoint, itertools.repeat("picky"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    claim = Claim(Bucket(url), "claims", lease_s=4.0, renew_s=0.1)
    try:
        with claim.held(url):
            wait_until(lambda: proxy.done.count("picky") > 20, "it was renewed")
            claim.check()
    finally:
        proxy.stop()


@pytest.mark.parametrize("word_count", [7, 11, 14])
def test_a_full_bucket_ends_the_export_and_it_goes_on(
    word_count, url, s3_server, export, monkeypatch, tmp_path, content
):
    proxy = S3Proxy(s3_server.endpoint, ["pass"] * word_count + ["full"] * (1 + USUAL_LIMITS.retry_count))
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    try:
        with pytest.raises(ReadOnlyError, match="full"):
            export(url, has_files=True, worker_count=1)
    finally:
        proxy.stop()
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3_server.endpoint)
    export(url, has_files=True)
    export(tmp_path / "out", has_files=True)
    assert objects_of(url) == content(tmp_path / "out")


# Whose place it is


def test_a_place_with_other_things_in_it_is_left_alone(url, export):
    Bucket(url).put_new("thesis.tex", b"mine")
    with pytest.raises(ConflictError, match=r"'thesis\.tex' and no export"):
        export(url)
    assert [one.key for one in Bucket(url).list()] == ["thesis.tex"]


def test_two_exports_into_one_place_do_not_mix(url, export):
    seen = []

    def report(done, total):
        if not seen:
            seen.append(True)
            with pytest.raises(ConflictError, match=rf"process {os.getpid()} on .* writes into {url}"):
                export(url)

    export(url, report=report)
    assert seen == [True]
    assert not any("claims" in one.key for one in Bucket(url).list())


def test_who_is_silent_for_too_long_is_taken_over_and_stops(url):
    bucket = Bucket(url)
    slow, quick = (Claim(bucket, "lock", lease_s=3.0, renew_s=renew_s) for renew_s in (30.0, 0.1))
    with slow.held(url):
        with pytest.raises(ConflictError, match="was heard"), quick.held(url):
            pass
        time.sleep(4.1)  # the clock of an S3 server has whole seconds
        with quick.held(url):
            time.sleep(0.3)
            quick.check()
            with pytest.raises(ConflictError, match="start it again"):
                slow.check()
    assert list(bucket.list()) == []


@pytest.mark.slow
def test_who_renews_in_time_is_not_taken_over(url):
    bucket = Bucket(url)
    first, second = (Claim(bucket, "lock", lease_s=4.0, renew_s=0.2) for _ in range(2))
    with first.held(url):
        time.sleep(4.5)
        first.check()
        for _ in range(20):
            with pytest.raises(ConflictError) as refused, second.held(url):
                pass
            if "start it again" not in str(refused.value):  # it was renewed while it was read
                break
        assert "was heard" in str(refused.value)


def test_of_many_who_want_a_place_at_once_one_has_it(url):
    bucket, inside, refused = Bucket(url), [], []
    gate, all_refused = threading.Barrier(8), threading.Event()

    def take():
        gate.wait()
        try:
            with Claim(bucket, "lock").held(url):
                inside.append(1)
                assert all_refused.wait(DEADLINE_S)
        except ConflictError:
            refused.append(1)
            if len(refused) == 7:
                all_refused.set()

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(inside), len(refused)) == (1, 7)


# Names of places


def test_places_go_by_their_urls(url, tmp_path, local):
    with Api(service=local) as api:
        api.export("ann/digits", url, format="csv")
        api.export("ann/digits", f"file://{tmp_path}/out%20put", format="csv")
    assert read_manifest(f"{url}/").digest == read_manifest(tmp_path / "out put/manifest.json").digest
    assert isinstance(open_target(url), BucketTarget)
    for wrong, said in (("gs://bucket/x", "gs:// is not known"), ("s3://", "no address of a bucket")):
        with pytest.raises(BadValueError, match=said):
            open_target(wrong)
    with pytest.raises(NotFoundError, match="there is no"):
        read_manifest(f"{url}/nothing")
