"""The files of the built page as a browser gets them."""

import gzip
import socket
from urllib.parse import urlsplit

import httpx
import pytest
from page_made import INDEX, SCRIPT, make_page

from runlake.errors import BadValueError
from runlake.server.page.embedding import checked_origins
from runlake.server.ui import build_ui
from runlake.service.open import open_service
from served import SocketServer
from waiting import DEADLINE_S

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "connect-src 'self'; font-src 'self'; frame-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
FRAME_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "style-src 'unsafe-inline' data:; img-src data: blob:; media-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'"
)
OTHER_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
SCRIPT_PATH = "/page/assets/main-1a2b.js"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_page(tmp_path_factory.mktemp("built") / "page")


@pytest.fixture(scope="module")
def server(folder, tmp_path_factory):
    service = open_service(tmp_path_factory.mktemp("store"))
    server = SocketServer(build_ui(service, page_folder=folder).app)
    yield server
    server.stop()
    service.close()


@pytest.fixture(scope="module")
def http(server):
    with httpx.Client(base_url=server.url, timeout=DEADLINE_S) as client:
        yield client


def ask_raw(server, target):
    """The status of a GET whose address is sent as it stands: clients would tidy it up."""
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port), timeout=DEADLINE_S) as line:
        line.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(1 << 16), b""))
    return int(answer.split(b" ", 2)[1]), b"not a part of the page" in answer


def test_the_document_is_asked_for_again_each_time_and_has_a_policy_of_its_own(http):
    answer = http.get("/")
    assert (answer.status_code, answer.text) == (200, INDEX)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert answer.headers.get_list("Content-Security-Policy") == [PAGE_POLICY]
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    again = http.get("/", headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    assert http.head("/").headers["ETag"] == answer.headers["ETag"]


def test_a_file_is_kept_for_good_and_sent_packed_to_who_takes_it(http):
    packed = http.get(SCRIPT_PATH)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert int(packed.headers["Content-Length"]) == len(gzip.compress(SCRIPT.encode(), mtime=0))
    assert packed.text == SCRIPT
    for refusal in ("identity", "gzip;q=0", "gzip; q=0.000", "br"):
        plain = http.get(SCRIPT_PATH, headers={"Accept-Encoding": refusal})
        assert ("Content-Encoding" in plain.headers, plain.text) == (False, SCRIPT)
        assert plain.headers["ETag"] != packed.headers["ETag"]
    for answer in (packed, plain):
        assert answer.headers["Cache-Control"] == "private, max-age=31536000, immutable"
        assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
        assert answer.headers["Content-Security-Policy"] == OTHER_POLICY
        assert answer.headers["Vary"] == "Accept-Encoding"
    known = http.get(SCRIPT_PATH, headers={"If-None-Match": f'"other", W/{packed.headers["ETag"]}'})
    assert (known.status_code, known.content) == (304, b"")
    assert http.get("/page/assets/icon-3c4d.svg").headers["Content-Type"] == "image/svg+xml"
    assert http.get("/page/assets/licenses.txt").headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize(
    "target",
    [
        "/page/assets/..%2fsecret.txt",
        "/page/assets/%2e%2e%2fsecret.txt",
        "/page/assets/../secret.txt",
        "/page/assets/..",
        "/page/assets/.",
        "/page/assets/%2e%2e",
        "/page/assets/..%5csecret.txt",
        "/page/assets//etc/passwd",
        "/page/assets/%2fetc%2fpasswd",
        "/page/assets/secret.txt%00.js",
        "/page/secret.txt",
        "/page/",
        "/page/assets/",
        "/secret.txt",
    ],
)
def test_no_address_leads_out_of_the_folder_of_the_page(server, target):
    assert ask_raw(server, target) == (404, False)


def test_what_users_logged_as_html_is_shown_under_a_policy_without_origin_and_network(http):
    answer = http.get("/page/frame")
    assert answer.headers.get_list("Content-Security-Policy") == [FRAME_POLICY]
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "http" not in answer.text


def test_a_page_that_was_not_built_is_one_sentence_that_says_how_to_get_it(tmp_path):
    service = open_service(tmp_path)
    server = SocketServer(build_ui(service, page_folder=tmp_path / "none").app)
    answer = httpx.get(server.url, timeout=DEADLINE_S)
    server.stop()
    service.close()
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "<code>make page</code> in a checkout" in answer.text
    assert answer.headers["Content-Security-Policy"] == OTHER_POLICY


def test_pages_that_were_named_may_have_the_page_and_what_it_has_in_frames_in_a_frame(folder, tmp_path):
    origins = ("http://localhost:8888", "https://Hub.example.com/")
    server = SocketServer(build_ui(open_service(tmp_path), page_folder=folder, embed_from=origins).app)
    try:
        named = "http://localhost:8888 https://hub.example.com"
        for path, policy, who in (("/", PAGE_POLICY, "'none'"), ("/page/frame", FRAME_POLICY, "'self'")):
            wanted = policy.removesuffix(who) + (named if path == "/" else f"{who} {named}")
            answer = httpx.get(f"{server.url}{path}", timeout=DEADLINE_S)
            assert answer.headers.get_list("Content-Security-Policy") == [wanted]
        answer = httpx.get(f"{server.url}{SCRIPT_PATH}", timeout=DEADLINE_S)
        assert answer.headers["Content-Security-Policy"] == OTHER_POLICY
    finally:
        server.stop()


@pytest.mark.parametrize("text", ["*", "null", "localhost:8888", "http://*.a.org", "http://a/b", "http://a; x", ""])
def test_who_may_have_the_page_in_a_frame_is_named_whole(text):
    with pytest.raises(BadValueError, match="is no origin of a page; it is scheme, host and port alone"):
        checked_origins([text])
