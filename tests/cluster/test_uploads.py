"""Contents that clients put straight into the bucket: what is proven is kept, and nothing else, whoever dies."""

import base64
import hashlib
import itertools
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry, WantedUpload
from runlake.errors import BadValueError, BusyError, NotFoundError
from runlake.service.cluster.prover import Prover
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.database import Database
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.leases import PostgresLeases
from runlake.store.cluster.upload_proofs import UploadProofs
from waiting import DEADLINE_S, wait_until

DATA = CollectionPath("ann", "mnist", "data")
PART = os.urandom(5 << 20)
CONTENTS = {"put": b"0123456789" * 300_000, "bound": b"9876543210" * 300_000, "parts": PART + b"the end"}
COLLISION = [
    bytes.fromhex(
        f"d131dd02c5e6eec4693d9a0698aff95c2fcab5{a}12467eab4004583eb8fb7f8955ad340609f4b30283e4888325{b}415a085125e8f7cdc99f"
        f"d91dbd{c}80373c5bd8823e3156348f5bae6dacd436c919c6dd53e2{d}87da03fd02396306d248cda0e99f33420f577ee8ce54b67080{e}0d1e"
        f"c69821bcb6a8839396f965{f}6ff72a70"
    )
    for a, b, c, d, e, f in (("87", "71", "f2", "b4", "a8", "2b"), ("07", "f1", "72", "34", "28", "ab"))
]
"""The pair that Wang, Feng, Lai and Yu published in 2004."""


