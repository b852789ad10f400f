"""What the client of a server tries again, what it does not, and what it makes of answers."""

import io
import json

import httpx
import pytest

from runlake.errors import (
    AuthenticationError,
    CommError,
    CorruptError,
    ForbiddenError,
    NotFoundError,
    NotSupportedError,
    UnreachableError,
    UnreadableRunWarning,
)
from runlake.model import RunEdit, RunPath
from runlake.service.open import open_service
from runlake.service.remote.service import RemoteService

RUN = RunPath("ann", "p", "r")


class Script(httpx.BaseTransport):
    """A server that answers what a script says, one request after the other."""

    def __init__(self, *answers):
        self._answers = list(answers)
        self.requests, self.pauses = [], []

    def handle_request(self, request):
        request.read()
        self.requests.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, document, *headers = answer
        return httpx.Response(status, json=document, headers=dict(headers))


def problem(kind, message="told"):
    return {"error": {"type": kind, "message": message}}


WELL = (200, {"default_entity": "ann", "version": "1"})


@pytest.fixture
def service():
    """A service whose server follows a script; it waits for nothing."""

    def make(*answers, **options):
        script = Script(*answers)
        return RemoteService("http://server.example", transport=script, sleep=script.pauses.append, **options), script

    return make


def test_reading_is_tried_again_while_the_server_is_away(service):
    for passing in (
        httpx.ConnectError("refused"),
        httpx.ReadError("broke"),
        httpx.ReadTimeout("slow"),
        (503, problem("OSError")),
        (429, problem("BusyError"), ("Retry-After", "2")),
        (502, {"html": "a proxy"}),
    ):
        far, script = service(passing, passing, WELL)
        assert far.default_entity == "ann"
        assert len(script.requests) == 3
        assert len(script.pauses) == 2


def test_the_server_says_how_long_to_wait(service):
    far, script = service((429, problem("BusyError"), ("Retry-After", "3")), WELL)
    assert far.default_entity == "ann"
    assert script.pauses[0] >= 3.0


def test_after_some_attempts_it_is_unreachable(service):
    far, script = service(httpx.ConnectError("refused"))
    with pytest.raises(UnreachableError, match=r"http://server.example cannot be reached \(refused\)"):
        far.list_projects()
    assert len(script.requests) == 4


def test_what_may_have_been_done_is_not_done_twice(service):
    far, script = service(httpx.ReadError("broke"))
    for call in (
        lambda: far.edit_run(RUN, RunEdit(config_set={"a": 1})),
        lambda: far.create_run(RUN),
        lambda: far.delete_run(RUN),
        lambda: far.restore_run(RUN),
    ):
        script.requests.clear()
        with pytest.raises(UnreachableError):
            call()
        assert len(script.requests) == 1
    far, script = service(httpx.ConnectError("refused"), httpx.ConnectError("refused"), (204, None))
    far.delete_run(RUN)
    assert len(script.requests) == 3


def test_damage_there_is_not_asked_for_again_and_again(service):
    far, script = service((503, problem("CorruptError", "byte 7"), ("Retry-After", "30")))
    with pytest.raises(CorruptError, match="byte 7"):
        far.read_run(RUN)
    assert len(script.requests) == 1


@pytest.mark.parametrize(
    ("status", "document", "kind"),
    [
        (401, problem("AuthenticationError"), AuthenticationError),
        (403, problem("ForbiddenError"), ForbiddenError),
        (404, problem("NotFoundError"), NotFoundError),
        (501, problem("SomethingNewError"), NotSupportedError),
        (500, problem("KeyError"), CommError),
    ],
)
def test_an_error_is_of_the_class_that_it_has_there(service, status, document, kind):
    far, _ = service((status, document))
    with pytest.raises(kind, match="told"):
        far.read_run(RUN)


def test_what_is_no_server_of_ours_says_so():
    class Page(httpx.BaseTransport):
        def handle_request(self, request):
            return httpx.Response(404, text="<html>nothing here</html>")

    far = RemoteService("http://server.example", transport=Page())
    with pytest.raises(CommError, match="not as a runlake server does; is this its address"):
        far.list_projects()
    with pytest.raises((CommError, NotSupportedError)):
        RemoteService("http://", attempts=1).list_projects()


def test_the_key_goes_with_every_request_and_into_no_message(service):
    far, script = service((401, problem("AuthenticationError")), api_key="secret-key")
    with pytest.raises(AuthenticationError) as caught:
        far.list_projects()
    assert script.requests[0].headers["Authorization"] == "Bearer secret-key"
    assert "secret" not in str(caught.value) + repr(far) + repr(vars(far))


