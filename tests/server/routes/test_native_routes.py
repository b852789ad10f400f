"""The native API as any HTTP client sees it: JSON, Arrow, ranges, digests, events, and what is refused."""

import base64
import hashlib
import io
import json
import math

import httpx
import polars as pl
import pyarrow as pa
import pytest

from runlake.errors import RunlakeWarning
from runlake.model import RunEdit
from runlake.service.local.service import LocalService
from runlake.service.remote.service import RemoteService
from served import Holder, SocketServer, make_app
from trainer import RUN, Trainer

ADDRESS = "/api/v1/runs/ann/mnist/a"


@pytest.fixture(scope="module")
def holder():
    return Holder()


@pytest.fixture(scope="module")
def http(holder):
    server = SocketServer(make_app(holder))
    with httpx.Client(base_url=server.url) as client:
        yield client
    server.stop()


@pytest.fixture
def service(tmp_path, holder):
    holder.service = LocalService(tmp_path / "store", default_entity="ann")
    return holder.service


@pytest.fixture
def trainer(service, tmp_path):
    trainer = Trainer(tmp_path / "store", "a", name="bright-sea-1", config={"lr": 0.5})
    yield trainer
    trainer.opened.writer.close()


def md5(content):
    return base64.b64encode(hashlib.md5(content).digest()).decode()


def test_a_table_of_runs_says_which_of_them_it_lacks(http, service, trainer, tmp_path):
    trainer.log(loss=0.25).finish()
    Trainer(tmp_path / "store", "torn").log(loss=1.0).finish()
    (part,) = (tmp_path / "store/ann/mnist/runs/torn/journal").glob("*.part")
    data = part.read_bytes()
    part.write_bytes(data[:-100] + b"?" * 40 + data[-60:])
    far = RemoteService(str(http.base_url))
    with pytest.warns(RunlakeWarning) as told:
        table = far.read_runs_table("ann", "mnist")
    assert (table["run_id"].to_pylist(), b"runlake" in (table.schema.metadata or {})) == (["a"], False)
    assert [str(each.message).partition(":")[0] for each in told if "by the server" in str(each.message)] == [
        "run ann/mnist/torn cannot be read by the server and is shown as it last was, if at all"
    ]


# JSON ---------------------------------------------------------------------------------------------------------


def test_a_run_is_a_json_document(http, trainer):
    trainer.log(loss=0.25).finish()
    document = http.get(ADDRESS).json()
    assert (document["name"], document["state"], document["config"]) == ("bright-sea-1", "finished", {"lr": 0.5})
    assert document["summary"] == {"loss": 0.25}
    listed = http.get(
        "/api/v1/projects/ann/mnist/runs", params={"filters": json.dumps({"config.lr": 0.5}), "order": "-created_at"}
    ).json()
    assert (listed["total_count"], listed["runs"]) == (1, [document])


def test_what_json_cannot_say_has_the_one_form_of_its_own(http, service, trainer):
    trainer.finish()
    service.edit_run(RUN, RunEdit(config_set={"nan": math.nan, "big": 2**70, "raw": b"\0"}))
    config = http.get(ADDRESS).json()["config"]
    assert config == {"lr": 0.5, "nan": {"$float": "NaN"}, "big": 2**70, "raw": {"$bytes": "AA=="}}
    edit = {"config_set": {"inf": {"$float": "Infinity"}}, "info": {"tags": ["x"]}}
    assert http.patch(ADDRESS, json=edit).json()["tags"] == ["x"]
    assert service.read_run(RUN).config["inf"] == math.inf


