"""A whole store while its bucket fails: what cannot be done is told by name, nothing is lost, and it goes on later."""

import io
import itertools
import random
import re
import threading

import httpx
import pytest
from s3_proxy import LIES, S3Proxy

from runlake.errors import ReadOnlyError, RunlakeError, UnreachableError
from runlake.model import RunPath
from runlake.service.cluster.collector import Collector
from runlake.service.cluster.sealer import Sealer, longer_pause_s
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.bucket import Bucket, BucketLimits
from runlake.store.cluster.bucket_errors import UnusableBucketError
from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.garbage import Collected, collect
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from runlake.store.cluster.unsealed import find_unsealed
from runlake.store.compact.seal import seal_run
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.run.snapshot import read_consistently
from runlake.store.segment.read import rows_of_meta
from served import Holder, InProcessTransport, make_app
from waiting import wait_until

RUN = RunPath("ann", "p", "r")
ROW_COUNT = 300
IMPATIENT = BucketLimits(retry_count=1, retry_for_s=5.0)


@pytest.fixture
def store(new_cluster_store):
    """A store with one finished run, whose rows are in the database."""
    store = new_cluster_store()
    writer = open_run(store, RUN, {}, inspector=IN_PROCESS).writer
    for step in range(ROW_COUNT):
        writer.log({"loss": step / 8}, step=step, timestamp=1.7e9 + step, runtime=float(step))
    writer.end({"exit_code": 0})
    yield store
    store.close()


@pytest.fixture
def behind(store, s3_server, tmp_path):
    """The same store as another replica has it, whose bucket is asked with other options, or through a proxy."""
    opened, numbers = [], itertools.count()

    def open_store(*words, url=None, limits=IMPATIENT, **options):
        if words:
            opened.append(S3Proxy(s3_server.endpoint, words[0] if len(words) == 1 else iter(words)))
            options["endpoint"] = opened[-1].endpoint
        bucket = Bucket(url or store.bucket.url, s3_server.options(**options), limits)
        cache = ObjectCache(tmp_path / f"replica-{next(numbers)}", 1 << 24)
        return ClusterStore(store.database, bucket, cache)

    yield open_store
    for proxy in opened:
        proxy.stop()


def sealed_losses(store):
    """The values in the segments of the run."""

    def read(snapshot):
        return [rows for meta in snapshot.metas for rows in rows_of_meta(snapshot.segments, meta, "history")]

    rows = read_consistently(store, RUN, read)
    return [
        value for each in rows for series in each.series if series.key == "loss" for value in series.values.to_pylist()
    ]


LOSSES = [step / 8 for step in range(ROW_COUNT)]


@pytest.mark.parametrize(
    ("why", "error"),
    [
        ({"key": "reads"}, ReadOnlyError),
        ({"access_key_id": "unknown"}, UnusableBucketError),
        ({"word": "expired"}, UnusableBucketError),
        # SeaweedFS makes a bucket for who may, and tells others that they may not.
        ({"url": "s3://never-made/x", "key": "writes"}, ReadOnlyError),
        ({"endpoint": "http://127.0.0.1:1"}, UnreachableError),
        ({"word": "full"}, ReadOnlyError),
        ({"word": "busy"}, UnreachableError),
    ],
)
def test_what_cannot_be_put_into_the_bucket_is_told_and_goes_there_later(store, behind, why, error):
    words = [itertools.repeat(why.pop("word"))] if "word" in why else []
    broken = behind(*words, **why)
    store.files.put_file(RUN, "a", io.BytesIO(b"old"))
    with pytest.raises(error):
        seal_run(broken, RUN)
    with pytest.raises(error):
        broken.files.put_file(RUN, "a", io.BytesIO(b"new"))
    assert (store.files.open_file(RUN, "a").read(), sealed_losses(store)) == (b"old", [])
    assert seal_run(store, RUN) == ROW_COUNT
    store.files.put_file(RUN, "a", io.BytesIO(b"new"))
    assert (store.files.open_file(RUN, "a").read(), sealed_losses(store)) == (b"new", LOSSES)
    collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0)
    assert list(Comparison(store.database, store.bucket).differences(is_reading=True)) == []


