"""Whoever logs artifacts to a store in a bucket is sent there with the bytes, by W&B's addresses and by our own."""

import hashlib
import itertools
import os

import httpx
import pytest
from artifact_client import COMPLETE, FILES, ArtifactClient, hex_md5_of, md5_of
from in_process import InProcess
from running import free_port
from s3_proxy import S3Proxy

from artifact_contents import contents_of
from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry
from runlake.errors import NotFoundError
from runlake.server.wandb.ids import artifact_id_of
from runlake.service.remote.past_server import SMALLEST_BYTES, PastServer
from runlake.service.remote.service import RemoteService
from served import InProcessTransport

LARGE, SMALL = os.urandom(SMALLEST_BYTES * 2), b"small"
FILES_OF_ONE = {"a.bin": LARGE, "d/b é#%.txt": SMALL, "empty": b""}


@pytest.fixture(scope="module")
def settings(postgres_server, s3_server):
    """Of servers over a store in PostgreSQL and a bucket that clients reach under another name."""
    database_url = postgres_server.url_of(postgres_server.make_database())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        yield {
            "database_url": database_url,
            "store_database_url": database_url,
            "bucket_url": s3_server.new_url(),
            "bucket_endpoint": s3_server.endpoint.replace("127.0.0.1", "localhost"),
        }


@pytest.fixture(scope="module")
def server(settings, tmp_path_factory):
    server = InProcess(tmp_path_factory.mktemp("cache"), upload_way="bound", **settings)
    yield server
    server.close()


@pytest.fixture(scope="module")
def other_replica(server, settings, tmp_path_factory):
    """Another one over the same store, whose clients do not reach the bucket."""
    unreachable = {**settings, "bucket_endpoint": f"http://localhost:{free_port()}"}
    replica = InProcess(tmp_path_factory.mktemp("cache"), beside=server, upload_way="bound", **unreachable)
    yield replica
    replica.close()


class Wire:
    """Requests to a server, and to whoever it sends one to; `sent_bytes` is what the server was sent of contents."""

    def __init__(self, server, name):
        self.sent_bytes, self._server = 0, server
        self.client = ArtifactClient(self._send, name=name)

    def _send(self, method, address, *, is_signed=False, **options):
        if not address.startswith(("/", "http://lake")):
            return httpx.request(method, address, **options)
        if method == "PUT" and "/manifests/" not in address:
            self.sent_bytes += len(options["content"])
        return self._server.ask(method, address, who=None if is_signed else "ann", **options)


names = map("data{}".format, itertools.count())


@pytest.fixture
def wire(server):
    return Wire(server, next(names))


def bytes_of(server, node_id):
    return contents_of(server.service, server.service.find_artifact(artifact_id_of(node_id)).path)


@pytest.mark.slow
def test_the_official_client_is_sent_to_the_bucket_with_what_is_missing(server, wire):
    client = wire.client
    begun = client.begin(FILES_OF_ONE)
    uploads = client.uploads(begun["id"], FILES_OF_ONE)
    assert {url.partition("?")[0].rpartition("/uploads/")[0] for url in (u["uploadUrl"] for u in uploads.values())} == {
        server.config.bucket_url.replace("s3://", f"{server.config.bucket_endpoint}/")
    }
    assert uploads["a.bin"]["uploadHeaders"] == [f"Content-MD5:{md5_of(LARGE)}"]
    assert wire.client.log(FILES_OF_ONE) == begun["id"]
    assert (wire.sent_bytes, bytes_of(server, begun["id"])) == (0, FILES_OF_ONE)
    again = {"more.txt": b"more", **FILES_OF_ONE}
    assert client.put_files(client.begin(again)["id"], again) == ["more.txt"]


def test_large_files_of_the_official_client_come_in_parts(server, wire):
    client, parts = wire.client, [os.urandom(5 << 20), b"the end"]
    files = {"big.bin": b"".join(parts)}
    draft = client.begin(files)["id"]
    specs = [{"partNumber": number, "hexMD5": hex_md5_of(part)} for number, part in enumerate(parts, 1)]
    spec = {"artifactID": draft, "name": "big.bin", "md5": md5_of(files["big.bin"]), "uploadPartsInput": specs}
    (edge,) = client.ask(FILES, artifactFiles=[spec])["files"]["edges"]
    node = edge["node"]
    multipart = node["uploadMultipartUrls"]
    completed = [
        {"partNumber": told["partNumber"], "hexMD5": client.put(told["uploadUrl"], part).headers["ETag"]}
        for told, part in zip(multipart["uploadUrlParts"], parts, strict=True)
    ]
    given = {
        "completeMultipartAction": "Complete",
        "completedParts": completed,
        "artifactID": draft,
        "storagePath": node["storagePath"],
        "uploadID": multipart["uploadID"],
    }
    for _ in range(2):
        assert client.ask(COMPLETE, **given)["digest"] == md5_of(files["big.bin"])
    client.put_manifest(draft, files)
    client.commit(draft)
    assert (wire.sent_bytes, bytes_of(server, draft)) == (0, files)