def md5_of(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def wanted_of(content, way="put"):
    parts = [content[: len(PART)], content[len(PART) :]] if way == "parts" else []
    sha256 = hashlib.sha256(content).hexdigest() if way == "bound" else None
    return WantedUpload(digest=md5_of(content), sha256=sha256, part_digests=tuple(map(md5_of, parts)))


def begin(service, artifact_id="artifact1"):
    return DATA.at(service.begin_artifact(DATA, ArtifactStart(type="data", artifact_id=artifact_id)).artifact_id)


def offered(service, draft, content, way="put", valid_s=600.0):
    (address,) = service.offer_uploads(draft, [wanted_of(content, way)], valid_s)
    return address


def put(service, draft, content, way="put"):
    """As a client does that does it right: all of it, to where the server says; answers where that is."""
    address = offered(service, draft, content, way)
    if way != "parts":
        assert httpx.put(address.url, content=content, headers=address.headers).status_code == 200
        return address
    tags = []
    for url, part in zip(address.part_urls, (content[: len(PART)], content[len(PART) :]), strict=True):
        tags.append(httpx.put(url, content=part, headers={"Content-MD5": md5_of(part)}).headers["ETag"])
    assert service.complete_upload(draft, address.digest, tags)
    return address


def commit(service, draft, content):
    return service.commit_artifact(draft, [ManifestEntry(path="a.bin", digest=md5_of(content))])


def read(service, made):
    with service.open_content(made.path, "a.bin") as file:
        return file.read()


def states(store):
    return sorted(row for row in store.database.read("select state, count(*) from objects group by state"))


@pytest.fixture
def replica(new_store):
    return ClusterService(new_store(upload_way="bound"), default_entity="ann", user="ann")


others_long = pytest.mark.parametrize(
    "way", ["put", *(pytest.param(way, marks=pytest.mark.long) for way in ("bound", "parts"))], indirect=True
)
"""What depends little on the way is tried by one of them in each run."""


each_way = pytest.mark.parametrize("way", list(CONTENTS), indirect=True)
"""What depends on it more than all else is tried by each of them in each run."""


@pytest.fixture(params=["put", *(pytest.param(way, marks=pytest.mark.slow) for way in ("bound", "parts"))])
def way(request):
    """How the bytes come: to an address, to one that takes no others, or in parts."""
    return request.param


@pytest.fixture
def content(way):
    return CONTENTS[way]


@each_way
def test_what_was_put_into_the_bucket_is_a_content_when_it_is_committed(replica, store, way, content):
    draft = begin(replica)
    address = put(replica, draft, content, way)
    made = commit(replica, draft, content)
    assert replica.read_manifest(made.path) == [
        ManifestEntry(
            path="a.bin",
            digest=md5_of(content),
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
        )
    ]
    assert read(replica, made) == content
    assert httpx.get(replica.content_url(made.path, "a.bin", 60.0)).content == content
    assert states(store) == [("published", 1)]
    assert list(Comparison(store.database, store.bucket).differences(is_reading=True)) == []
    # What can be written over is not where it was put any more.
    assert (httpx.get(address.url.partition("?")[0]).status_code, len(list(store.bucket.list("uploads")))) == (403, 0)


@pytest.mark.parametrize(("way", "read_count"), [("put", 1), ("bound", 0), ("parts", 1)], indirect=["way"])
def test_no_byte_passes_a_replica_but_for_the_proof_of_it(replica, store, content, way, read_count):
    draft = begin(replica)
    put(replica, draft, content, way)
    commit(replica, draft, content)
    counts = store.bucket.calls.counts().values()
    assert sum(count.received_bytes for count in counts) == read_count * len(content)
    assert sum(count.sent_bytes for count in counts) < 1000  # how parts are put together


def test_what_others_have_already_lies_there_once(replica, store, way, content):
    first, second = begin(replica), begin(replica, "artifact2")
    put(replica, first, content, way)
    commit(replica, first, content)
    put(replica, second, content, way)
    replica.commit_artifact(second, [ManifestEntry(path="b.bin", digest=md5_of(content))])
    assert states(store) == [("dead", 1), ("published", 1)]


@each_way
def test_nothing_can_be_put_there_that_changes_what_was_committed(replica, way, content):
    draft = begin(replica)
    address = put(replica, draft, content, way)
    made = commit(replica, draft, content)
    urls = address.part_urls or (address.url,)
    for url, headers in itertools.product(urls, ({}, address.headers, {"Content-MD5": md5_of(PART)})):
        for sent in (b"other", PART, content):
            httpx.put(url, content=sent, headers=headers)
    assert (read(replica, made), httpx.get(replica.content_url(made.path, "a.bin", 60.0)).content) == (content, content)


@pytest.mark.parametrize("way", ["put", "bound"], indirect=True)
def test_not_even_other_bytes_of_the_same_md5_change_what_was_committed(replica, way):
    assert (len(set(COLLISION)), len(set(map(md5_of, COLLISION)))) == (2, 1)
    content, other = COLLISION
    draft = begin(replica)
    address = put(replica, draft, content, way)
    made = commit(replica, draft, content)
    answer = httpx.put(address.url, content=other, headers=address.headers)
    assert answer.status_code == (200 if way == "put" else 412)
    assert (read(replica, made), httpx.get(replica.content_url(made.path, "a.bin", 60.0)).content) == (content, content)


@each_way
def test_the_bucket_refuses_other_bytes_and_says_why(replica, way, content):
    draft = begin(replica)
    address = offered(replica, draft, content, way)
    headers = {"Content-MD5": wanted_of(content, way).part_digests[0]} if way == "parts" else address.headers
    answer = httpx.put(address.url, content=b"others", headers=headers)
    assert (answer.status_code, "<Code>BadDigest</Code>" in answer.text) == (400, True)
    with pytest.raises(NotFoundError, match=r"a\.bin"):
        commit(replica, draft, content)


def test_other_bytes_that_a_bucket_takes_are_refused_by_name_and_can_be_put_again(replica, store):
    content = CONTENTS["put"]
    draft = begin(replica)
    address = offered(replica, draft, content)
    assert httpx.put(address.url, content=b"others").status_code == 200  # without the header that was to be sent
    for _ in range(2):
        with pytest.raises(BadValueError) as caught:
            commit(replica, draft, content)
        assert str(caught.value) == (
            f"the MD5 of what was put into the bucket is {md5_of(b'others')}, and not {md5_of(content)}, as was said "
            "before: it is not kept; log the artifact again"
        )
    assert states(store) == [("dead", 1)]
    again = put(replica, draft, content)
    assert again.url.partition("?")[0] != address.url.partition("?")[0]
    assert read(replica, commit(replica, draft, content)) == content


@pytest.mark.parametrize("way", ["put", "bound"], indirect=True)
def test_what_is_said_to_be_encoded_is_refused_since_others_would_be_told_so(replica, way, content):
    draft = begin(replica)
    address = offered(replica, draft, content, way)
    answer = httpx.put(address.url, content=content, headers={**address.headers, "Content-Encoding": "gzip"})
    assert answer.status_code == 200
    with pytest.raises(BadValueError, match=r"\(Content-Encoding\)"):
        commit(replica, draft, content)
    put(replica, draft, content, way)
    assert read(replica, commit(replica, draft, content)) == content


def test_a_proof_whose_last_answer_was_lost_buries_nothing(replica, store, losing_proxy, way, content):
    draft = begin(replica)
    put(replica, draft, content, way)
    ((name,),) = store.database.read("select current_database()")
    lossy = Database(f"postgresql://tests@127.0.0.1:{losing_proxy.port}/{name}", schema=store.database.schema)
    losing_proxy.lose = b"COMMIT"
    assert list(UploadProofs(lossy, store.bucket).prove_steps(draft.version)) == [0]
    lossy.close()
    assert (losing_proxy.lost_count, states(store)) == (1, [("published", 1)])
    assert read(replica, commit(replica, draft, content)) == content


@each_way
def test_who_knows_an_md5_and_puts_nothing_has_nothing(replica, way, content):
    there = begin(replica)
    put(replica, there, content, way)
    commit(replica, there, content)
    other = replica.begin_artifact(CollectionPath("ann", "mnist", "other"), ArtifactStart(type="data"))
    draft = CollectionPath("ann", "mnist", "other").at(other.artifact_id)
    offered(replica, draft, content, way)
    with pytest.raises(NotFoundError):
        commit(replica, draft, content)


def test_a_commit_before_its_bytes_have_come_is_done_when_they_have(replica, way, content):
    draft = begin(replica)
    offered(replica, draft, content, way)
    with pytest.raises(NotFoundError):
        commit(replica, draft, content)
    put(replica, draft, content, way)
    assert read(replica, commit(replica, draft, content)) == content


@others_long
def test_what_comes_twice_is_there_once(replica, store, way, content):
    draft = begin(replica)
    one = put(replica, draft, content, way)
    if way != "parts":
        again = httpx.put(one.url, content=content, headers=one.headers)
        assert again.status_code == (200 if way == "put" else 412)
    assert commit(replica, draft, content) == commit(replica, draft, content)
    assert states(store) == [("published", 1)]


def test_parts_are_put_together_as_often_as_somebody_asks(replica):
    content, draft = CONTENTS["parts"], begin(replica)
    address = put(replica, draft, content, "parts")
    tags = [f'"{hashlib.md5(part).hexdigest()}"' for part in (PART, b"the end")]
    assert replica.complete_upload(draft, address.digest, tags)
    assert replica.complete_upload(draft, md5_of(b"never offered"), tags) is False
    assert read(replica, commit(replica, draft, content)) == content


@others_long
def test_an_address_that_has_ended_takes_nothing(replica, way, content):
    draft = begin(replica)
    address = offered(replica, draft, content, way, valid_s=1.0)
    headers = {"Content-MD5": wanted_of(content, way).part_digests[0]} if way == "parts" else address.headers
    wait_until(lambda: httpx.put(address.url, content=b"", headers=headers).status_code == 403, "it has ended")
    put(replica, draft, content, way)  # and who asks again has one that is good
    assert read(replica, commit(replica, draft, content)) == content


def test_whatever_replica_commits_finds_what_another_gave_an_address_for(new_store, way, content):
    one, other, server = (
        ClusterService(new_store(upload_way=way_in), default_entity="ann", user="ann")
        for way_in in ("bound", "copied", "server")
    )
    draft = begin(one)
    put(one, draft, content, way)
    assert server.offer_uploads(draft, [wanted_of(b"more")], 60.0) == [None]
    assert [found.digest for found in other.find_content(draft, [md5_of(content)])] == []
    assert read(other, commit(server, draft, content)) == content


def test_a_bucket_that_proves_nothing_takes_only_what_is_read(new_store):
    copied = ClusterService(new_store(upload_way="copied"), default_entity="ann", user="ann")
    draft = begin(copied)
    wanted = [wanted_of(b"1"), wanted_of(b"2", "bound"), wanted_of(CONTENTS["parts"], "parts")]
    huge = WantedUpload(digest=md5_of(b"3"), part_digests=(md5_of(b"4"),) * 60)
    found = copied.offer_uploads(draft, [*wanted, huge], 60.0)
    assert [address is not None and address.part_urls for address in found] == [(), False, (), False]


@pytest.mark.slow
def test_many_small_ones_are_proven_together(replica, store):
    draft = begin(replica)
    contents = {f"{n}.txt": b"%d" % (n % 200) for n in range(250)}
    wanted = [wanted_of(content) for content in contents.values()]
    found = replica.offer_uploads(draft, wanted, 600.0)
    assert len({address.url.partition("?")[0] for address in found}) == 200
    with ThreadPoolExecutor(8) as pool, httpx.Client() as client:
        puts = [
            pool.submit(client.put, address.url, content=content, headers=address.headers)
            for address, content in zip(found, contents.values(), strict=True)
        ]
        assert {each.result().status_code for each in puts} == {200}
    made = replica.commit_artifact(
        draft, [ManifestEntry(path=path, digest=md5_of(content)) for path, content in contents.items()]
    )
    assert (made.file_count, states(store)) == (250, [("published", 200)])
    assert [entry.sha256 for entry in replica.read_manifest(made.path)] == [
        hashlib.sha256(contents[path]).hexdigest() for path in sorted(contents)
    ]


@others_long
def test_several_who_commit_at_once_make_one_version(new_store, way, content):
    replicas = [ClusterService(new_store(upload_way="bound"), default_entity="ann", user="ann") for _ in range(3)]
    draft = begin(replicas[0])
    put(replicas[0], draft, content, way)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda replica: commit(replica, draft, content), replicas * 2))
    assert {each.artifact_id for each in made} == {draft.version}
    assert read(replicas[2], made[0]) == content