REFUSALS = {
    "busy": "the server does not answer as it should",
    "denied": "these credentials may not",
    "expired": r"these credentials are not taken \(ExpiredToken: so it is\); look at AWS_ACCESS_KEY_ID",
    "full": "the bucket is full",
}


@pytest.mark.parametrize("word", REFUSALS)
def test_a_client_is_told_that_the_server_has_a_bucket_it_cannot_use_and_to_come_again(store, behind, word):
    """A 401, 403 or 404 for the sake of the bucket would be final to a client, whose request is right."""
    list(ClusterService(store, default_entity="ann").seal("ann", "p"))
    holder = Holder()
    holder.service = ClusterService(behind(itertools.repeat(word)), default_entity="ann")
    transport = InProcessTransport(make_app(holder))
    with httpx.Client(base_url="http://lake", transport=transport) as client:
        place = "/api/v1/runs/ann/p/r"
        for answer in (client.get(f"{place}/history"), client.put(f"{place}/files/a", content=b"new")):
            assert (answer.status_code, bool(re.search(REFUSALS[word], answer.text))) == (503, True), answer.text
            assert int(answer.headers["Retry-After"]) >= 5
    transport.stop()


def test_a_run_whose_bucket_cannot_be_asked_is_not_taken_for_damaged(store, behind):
    seal_run(store, RUN)
    broken = ClusterService(behind(itertools.repeat("expired")), default_entity="ann", user="ann")
    with pytest.raises(UnusableBucketError):
        list(broken.read_histories("ann", "p", keys=["loss"]))


def test_what_cannot_be_read_is_told_and_is_read_later(store, behind):
    seal_run(store, RUN)
    broken = behind(itertools.chain(["busy"] * 2, itertools.repeat("pass")))
    with pytest.raises(RunlakeError, match="does not answer as it should"):
        sealed_losses(broken)
    assert sealed_losses(broken) == LOSSES


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
@pytest.mark.parametrize("harms", [("drop", "mute", "twice", "half", "slow", "busy"), LIES], ids=["harmed", "lied to"])
def test_where_every_third_request_is_harmed_or_lied_to_all_is_sealed_kept_and_read(store, behind, harms, seed):
    choice = random.Random(seed)
    words = (choice.choice(harms) if choice.random() < 1 / 3 else "pass" for _ in itertools.count())
    harmed = behind(words, limits=BucketLimits(retry_for_s=60.0))
    assert seal_run(harmed, RUN) == ROW_COUNT
    for number in range(4):
        harmed.files.put_file(RUN, f"f{number % 2}", io.BytesIO(b"%d" % number * 5000))
    reader = behind(words, limits=BucketLimits(retry_for_s=60.0))
    assert sealed_losses(reader) == LOSSES
    assert [reader.files.open_file(RUN, f"f{number}").read()[:1] for number in range(2)] == [b"2", b"3"]
    collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0)
    assert list(Comparison(store.database, store.bucket).differences(is_reading=True)) == []


def test_what_is_dead_is_removed_beside_the_answers_also_after_the_bucket_failed(store, behind):
    flaky = behind(itertools.chain(["busy"] * 4, itertools.repeat("pass")))
    for content in (b"old", b"new"):
        store.files.put_file(RUN, "a", io.BytesIO(content))
    collectors = [Collector(each, every_s=0.05, staged_s=60.0, dead_s=0.0) for each in (flaky, store)]
    wait_until(lambda: len(list(store.bucket.list("files"))) == 1, "only one object is left")
    for collector in collectors:
        collector.close()
    assert store.files.open_file(RUN, "a").read() == b"new"


def put_twice(store):
    """A file whose first object is dead: the key of that."""
    store.files.put_file(RUN, "a", io.BytesIO(b"old"))
    (key,) = (info.key for info in store.bucket.list("files"))
    store.files.put_file(RUN, "a", io.BytesIO(b"new"))
    return key


def collect_now(store):
    return collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0)


def findings(store):
    """What `runlake check` tells of the bucket."""
    service = ClusterService(store, default_entity="ann", user="ann")
    return [(found.kind, found.place) for _, all_found in service.check() for found in all_found]


