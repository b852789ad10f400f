"""The page works below any prefix that a proxy puts in front of it."""

import re

import httpx
import pytest
from page_made import FROM_PAGE, SCRIPT, make_page
from prefix_proxy import PREFIX, prefix_proxy

from runlake.server.ui import build_ui
from runlake.service.open import open_service
from served import SocketServer
from waiting import DEADLINE_S


@pytest.fixture
def ui(tmp_path):
    service = open_service(tmp_path / "store")
    ui = build_ui(service, page_folder=make_page(tmp_path / "page"))
    server = SocketServer(ui.app)
    proxy = SocketServer(prefix_proxy(server.url))
    yield f"{proxy.url}{PREFIX}/", ui.token
    proxy.stop()
    server.stop()
    service.close()


def test_files_session_and_api_are_found_below_a_prefix(ui):
    address, token = ui
    with httpx.Client(headers=FROM_PAGE, timeout=DEADLINE_S) as client:
        page = client.get(address)
        (script,) = re.findall(r'src="(\./[^"]+)"', page.text)
        assert client.get(page.url.join(script)).text == SCRIPT
        session = page.url.join("./api/v1/session")
        assert client.post(session, json={"token": token}).json()["is_signed_in"] is True
        (cookie,) = client.cookies.jar
        assert cookie.path == f"{PREFIX}/api/v1"
        assert client.get(page.url.join("./api/v1/projects")).json() == []