class Meeting(Bucket):
    """A bucket that answers what is there when two have asked for it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.barrier = threading.Barrier(2)

    def list(self, prefix=""):
        self.barrier.wait(DEADLINE_S)
        return super().list(prefix)


def test_what_two_prove_at_once_is_published_once(replica, store, s3_server, way, content):
    draft = begin(replica)
    put(replica, draft, content, way)
    bucket = Meeting(store.bucket.url, s3_server.options())
    proofs = UploadProofs(store.database, bucket, leases=PostgresLeases(store.database, hold_s=0.0))
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(list, proofs.prove_steps(draft.version)) for _ in range(2)]
    assert sorted(sum(each.result()) for each in both) == [0, 1]
    assert states(store) == ([("dead", 1), ("published", 1)] if way == "put" else [("published", 1)])
    assert read(replica, commit(replica, draft, content)) == content


@others_long
def test_who_waits_for_the_proof_by_another_is_told_to_come_again(replica, store, s3_server, way, content):
    draft = begin(replica)
    put(replica, draft, content, way)
    bucket = Meeting(store.bucket.url, s3_server.options())
    slow, impatient = (UploadProofs(store.database, each, patience_s=0.0) for each in (bucket, store.bucket))
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(list, slow.prove_steps(draft.version))
        wait_until(lambda: bucket.barrier.n_waiting, "the other is at it")
        with pytest.raises(BusyError) as caught:
            impatient.prove(draft.version, [md5_of(content)])
        bucket.barrier.wait(DEADLINE_S)
    assert str(caught.value) == (
        "1 files of the artifact have still to be read to prove what they are; commit it again"
    )
    assert other.result() == [1]
    assert read(replica, commit(replica, draft, content)) == content


def test_what_comes_is_proven_before_anybody_commits_it(new_store, way, content):
    store = new_store(upload_way="bound")
    replica = ClusterService(store, default_entity="ann", user="ann")
    prover = Prover(store, every_s=0.05)
    draft = begin(replica)
    put(replica, draft, content, way)
    wait_until(lambda: store.counts.read().get("uploads_proven"), "it is proven")
    prover.close()
    assert [found.size_bytes for found in replica.find_content(draft, [md5_of(content)])] == [len(content)]
    before = store.bucket.calls.counts()
    commit(replica, draft, content)
    assert store.bucket.calls.counts() == before


KILLED = """
import sys, time
from runlake.store.cluster import upload_proofs
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.database import Database
from runlake.store.cluster.leases import PostgresLeases