def test_what_is_said_to_be_removed_and_is_not_stays_and_is_named_as_nobodys(store, behind):
    key = put_twice(store)
    assert findings(store) == []
    assert collect_now(behind(itertools.repeat("keep"))) == Collected(1, 3)
    for _ in range(2):
        assert findings(store) == [("foreign", key)]
        assert collect_now(store) == Collected(0, 0)
    store.files.put_file(RUN, "a", io.BytesIO(b"old"))
    assert (store.files.open_file(RUN, "a").read(), collect_now(store)) == (b"old", Collected(1, 3))
    assert findings(store) == [("foreign", key)]


@pytest.mark.parametrize("word_count", [1, 2])
def test_what_is_removed_and_said_to_be_not_is_removed_when_it_is_asked_again(store, behind, word_count):
    put_twice(store)
    failing, is_told = behind(itertools.repeat("fail", word_count)), word_count > IMPATIENT.retry_count
    if is_told:
        with pytest.raises(UnreachableError):
            collect_now(failing)
    assert (len(list(store.bucket.list("files"))), findings(store)) == (1 if is_told else 2, [])
    assert collect_now(failing) == Collected(1, 3)
    assert (store.files.open_file(RUN, "a").read(), findings(store)) == (b"new", [])


def test_a_list_that_leaves_something_out_has_nothing_removed_or_told_as_lost(store, behind):
    seal_run(store, RUN)
    put_twice(store)
    keys = {info.key for info in store.bucket.list()}
    lied_to = behind(itertools.repeat("omit"))
    assert len(list(lied_to.bucket.list())) == len(keys) - 1
    assert findings(lied_to) == []
    collector = Collector(lied_to, every_s=0.05, staged_s=0.0, dead_s=0.0)
    wait_until(lambda: len(list(store.bucket.list())) < len(keys), "what is dead is removed")
    collector.close()
    assert (store.files.open_file(RUN, "a").read(), sealed_losses(store), findings(store)) == (b"new", LOSSES, [])


def test_what_could_not_be_sealed_is_sealed_when_the_bucket_is_back(store, behind):
    sealer = Sealer(
        behind(itertools.chain(["denied"] * 4, itertools.repeat("pass"))),
        look_every_s=0.05,
        silent_s=0.0,
        again_s=0.2,
    )
    wait_until(lambda: sealed_losses(store) == LOSSES, "the run is sealed")
    sealer.close()


def test_what_a_bucket_lied_about_is_sealed_when_it_lies_no_more(store, behind):
    seal_run(store, RUN)
    writer = open_run(store, RUN, {}, resume="must", inspector=IN_PROCESS).writer
    writer.log({"loss": ROW_COUNT / 8}, step=ROW_COUNT, timestamp=1.8e9, runtime=1.0)
    writer.end({"exit_code": 0})
    is_lying = threading.Event()
    is_lying.set()
    replica = behind("flip" if is_lying.is_set() else "pass" for _ in itertools.count())
    sealer = Sealer(replica, look_every_s=0.05, silent_s=0.0, again_s=0.2)
    wait_until(lambda: replica.counts.read().get("seals_failed", 0) > 2, "it is found damaged again and again")
    is_lying.clear()
    wait_until(lambda: not find_unsealed(store.database, silent_s=0.0, limit=1), "all is sealed")
    sealer.close()
    assert sealed_losses(store) == [*LOSSES, ROW_COUNT / 8]


def test_what_stays_as_it_is_is_tried_after_longer_and_longer_pauses_of_an_hour_at_most():
    pauses_s = [0.0]
    for _ in range(8):
        pauses_s.append(longer_pause_s(pauses_s[-1]))
    assert pauses_s[1:] == [60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3600.0, 3600.0]


def test_rows_that_the_network_changes_every_time_are_never_believed(store, behind):
    seal_run(store, RUN)
    lying = behind(itertools.repeat("flip"))
    with pytest.raises(RunlakeError, match="does not have the bytes that were put there"):
        sealed_losses(lying)
    assert sealed_losses(store) == LOSSES
