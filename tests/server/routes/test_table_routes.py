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


# Many runs at once --------------------------------------------------------------------------------------------


def test_many_runs_are_edited_deleted_and_taken_back_with_an_answer_for_each(http, root, holder):
    edit = {"info": {"tags": ["best"]}, "config_set": {"lr": 7}}
    asked = {"run_ids": ["a", "nobody", "b", "a", "../c"], "edit": edit}
    edited = http.post(f"{PROJECT}/runs/edit", json=asked).json()
    assert (edited["done"], [one["run"] for one in edited["failed"]]) == (["a", "b"], ["nobody", "../c"])
    assert edited["failed"][0]["error"].startswith('run "nobody" not in project ann/mnist (3 runs)')
    runs = holder.service.list_runs("ann", "mnist").runs
    assert [(run.tags, run.config["lr"]) for run in runs] == [(("best",), 7), (("best",), 7), ((), 0)]

    deleted = http.post(f"{PROJECT}/runs/delete", json={"run_ids": ["c", "a", "nobody"]}).json()
    assert (deleted["done"], [one["run"] for one in deleted["failed"]]) == (["c", "a"], ["nobody"])
    assert holder.service.list_runs("ann", "mnist").total_count == 1

    restored = http.post(f"{PROJECT}/runs/restore", json={"run_ids": ["a", "b", "c"]}).json()
    assert (restored["done"], [one["run"] for one in restored["failed"]]) == (["a", "c"], ["b"])
    assert [run.run_id for run in holder.service.list_runs("ann", "mnist").runs] == ["a", "b", "c"]


def test_more_runs_than_one_request_may_name_are_refused_before_anything_is_done(http, root, holder):
    run_ids = ["a", *map(str, range(1000))]
    answer = http.post(f"{PROJECT}/runs/delete", json={"run_ids": run_ids})
    assert (answer.status_code, answer.json()["error"]["message"]) == (
        400,
        "1,001 runs in one request, and 1,000 are allowed; ask in several",
    )
    assert holder.service.list_runs("ann", "mnist").total_count == 3


def test_an_edit_that_is_none_is_refused_for_each_run(http, root):
    answer = http.post(f"{PROJECT}/runs/edit", json={"run_ids": ["a"], "edit": {"info": {"tags": 3}}}).json()
    assert (answer["done"], [one["run"] for one in answer["failed"]]) == ([], ["a"])