def publish(self, proven):
    print("proven", flush=True)
    time.sleep(600)

PostgresLeases.__init__.__kwdefaults__.update(hold_s=1.0, prolong_s=0.3)
upload_proofs.UploadProofs._publish = publish
url, schema, bucket, draft_id = sys.argv[1:]
list(upload_proofs.UploadProofs(Database(url, schema=schema), Bucket(bucket)).prove_steps(draft_id))
"""


@pytest.mark.slow
@others_long
def test_what_a_killed_replica_has_proven_and_not_published_another_does(
    replica, store, s3_server, shared_database_url, way, content
):
    draft = begin(replica)
    put(replica, draft, content, way)
    command = [sys.executable, "-c", KILLED, shared_database_url, store.database.schema, store.bucket.url]
    killed = subprocess.Popen(
        [*command, draft.version], env={**os.environ, **s3_server.environment()}, stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout.readline() == "proven\n"
    assert states(store) == [("staged", 1)]
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    assert read(replica, commit(replica, draft, content)) == content
    assert states(store) == ([("published", 1), ("staged", 1)] if way == "put" else [("published", 1)])
    collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0)
    assert states(store) == [("published", 1)]
    assert list(Comparison(store.database, store.bucket).differences(is_reading=True)) == []


def test_what_was_staged_for_a_proof_that_came_too_late_is_refused_and_can_be_put_again(replica, store):
    content, draft = CONTENTS["bound"], begin(replica)
    put(replica, draft, content, "bound")
    (key,) = (key for (key,) in store.database.read("select key from uploads"))
    store.database.write(
        "insert into objects (key, size_bytes, sha256, sums, state) values (%(key)s, 1, '', '', 'dead')", {"key": key}
    )
    with pytest.raises(BadValueError, match="log the artifact again"):
        commit(replica, draft, content)
    put(replica, draft, content, "bound")
    assert read(replica, commit(replica, draft, content)) == content


def test_what_never_came_or_was_never_committed_goes_when_nothing_can_come_any_more(replica, store, way, content):
    kept, never, uncommitted = (begin(replica, f"artifact{n}") for n in range(3))
    put(replica, kept, content, way)
    made = commit(replica, kept, content)
    offered(replica, never, content, way)
    put(replica, uncommitted, content, way)
    uploads = store.contents.uploads
    assert (uploads.forget(), store.database.read("select count(*) from uploads")) == (0, [(3,)])
    store.database.write("update uploads set until = now() - interval '25 hours'")
    assert (uploads.forget(), store.database.read("select count(*) from uploads")) == (3, [(0,)])
    assert [info.size_bytes for info in store.bucket.list()] == [len(content)]
    assert read(replica, made) == content


def test_what_nobody_committed_in_time_is_published_no_more(replica, store, way, content):
    draft = begin(replica)
    put(replica, draft, content, way)
    store.database.write("update uploads set until = now() - interval '25 hours'")
    assert store.contents.uploads.forget() == 1
    with pytest.raises(NotFoundError):
        commit(replica, draft, content)
    put(replica, draft, content, way)
    assert read(replica, commit(replica, draft, content)) == content


def test_an_upload_under_way_is_no_foreign_object(replica, store, way, content):
    put(replica, begin(replica), content, way)
    assert list(Comparison(store.database, store.bucket).differences(is_reading=True)) == []


def test_what_cannot_be_a_digest_is_offered_no_address(replica):
    draft = begin(replica)
    with pytest.raises(BadValueError, match="is no MD5 in base64"):
        replica.offer_uploads(draft, [WantedUpload(digest="../../x")], 60.0)
    parts = (md5_of(b"1"), "x")
    with pytest.raises(BadValueError, match="is no MD5 in base64"):
        replica.offer_uploads(draft, [WantedUpload(digest=md5_of(b"a"), part_digests=parts)], 60.0)
    with pytest.raises(NotFoundError):
        replica.offer_uploads(DATA.at("neverbegun"), [wanted_of(b"a")], 60.0)
