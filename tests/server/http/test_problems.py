"""From errors to HTTP answers."""

import errno

import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.params import FromPath, FromQuery, JSONBody
from litestar.testing import TestClient

from runlake import errors
from runlake.server.http.problems import Problem, problem_of, problem_response
from runlake.server.http.signing import ExpiredError

FAULTS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.StoreError)]


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (errors.NotFoundError("x"), 404, {}),
        (errors.AuthenticationError("x"), 401, {"WWW-Authenticate": 'Basic realm="runlake"'}),
        (errors.ForbiddenError("x"), 403, {}),
        (ExpiredError("x"), 403, {}),
        (errors.ConflictError("x"), 409, {}),
        (errors.FilterError("x"), 400, {}),
        (errors.PathError("x"), 400, {}),
        (errors.LogTypeError("x"), 400, {}),
        (errors.TooLargeError("x"), 413, {}),
        (errors.BusyError("x", retry_after_s=7.2), 429, {"Retry-After": "7"}),
        (errors.NotSupportedError("x"), 501, {}),
        (errors.ReadOnlyError("x"), 503, {"Retry-After": "30"}),
        (errors.CorruptError("x"), 503, {"Retry-After": "30"}),
        (errors.TruncatedError("x"), 503, {"Retry-After": "5"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_errors_of_ours_have_their_status_and_message(error, status, headers):
    problem = problem_of(error)
    assert (problem.status, problem.message, problem.headers) == (status, "x", headers)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_tells_the_client_to_come_back(number):
    problem = problem_of(OSError(number, "No space left on device", "/srv/store/ann"))
    assert (problem.status, problem.headers) == (507, {"Retry-After": "30"})
    assert "/srv/store" not in problem.message


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_of_the_world_are_never_a_4xx(kind):
    assert problem_of(kind("x")).status == 503


@pytest.mark.parametrize("error", [OSError("x"), PermissionError(13, "denied"), TimeoutError(), MemoryError()])
def test_faults_of_the_machine_can_be_tried_again(error):
    assert problem_of(error).status == 503
    assert problem_of(error).headers == {"Retry-After": "5"}


def test_a_mistake_in_runlake_keeps_its_details_to_the_log():
    problem = problem_of(KeyError("secret detail"))
    assert problem == Problem(
        status=500, kind="KeyError", message="an unexpected KeyError in the server; its log says more"
    )
    assert problem.is_ours


def test_the_body_has_what_the_official_client_reads():
    body = problem_of(errors.NotFoundError("no project a/b")).body
    assert msgspec.json.decode(body) == {"error": {"type": "NotFoundError", "message": "no project a/b"}}


def test_a_gap_says_where_to_go_on():
    problem = problem_of(errors.GapError("rows are missing", 7))
    assert problem.status == 409
    assert msgspec.json.decode(problem.body)["error"] == {
        "type": "GapError",
        "message": "rows are missing",
        "expected": 7,
    }


def test_what_the_framework_refuses_has_the_same_form():
    @get("/item/{number:int}")
    async def read_item(number: FromPath[int], at_least: FromQuery[int]) -> int:
        return number

    @post("/item")
    async def put_item(data: JSONBody[dict[str, int]]) -> dict[str, int]:
        raise errors.ConflictError("taken")

    app = Litestar([read_item, put_item], exception_handlers={Exception: problem_response}, openapi_config=None)
    with TestClient(app) as client:
        answers = [
            client.get("/nothing"),
            client.delete("/item"),
            client.get("/item/1?at_least=x"),
            client.post("/item", content=b"{"),
            client.post("/item", json={"a": 1}),
        ]
    assert [(answer.status_code, answer.json()["error"]["type"]) for answer in answers] == [
        (404, "NotFoundError"),
        (405, "BadValueError"),
        (400, "BadValueError"),
        (400, "BadValueError"),
        (409, "ConflictError"),
    ]
    assert "at_least" in answers[2].json()["error"]["message"]
    assert {answer.headers["content-type"] for answer in answers} == {"application/json"}
