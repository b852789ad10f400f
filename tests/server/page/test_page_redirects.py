"""Addresses that W&B's client prints open the page, and take nothing away from any client."""

import httpx
import pytest
from in_process import InProcess

from runlake.server.page.redirects import page_route

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = InProcess(tmp_path_factory.mktemp("store"))
    yield server
    server.close()


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("/ann/mnist", "/#/ann/mnist"),
        ("/ann/mnist/", "/#/ann/mnist"),
        ("/ann/mnist/workspace", "/#/ann/mnist"),
        ("/ann/mnist/runs/a1?nw=nwuser", "/#/ann/mnist/runs/a1"),
        ("/ann/mnist/runs/a1/logs", "/#/ann/mnist/runs/a1"),
        ("/ann/mnist/runs", "/#/ann/mnist"),
        ("/ann/my%20p%3F%23/runs/a%25b", "/#/ann/my%20p%3F%23/runs/a%25b"),
        ("/ann/mnist/sweeps/s1", "/#/ann/mnist/sweeps/s1"),
        ("/ann/mnist/sweeps", "/#/ann/mnist/sweeps"),
        ("/ann/mnist/artifacts/model/net/v3", "/#/ann/mnist/artifacts/net/v3"),
        ("/ann/mnist/artifacts", "/#/ann/mnist/artifacts"),
        ("/authorize", "/#/people"),
    ],
)
def test_a_browser_is_led_to_the_page(server, path, route):
    answer = server.ask("GET", path, headers=BROWSER)
    assert answer.status_code == 302
    assert str(httpx.URL(f"http://lake{path}").join(answer.headers["Location"])) == f"http://lake{route}"
    below = httpx.URL(f"http://proxy/tools/lake{path}").join(answer.headers["Location"])
    assert str(below) == f"http://proxy/tools/lake{route}"


@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
def test_what_is_no_browser_is_told_that_there_is_nothing(server, accept):
    answer = server.ask("GET", "/ann/mnist/runs/a1", headers={"Accept": accept})
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "NotFoundError")


@pytest.mark.parametrize("path", ["/ann", "/ann/mnist/nothing", "/sdk/x/runs/y", "/API/v2/x", "/api/v1/nothing"])
def test_other_addresses_stay_unknown(server, path):
    assert server.ask("GET", path, headers=BROWSER).status_code == 404
    assert server.ask("POST", "/ann/mnist", headers=BROWSER).status_code == 404


def test_no_route_of_the_server_is_taken_for_an_address_of_the_page(server):
    fixed = [route.path for route in server.routes()]
    filled = [path.replace("{", "").replace("}", "").replace(":str", "").replace(":path", "") for path in fixed]
    assert [path for path in filled if page_route(path) is not None] == []
