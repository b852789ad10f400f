"""Exports over HTTP, from a real server: ranges without a key, and nothing for strangers."""

import io

import httpx
import pyarrow.parquet as pq
import pytest
from running import ServerProcess

from runlake.model import RunPath
from runlake.server.people.people import open_people
from runlake.server.wandb.ids import run_node_id
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run

PATH = RunPath("ann", "digits", "r1")
STRANGER_KEY = "local-" + "b" * 40
ROWS = 20_003

ASK = '{ project(name: "digits", entityName: "ann") { run(name: "r1") { parquetHistory(liveKeys: []) %s } } }'


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("served") / "store"
    writer = open_run(FolderStore(root), PATH, {}).writer
    for row in range(ROWS):
        writer.log({"loss": row * 0.5, "i": row}, stream="history", step=row, timestamp=1.7e9 + row, runtime=float(row))
    writer.end({"exit_code": 0, "runtime": float(ROWS)})
    return root


@pytest.fixture(scope="module")
def server(root):
    server = ServerProcess(root)
    people = open_people(root)
    people.add_user("eve", key=STRANGER_KEY)
    people.close()
    yield server.start()
    server.stop()


def announced(client):
    answer = client.post("/graphql", json={"query": ASK % "{ parquetUrls liveData }"}).json()
    return answer["data"]["project"]["run"]["parquetHistory"]


def test_a_client_reads_parts_of_an_export_without_a_key(server):
    with server.client() as ann:
        found = announced(ann)
    assert found["liveData"] == [{"_step": 20_000}]
    (url,) = found["parquetUrls"]
    first = httpx.get(url, headers={"Range": "bytes=0-0"})
    assert (first.status_code, first.content) == (206, b"P")
    size = int(first.headers["Content-Range"].partition("/")[2])
    whole = httpx.get(url)
    assert (whole.status_code, len(whole.content)) == (200, size)
    assert whole.headers["Accept-Ranges"] == "bytes"
    part = httpx.get(url, headers={"Range": f"bytes={size - 8}-{size - 1}"})
    assert part.content == whole.content[-8:]
    assert httpx.head(url).headers["Content-Length"] == str(size)
    table = pq.read_table(io.BytesIO(whole.content))
    assert table["i"].to_pylist() == list(range(20_000))


def test_strangers_and_bent_urls_get_nothing(server):
    with server.client() as ann:
        (url,) = announced(ann)["parquetUrls"]
    bare = url.partition("?")[0]
    assert httpx.get(bare).status_code == 401
    assert httpx.get(bare, auth=("api", STRANGER_KEY)).status_code == 404
    assert httpx.get(url[:-3] + "abc").status_code in (401, 403)
    assert httpx.get(url.replace("/digits/", "/other/")).status_code in (401, 403)
    with server.client() as ann:
        assert ann.get(bare).status_code == 200
        assert ann.get(bare[:-10] + "99.parquet").status_code == 404


@pytest.mark.slow
def test_the_export_of_a_deleted_run_is_gone(server, root):
    with server.client() as ann:
        (url,) = announced(ann)["parquetUrls"]
        assert httpx.get(url).status_code == 200
        document = "mutation($id: ID!) { deleteRun(input: {id: $id}) { clientMutationId } }"
        answer = ann.post("/graphql", json={"query": document, "variables": {"id": run_node_id(PATH)}}).json()
        assert answer == {"data": {"deleteRun": {"clientMutationId": None}}}
        assert httpx.get(url).status_code == 404
    assert list((root / ".exports").rglob("*.parquet")) == []
