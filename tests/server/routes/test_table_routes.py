"""What a page's table of runs asks for, as a browser sees it."""

import httpx
import pytest

from runlake.service.local.service import LocalService
from served import Holder, SocketServer, make_app
from trainer import Trainer

PROJECT = "/api/v1/projects/ann/mnist"


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
def root(tmp_path, holder):
    root = tmp_path / "store"
    holder.service = LocalService(root, default_entity="ann", user="ann")
    for number, run_id in enumerate("abc"):
        Trainer(root, run_id, name=f"n{number}", config={"lr": number % 2}).log(loss=float("nan")).finish()
    return root


# Columns ------------------------------------------------------------------------------------------------------


def test_columns_are_plain_json(http, root):
    asked = {"columns": ["name", "config.lr", "summary.loss"], "limit": 2, "group_by": ["config.lr"]}
    aggregates = {"aggregates": {"config.lr": ["mean", "count"]}, "facets": ["state"]}
    document = http.post(f"{PROJECT}/runs/columns", json={**asked, **aggregates, "version": None}).json()
    nan = {"$float": "NaN"}
    assert document == {
        "version": document["version"],
        "total_count": 3,
        "run_ids": ["a", "b"],
        "columns": {"name": ["n0", "n1"], "config.lr": [0, 1], "summary.loss": [nan, nan]},
        "groups": [
            {"values": {"config.lr": 0}, "run_count": 2, "aggregates": {"config.lr": {"mean": 0.0, "count": 2}}},
            {"values": {"config.lr": 1}, "run_count": 1, "aggregates": {"config.lr": {"mean": 1.0, "count": 1}}},
        ],
        "facets": {"state": [{"value": "finished", "run_count": 3}]},
        "facet_value_counts": {"state": 1},
        "problems": {},
    }


def test_the_names_of_columns_are_sent_again_only_when_something_moved(http, root):
    first = http.get(f"{PROJECT}/runs/columns")
    assert first.json()["columns"][-1] == {"name": "summary.loss", "kind": "number", "run_count": 3}
    again = http.get(f"{PROJECT}/runs/columns", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    Trainer(root, "d").finish()
    moved = http.get(f"{PROJECT}/runs/columns", headers={"If-None-Match": first.headers["etag"]})
    assert (moved.status_code, moved.json()["columns"][0]["run_count"]) == (200, 4)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b'{"columns": "name"}', b'{"limit": "x"}', b'{"aggregates": [1]}', b'{"filters": {"a": {"$gt": 1}}}'],
)
def test_what_is_no_question_is_answered_with_400(http, root, body):
    answer = http.post(f"{PROJECT}/runs/columns", content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, "message" in answer.json()["error"]) == (400, True)
