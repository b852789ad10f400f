"""Whoever may have a file of a store in a bucket is sent there for its bytes, by W&B's addresses."""

import io
import os

import httpx
import pytest
from in_process import InProcess

from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry
from runlake.model import RunPath

RUN = RunPath("ann", "größe", "a")
MODEL = CollectionPath("ann", "größe", "model")
NAME = "media/zwei & drei #1.txt"
ADDRESS = "/files/ann/größe/a/media/zwei & drei %231.txt"


@pytest.fixture(scope="module")
def settings(postgres_server, s3_server, tmp_path_factory):
    """Of a server over a store in PostgreSQL and a bucket, which clients call by another name than the server does."""
    database_url = postgres_server.url_of(postgres_server.make_database())
    with pytest.MonkeyPatch.context() as patch:
        for name, value in s3_server.environment().items():
            patch.setenv(name, value)
        yield {
            "root": tmp_path_factory.mktemp("cache"),
            "database_url": database_url,
            "store_database_url": database_url,
            "bucket_url": s3_server.new_url(),
            "bucket_endpoint": os.environ["AWS_ENDPOINT_URL"].replace("127.0.0.1", "localhost"),
        }


@pytest.fixture(scope="module")
def server(settings):
    server = InProcess(**settings)
    server.add_user("bob")
    server.service.create_run(RUN)
    server.service.put_file(RUN, NAME, io.BytesIO(b"0123456789"))
    yield server
    server.close()


def fetched(answer, **headers):
    """What the bucket gives to whoever has nothing but the address."""
    return httpx.get(answer.headers["location"], headers=headers)


def test_a_file_of_a_run_is_fetched_from_the_bucket_whole_and_in_part(server):
    answer = server.ask("GET", ADDRESS, who="ann")
    assert (answer.status_code, answer.content) == (307, b"")
    assert answer.headers["location"].startswith("http://localhost:")
    assert answer.headers["cache-control"] == "private, no-store"
    assert fetched(answer).content == b"0123456789"
    assert (fetched(answer, Range="bytes=2-4").status_code, fetched(answer, Range="bytes=2-4").content) == (206, b"234")
    assert httpx.get(answer.headers["location"].replace("?", "x?")).status_code == 403


def test_a_file_of_an_artifact_is_fetched_from_the_bucket(server):
    service = server.service
    draft = MODEL.at(service.begin_artifact(MODEL, ArtifactStart(type="model")).artifact_id)
    digest = service.put_content(draft, io.BytesIO(b"weights")).digest
    made = service.commit_artifact(draft, [ManifestEntry(path="größe.bin", digest=digest)])
    answer = server.ask("GET", f"/artifact-files/{made.artifact_id}/größe.bin", who="ann")
    assert (answer.status_code, fetched(answer).content) == (307, b"weights")
    assert server.ask("GET", f"/artifact-files/{made.artifact_id}/größe.bin", who="bob").status_code == 404


def test_who_may_not_have_a_file_is_told_no_address(server):
    assert [server.ask("GET", ADDRESS, who=who).status_code for who in ("bob", None)] == [404, 401]
    missing = server.ask("GET", ADDRESS + "x", who="ann")
    assert (missing.status_code, "location" in missing.headers) == (404, False)


@pytest.mark.parametrize(
    ("method", "url", "headers", "content"),
    [
        ("HEAD", ADDRESS, {}, b""),
        ("GET", ADDRESS, {"If-None-Match": '"of-somebody-else"'}, b"0123456789"),
        ("GET", f"http://localhost{ADDRESS}", {}, b"0123456789"),
    ],
    ids=["HEAD", "an ETag of ours", "one host with the bucket"],
)
def test_what_the_bucket_cannot_answer_comes_from_the_server(server, method, url, headers, content):
    answer = server.ask(method, url, who="ann", headers=headers)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "10", content)


@pytest.mark.slow
def test_where_clients_do_not_reach_the_bucket_all_comes_from_the_server(server, settings, tmp_path):
    other = InProcess(**{**settings, "root": tmp_path, "database_url": None, "leads_to_bucket": False})
    answer = other.ask("GET", ADDRESS, who="ann")
    other.close()
    assert (answer.status_code, answer.content) == (200, b"0123456789")