def test_the_address_of_a_server_opens_it_with_the_key_that_is_kept_for_it(tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine lake.example login user password from-netrc\n")
    netrc.chmod(0o600)
    environ = {"HOME": str(tmp_path), "NETRC": str(netrc)}
    for place, variables in (
        ("https://lake.example/", environ),
        (None, {**environ, "RUNLAKE_BASE_URL": "https://lake.example"}),
    ):
        service = open_service(place, variables, tmp_path)
        assert service.url == "https://lake.example"
        assert service._http._client.headers["Authorization"] == "Bearer from-netrc"
    given = open_service("https://lake.example", environ, tmp_path, api_key="given")
    assert given._http._client.headers["Authorization"] == "Bearer given"
    named = open_service("https://lake.example", {**environ, "RUNLAKE_ENTITY": "team"}, tmp_path)
    assert named.default_entity == "team"


class RangeServer(httpx.BaseTransport):
    """A file that is served until a connection breaks, again and again; `content` may be replaced."""

    def __init__(self, content, breaks_after):
        self.content, self._breaks_after = content, breaks_after
        self.starts = []

    def handle_request(self, request):
        asked = request.headers.get("Range")
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.starts.append(start)
        rest = self.content[start:]
        headers = {"ETag": f'"{hash(self.content)}"', "Content-Length": str(len(rest))}

        class Broken(httpx.SyncByteStream):
            def __iter__(inner):
                yield rest[: self._breaks_after]
                if len(rest) > self._breaks_after:
                    raise httpx.ReadError("the connection broke")

        return httpx.Response(206 if asked else 200, headers=headers, stream=Broken())


def test_a_file_is_read_on_behind_a_broken_connection():
    content = bytes(range(256)) * 100
    server = RangeServer(content, 10_000)
    far = RemoteService("http://server.example", transport=server)
    with far.open_file(RUN, "a.bin") as file:
        assert file.read() == content
    assert server.starts == [0, 10_000, 20_000]


def test_a_file_can_be_read_from_any_place():
    content = bytes(range(256)) * 100
    far = RemoteService("http://server.example", transport=RangeServer(content, 1 << 30))
    with far.open_file(RUN, "a.bin") as file:
        assert (file.seek(-10, io.SEEK_END), file.read()) == (len(content) - 10, content[-10:])
        assert (file.seek(300), file.read(7)) == (300, content[300:307])
        assert file.seek(len(content) + 5) == len(content) + 5
        assert file.read() == b""


def test_a_file_that_is_replaced_while_it_is_read_says_so():
    server = RangeServer(b"a" * 30_000, 10_000)
    far = RemoteService("http://server.example", transport=server)
    with far.open_file(RUN, "a.bin") as file:
        assert file.read(5000) == b"a" * 5000
        server.content = b"b" * 30_000
        with pytest.raises(CommError, match="was replaced while it was read"):
            file.read()


def test_an_answer_that_breaks_off_is_no_shorter_answer(service):
    class Cut(httpx.BaseTransport):
        def handle_request(self, request):
            class Broken(httpx.SyncByteStream):
                def __iter__(inner):
                    yield json.dumps(WELL[1]).encode()[:20]
                    raise httpx.ReadError("the connection broke")

            return httpx.Response(200, stream=Broken())

    far = RemoteService("http://server.example", transport=Cut())
    for call in (far.list_projects, lambda: far.read_history(RUN), lambda: far.read_runs_table("ann", "p")):
        with pytest.raises(CommError, match="broke off"):
            call()


def test_a_run_that_the_server_cannot_read_is_told_of_once(service):
    page = {"runs": [], "total_count": 0, "version": "1"}
    far, _ = service((200, {**page, "problems": {"r": "CorruptError: torn"}}))
    with pytest.warns(UnreadableRunWarning, match="run ann/p/r cannot be read by the server .*CorruptError: torn"):
        assert far.list_runs("ann", "p").problems == {"r": "CorruptError: torn"}
    assert far.list_runs("ann", "p").runs == ()
    older, _ = service((200, page))
    assert older.list_runs("ann", "p").problems == {}


FILES = (
    200,
    [{"name": name, "size_bytes": 1, "md5": "", "mimetype": "", "updated_at": 1.0, "url": "/f"} for name in ("a", "b")],
)


def test_a_server_that_lists_all_files_however_it_is_asked_is_understood(service):
    http, script = service(FILES)
    assert [info.name for info in http.list_files(RUN, names=["b", "c"])] == ["b"]
    assert [dict(request.url.params.multi_items()) for request in script.requests] == [{"name": "c"}]
    assert script.requests[0].url.params.get_list("name") == ["b", "c"]


def test_so_many_names_that_an_address_could_be_cut_are_not_sent(service):
    http, script = service(FILES)
    assert [info.name for info in http.list_files(RUN, names=["a", *(f"{n:04}" for n in range(2000))])] == ["a"]
    assert script.requests[0].url.query == b""


def test_names_that_no_file_can_have_list_nothing(service):
    http, script = service((200, []))
    assert http.list_files(RUN, names=["../x"]) == []
    assert dict(script.requests[0].url.params) == {"limit": "0"}