@pytest.mark.parametrize(
    ("method", "address", "body", "status", "kind"),
    [
        ("GET", "/api/v1/runs/ann/mnist/zz", None, 404, "NotFoundError"),
        ("GET", "/api/v1/nowhere", None, 404, "NotFoundError"),
        ("PUT", ADDRESS, None, 409, "ConflictError"),
        ("GET", f"{ADDRESS}/sample?key=loss&samples=0", None, 400, "BadValueError"),
        ("GET", f"{ADDRESS}/sample?key=loss", None, 400, "BadValueError"),
        ("GET", f"{ADDRESS}/history?stream=nothing", None, 400, "BadValueError"),
        ("GET", "/api/v1/projects/ann/mnist/runs?filters=nonsense", None, 400, "BadValueError"),
        ("POST", "/api/v1/projects/ann/mnist/runs/query", b'{"filters": {"a": {"$like": 1}}}', 400, "FilterError"),
        ("POST", "/api/v1/projects/ann/mnist/runs/query", b"{", 400, "BadValueError"),
        ("POST", "/api/v1/projects/ann/mnist/runs/query", b'{"limit": "many"}', 400, "BadValueError"),
        ("PATCH", ADDRESS, b'{"config_set": [1]}', 400, "BadValueError"),
        ("PATCH", ADDRESS, b'{"info": {"state": "x"}}', 400, "BadValueError"),
        ("POST", "/api/v1/trash/restore", b"{}", 400, "BadValueError"),
        ("GET", f"{ADDRESS}/files/..%2F..%2Fstore.toml", None, 400, "PathError"),
        ("PUT", f"{ADDRESS}/writers/0123/0?offset=0", b"nonsense", 404, "NotFoundError"),
        ("POST", f"{ADDRESS}/writers", b"nonsense", 400, "BadValueError"),
        ("POST", f"{ADDRESS}/tail?cursor=nonsense", b"{}", 400, "BadValueError"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(http, trainer, method, address, body, status, kind):
    trainer.finish()
    answer = http.request(method, address, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (status, kind)
    assert answer.json()["error"]["message"]


def test_a_field_that_is_named_like_what_handlers_are_given_is_refused_like_any_other(http, trainer):
    answer = http.post("/api/v1/artifacts/ann/mnist/m/versions/v0/users", json={"run": None})
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "BadValueError")
    assert "$.data.run" in answer.json()["error"]["message"]


def test_a_gap_says_what_is_expected(http, trainer, service):
    header = {**trainer.opened.writer.header.body, "writer": "0123"}
    from runlake.model import OpenRequest

    service.open_writer(RUN, OpenRequest(token="t", header=header))
    answer = http.put(f"{ADDRESS}/writers/0123/0", params={"offset": 9}, content=b"x")
    assert (answer.status_code, answer.json()["error"]["expected"]) == (409, 0)


# Rows ---------------------------------------------------------------------------------------------------------


def test_rows_are_an_ordinary_arrow_stream_for_any_reader(http, trainer):
    trainer.log(loss=0.5, text="a").log(loss=0.25).finish()
    answer = http.get(f"{ADDRESS}/history", params={"format": "table", "compression": "zstd"})
    assert answer.headers["Content-Type"] == "application/vnd.apache.arrow.stream"
    frame = pl.read_ipc_stream(answer.content)
    assert frame.select("_step", "loss", "text").rows() == [(0, 0.5, "a"), (1, 0.25, None)]
    only = http.get(f"{ADDRESS}/history", params={"format": "table", "key": "text", "min_step": 0, "max_step": 1})
    assert pa.ipc.open_stream(only.content).read_all()["text"].to_pylist() == ["a"]


def test_runs_are_a_table_for_any_reader(http, trainer):
    trainer.log(loss=0.5).finish()
    answer = http.post("/api/v1/projects/ann/mnist/runs/table", json={"filters": {"state": "finished"}})
    assert pl.read_ipc_stream(answer.content)["summary.loss"].to_list() == [0.5]


# Files --------------------------------------------------------------------------------------------------------


def test_a_file_is_read_whole_or_in_part(http, service, trainer):
    content = bytes(range(256)) * 40
    service.put_file(RUN, "dir/a b#.bin", io.BytesIO(content))
    (info,) = http.get(f"{ADDRESS}/files").json()
    whole = http.get(info["url"])
    assert (whole.content, whole.headers["Content-Length"]) == (content, str(len(content)))
    for asked, found in (
        ("bytes=0-0", content[:1]),
        ("bytes=100-199", content[100:200]),
        ("bytes=10000-", content[10000:]),
        ("bytes=-7", content[-7:]),
        ("bytes=10-99999", content[10:]),
    ):
        part = http.get(info["url"], headers={"Range": asked})
        start = len(content) - len(found) if asked.startswith("bytes=-") else int(asked[6:].split("-")[0])
        told = f"bytes {start}-{start + len(found) - 1}/{len(content)}"
        assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, found, told)
    beyond = http.get(info["url"], headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond.headers["Content-Range"]) == (416, f"bytes */{len(content)}")
    for nonsense in ("bytes=5-2", "bytes=a-b", "rows=1-2", "bytes=1-2,5-6"):
        assert http.get(info["url"], headers={"Range": nonsense}).content == content


def test_files_are_asked_for_by_their_names(http, service, trainer):
    trainer.finish()
    for name in ("a.txt", "b/c.txt", "d,e&f.txt"):
        service.put_file(RUN, name, io.BytesIO(name.encode()))
    asked = {"name": ["d,e&f.txt", "b/c.txt", "none"]}
    assert [info["name"] for info in http.get(f"{ADDRESS}/files", params=asked).json()] == ["b/c.txt", "d,e&f.txt"]
    assert http.get(f"{ADDRESS}/files", params={"name": ["none"]}).json() == []


def test_a_file_that_is_known_is_not_sent_again(http, service, trainer):
    service.put_file(RUN, "a.bin", io.BytesIO(b"one"))
    first = http.get(f"{ADDRESS}/files/a.bin")
    for known in (first.headers["ETag"], f'"{md5(b"one")}"', f'"x", {first.headers["ETag"]}', "*"):
        again = http.get(f"{ADDRESS}/files/a.bin", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
    service.put_file(RUN, "a.bin", io.BytesIO(b"two"))
    assert http.get(f"{ADDRESS}/files/a.bin", headers={"If-None-Match": first.headers["ETag"]}).content == b"two"
    part = http.get(f"{ADDRESS}/files/a.bin", headers={"Range": "bytes=1-", "If-Range": first.headers["ETag"]})
    assert (part.status_code, part.content) == (200, b"two")


def test_a_file_that_did_not_arrive_whole_replaces_nothing(http, service, trainer):
    service.put_file(RUN, "a.bin", io.BytesIO(b"old"))
    wrong = http.put(f"{ADDRESS}/files/a.bin", content=b"new", headers={"Content-MD5": md5(b"other")})
    assert (wrong.status_code, wrong.json()["error"]["type"]) == (400, "BadValueError")
    with service.open_file(RUN, "a.bin") as file:
        assert file.read() == b"old"
    right = http.put(f"{ADDRESS}/files/a.bin", content=b"new", headers={"Content-MD5": md5(b"new")})
    assert (right.json()["md5"], right.json()["url"]) == (md5(b"new"), f"{ADDRESS}/files/a.bin")


def test_a_large_file_is_stored_as_it_comes(http, service, trainer):
    content = bytes(1 << 20) * 24
    pieces = (content[start : start + (1 << 20)] for start in range(0, len(content), 1 << 20))
    assert http.put(f"{ADDRESS}/files/large.bin", content=pieces).json()["size_bytes"] == len(content)
    assert http.get(f"{ADDRESS}/files/large.bin").content == content


def test_a_client_that_goes_away_in_the_middle_of_a_file_leaves_nothing(http, service, trainer):
    def broken():
        yield b"x" * 1000
        raise RuntimeError("the client goes away")

    with pytest.raises(RuntimeError, match="goes away"):
        http.put(f"{ADDRESS}/files/a.bin", content=broken(), headers={"Content-Length": "5000"})
    assert http.get(f"{ADDRESS}/files").json() == []


# Events -------------------------------------------------------------------------------------------------------


def events(http, **options):
    """The events of a tail until it ends, as (kind, data, id)."""
    with http.stream("GET", f"{ADDRESS}/tail", headers=options.pop("headers", None), params=options) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        fields = {}
        for line in answer.iter_lines():
            if line and not line.startswith(":"):
                name, _, value = line.partition(": ")
                fields[name] = value
            elif fields:
                yield fields["event"], json.loads(fields["data"]), fields.get("id")
                fields = {}


def test_rows_come_as_events_and_go_on_behind_the_last_one_that_was_seen(http, trainer):
    trainer.log(loss=1.0).log(loss=2.0)
    following = events(http)
    kind, rows, seen = next(following)
    assert (kind, [row["loss"] for row in rows]) == ("rows", [1.0, 2.0])
    trainer.log(loss=3.0)
    kind, rows, _ = next(following)
    assert (kind, [row["loss"] for row in rows]) == ("rows", [3.0])
    following.close()
    trainer.log(loss=4.0, acc=1).finish()
    again = list(events(http, headers={"Last-Event-ID": seen}))
    assert [(kind, [row["loss"] for row in rows or []]) for kind, rows, _ in again] == [
        ("rows", [3.0, 4.0]),
        ("end", []),
    ]
    ((_, rows, _), _) = events(http, cursor=seen, key="acc")
    assert [row.get("acc") for row in rows] == [None, 1]
    ((_, rows, _), _) = events(http, last=1)
    assert [row["loss"] for row in rows] == [4.0]


def test_a_long_run_comes_in_several_events(http, trainer):
    for number in range(5000):
        trainer.log(loss=float(number))
    trainer.finish()
    *found, end = events(http)
    assert [row["loss"] for _, rows, _ in found for row in rows] == [float(number) for number in range(5000)]
    assert (len(found) > 1, end[0]) == (True, "end")


def test_a_run_that_is_deleted_ends_its_events_with_the_reason(http, service, trainer):
    trainer.log(loss=1.0)
    following = events(http)
    next(following)
    service.delete_run(RUN)
    kind, problem, _ = next(following)
    assert (kind, problem["error"]["type"]) == ("problem", "NotFoundError")


# The document of all this --------------------------------------------------------------------------------------


def test_the_openapi_document_names_every_route_and_what_it_answers(http):
    document = http.get("/schema/openapi.json").json()
    run = document["paths"]["/api/v1/runs/{entity}/{project}/{run_id}"]
    answer = run["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/RunInfo"}
    assert "config_set" in document["components"]["schemas"]["RunEdit"]["properties"]
    assert all(operation.get("description") for path in document["paths"].values() for operation in path.values())
