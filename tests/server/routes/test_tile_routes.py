"""Lines and keys as a browser gets them: the binary form, tags of what is known, and what is refused."""

import json
import struct

import httpx
import pytest

from runlake.service.local.service import LocalService
from served import Holder, SocketServer, make_app
from trainer import Trainer

TILES, KEYS = "/api/v1/projects/ann/mnist/tiles", "/api/v1/projects/ann/mnist/keys"


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
def train(tmp_path, holder):
    holder.service = LocalService(tmp_path / "store", default_entity="ann")
    return lambda run_id: Trainer(tmp_path / "store", run_id, config={"lr": 0.1})


def decode(body):
    """The header, and the values behind it, read as a browser does."""
    (length,) = struct.unpack_from("<I", body)
    header = json.loads(body[4 : 4 + length], parse_constant=pytest.fail)
    begin = (4 + length + 7) // 8 * 8
    assert body[4 + length : begin] == bytes(begin - 4 - length)
    return header, struct.unpack(f"<{(len(body) - begin) // 8}d", body[begin:])


def test_lines_come_as_a_strict_header_and_float64_values(http, train):
    train("r1").log(loss=2.0).log(loss=float("nan")).log(loss=1.0).log(loss=float("inf")).finish()
    response = http.post(TILES, json={"keys": ["loss"], "columns": 7, "window": [0, None]})
    assert (response.status_code, response.headers["Content-Type"]) == (200, "application/vnd.runlake.tiles")
    header, values = decode(response.content)
    version = header["versions"]["r1"]
    assert header == {
        "columns": 7,
        "window": [0.0, 3.0],
        "run_count": 1,
        "versions": {"r1": version},
        "left_out": [],
        "series": [
            {
                "run": "r1",
                "key": "loss",
                "is_unchanged": False,
                "is_exact": True,
                "lowest": 1.0,
                "highest": 2.0,
                "last": None,
                "run_count": None,
                "row_count": 4,
                "nan_count": 1,
                "positive_infinity_count": 1,
                "negative_infinity_count": 0,
                "unplaced_count": 0,
                "group": None,
                "line": [0, 3],
                "raw": None,
                "band": None,
                "marks": [6, 2],
                "run_counts": None,
            }
        ],
    }
    assert values[:4] == (0.0, 1.0, 2.0, 2.0)
    assert values[4] != values[4]
    assert values[5:] == (1.0, 1.0, 3.0, 0.0, 1.0)


def test_bands_and_groups_come_with_their_values(http, train):
    train("r1").log(loss=2.0).finish()
    train("r2").log(loss=4.0).finish()
    asked = {"keys": ["loss"], "group_by": ["config.lr"], "aggregate": {"band": "minmax"}, "columns": 1}
    header, values = decode(http.post(TILES, json=asked).content)
    (one,) = header["series"]
    assert (one["group"], one["run_count"], one["line"], one["band"], one["run_counts"]) == (
        {"config.lr": 0.1},
        2,
        [0, 1],
        [2, 1],
        [5, 1],
    )
    assert values == (0.0, 3.0, 0.0, 2.0, 4.0, 2.0)


@pytest.mark.parametrize(
    ("asked", "status", "words"),
    [
        ({"keys": ["loss"] * 65}, 413, "65 keys in one question"),
        ({"keys": ["loss"], "columns": 5000}, 400, "from 1 to 4000"),
        ({"keys": ["loss"], "smoothing": {"kind": "magic", "amount": 1}}, 400, "magic"),
        ({"columns": 5}, 400, "keys"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_what_to_do(http, train, asked, status, words):
    train("r1").log(loss=2.0).finish()
    response = http.post(TILES, json=asked)
    assert (response.status_code, words in response.text) == (status, True)


def test_keys_that_are_known_are_not_sent_again(http, train):
    run = train("r1").log(loss=2.0, img={"_type": "image-file"})
    first = http.get(KEYS)
    assert first.json()["keys"] == [
        {"key": "img", "kind": "media", "media_type": "image-file", "run_count": 1},
        {"key": "loss", "kind": "number", "media_type": None, "run_count": 1},
    ]
    tag = first.headers["ETag"]
    assert tag == f'"{first.json()["version"]}"'
    run.log(loss=1.0)
    for known in (tag, f"W/{tag}", f'"other", {tag}'):
        again = http.get(KEYS, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    run.log(acc=1.0)
    assert http.get(KEYS, headers={"If-None-Match": tag}).json()["total_count"] == 3
    assert [one["key"] for one in http.get(KEYS, params={"offset": 1, "limit": 1}).json()["keys"]] == ["img"]