def test_what_the_official_client_never_put_is_named_when_it_commits(wire):
    client = wire.client
    draft = client.begin(FILES_OF_ONE)["id"]
    client.uploads(draft, FILES_OF_ONE)
    client.put_manifest(draft, FILES_OF_ONE)
    code, message = client.error(("commitArtifact", "CommitArtifactInput", "artifact { id }"), artifactID=draft)
    assert (code, "a.bin" in message) == ("NOT_FOUND", True)
    client.put_files(draft, FILES_OF_ONE)
    assert client.commit(draft)["id"] == draft


def test_who_may_not_write_is_given_no_address(server, wire):
    server.add_user(name := f"bob{next(names)}")
    draft = wire.client.begin(FILES_OF_ONE)["id"]
    info = server.service.find_artifact(artifact_id_of(draft))
    address = f"/api/v1/artifacts/ann/arts/{info.name}/versions/{info.artifact_id}/content/uploads"
    asked = {"wanted": [{"digest": md5_of(LARGE)}], "valid_s": 60.0}
    assert [server.ask("POST", address, who=who, json=asked).status_code for who in (name, "ann")] == [404, 200]


class Counting(httpx.BaseTransport):
    """A way to a server, that counts the bytes on it."""

    def __init__(self, inner):
        self.inner, self.sent_bytes = inner, 0

    def handle_request(self, request):
        self.sent_bytes += len(request.read())
        return self.inner.handle_request(request)


@pytest.fixture(params=["server"])
def counted(request):
    """(our own client of a server, the way to it)."""
    server = request.getfixturevalue(request.param)
    way = Counting(InProcessTransport(server.app))
    service = RemoteService("http://lake", api_key=server.keys["ann"], transport=way)
    yield service, way
    service.close()
    way.inner.stop()


def begin(service):
    path = CollectionPath("ann", "arts", next(names))
    return path.at(service.begin_artifact(path, ArtifactStart(type="data")).artifact_id)


def logged(service, folder, files):
    draft = begin(service)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        with (folder / name).open("rb") as stream:
            kept = service.put_content(draft, stream)
        assert (kept.digest, kept.size_bytes) == (md5_of(content), len(content))
        assert kept.sha256 == hashlib.sha256(content).hexdigest()
    made = service.commit_artifact(draft, [ManifestEntry(path=name, digest=md5_of(files[name])) for name in files])
    found = {}
    for name in files:
        with service.open_content(made.path, name) as content:
            found[name] = content.read()
    return found


def test_our_own_client_puts_what_is_large_into_the_bucket(counted, tmp_path):
    service, way = counted
    files = {f"{n}.bin": os.urandom(SMALLEST_BYTES) for n in range(3)}
    assert logged(service, tmp_path, files) == files
    assert way.sent_bytes < 10_000


def test_what_is_small_our_own_client_gives_to_the_server(counted, tmp_path):
    service, way = counted
    files = {"a.bin": os.urandom(SMALLEST_BYTES - 1)}
    assert logged(service, tmp_path, files) == files
    assert way.sent_bytes > SMALLEST_BYTES


@pytest.mark.parametrize("counted", ["other_replica"], indirect=True)
def test_who_does_not_reach_the_bucket_gives_all_to_the_server(counted, tmp_path):
    service, way = counted
    files = {f"{n}.bin": os.urandom(SMALLEST_BYTES) for n in range(3)}
    assert logged(service, tmp_path, files) == files
    assert way.sent_bytes > 3 * SMALLEST_BYTES


def test_a_file_that_changes_on_its_way_is_refused_by_the_bucket(server, tmp_path):
    service, draft = server.service, begin(server.service)
    file = tmp_path / "a.bin"
    file.write_bytes(LARGE)

    def offer(*asked):
        with file.open("r+b") as stream:
            stream.write(b"changed")
        return service.offer_uploads(*asked)

    with file.open("rb") as stream:
        assert (PastServer(offer).put(draft, stream), stream.tell()) == (None, 0)
    with pytest.raises(NotFoundError):
        service.commit_artifact(draft, [ManifestEntry(path="a.bin", digest=md5_of(LARGE))])


def test_a_lost_answer_of_the_bucket_is_asked_for_again(server, settings, s3_server, tmp_path):
    proxy = S3Proxy(s3_server.endpoint, ["mute", "busy", "pass"])
    replica = InProcess(
        tmp_path / "cache", beside=server, upload_way="bound", **{**settings, "bucket_endpoint": proxy.endpoint}
    )
    draft = begin(replica.service)
    (tmp_path / "a.bin").write_bytes(LARGE)
    with (tmp_path / "a.bin").open("rb") as stream:
        assert PastServer(replica.service.offer_uploads).put(draft, stream).digest == md5_of(LARGE)
    assert proxy.done == ["mute", "busy", "pass"]
    made = server.service.commit_artifact(draft, [ManifestEntry(path="a.bin", digest=md5_of(LARGE))])
    assert made.size_bytes == len(LARGE)
    replica.close()
    proxy.stop()
