"""A proxy between a bucket and its server that does harm by a script; the words are those of `fault_proxy`, and more.

More words: busy (503, and the request does not arrive) · full, denied, expired (507, 403, the same) · deaf (it is
never answered, and the connection stays) · blind (the request arrives without its condition) · picky (412 for every
request with `If-Match`, as one of Ceph's has it) · unread (a PUT without the MD5 of its body) · before, after
(`on_word` is called before or after the request arrives, and the answer does not).

And lies, each for those requests to which it can be told: claim (a PUT is answered 200 and never arrives) · fail (a PUT
or a removal arrives and is answered 500) · keep (a removal is answered as done, and never arrives; `kept` has its keys)
· omit (a list has all but the first that is there) · absent (404 for an object that is read, and is there) · short (the
first half of an object, as if it were all) · stale (what another reader was answered before) · flip (the last byte is
another).
"""

import hashlib
import html
import http.client
import re
import socket
import threading

from fault_proxy import FaultProxy
from waiting import DEADLINE_S

REFUSED = {
    "busy": ("503 Service Unavailable", ""),
    "full": ("507 Insufficient Storage", ""),
    "denied": ("403 Forbidden", "AccessDenied"),
    "expired": ("403 Forbidden", "ExpiredToken"),
    "picky": ("412 Precondition Failed", "PreconditionFailed"),
    "absent": ("404 Not Found", "NoSuchKey"),
    "fail": ("500 Internal Server Error", "InternalError"),
}

LIES = ("claim", "fail", "keep", "omit", "absent", "short", "stale", "flip")


class S3Proxy(FaultProxy):
    """Stands before the server at `endpoint`."""

    def __init__(self, endpoint, script, on_word=None, host="127.0.0.1"):
        place, port = endpoint.removeprefix("http://").split(":")
        super().__init__(lambda: (place, int(port)), script, host)
        self._on_word, self._is_over = on_word, threading.Event()
        self._before = None
        self.kept = []
        self.endpoint = f"http://{host}:{self.port}"

    def stop(self):
        self._is_over.set()
        super().stop()

    def _answer(self, word, request):
        if word in LIES or word == "picky":
            return self._lie(word, request)
        if word in REFUSED:
            return _refusal(word, request)
        if word == "deaf":
            self._is_over.wait()
            return b""
        if word in ("before", "after"):
            if word == "after":
                super()._answer("pass", request)
            self._on_word(word)
            return b""
        if word == "blind":
            request = re.sub(rb"(?i)if-none-match: [^\r]*\r\n", b"", request, count=1)
        if word == "unread" and request.startswith(b"PUT "):
            request = re.sub(rb"(?i)content-md5: [^\r]*\r\n", b"", request, count=1)
        return super()._answer(word, request)

    def _lie(self, word, request):
        """What is said in the place of the answer: the answer where this lie cannot be told of such a request."""
        head, _, body = request.partition(b"\r\n\r\n")
        is_put, is_read, is_removal = request.startswith(b"PUT "), _is_read(request), _is_removal(request)
        if word == "claim" and is_put:
            return _answer_of(b"", b'ETag: "%s"\r\n' % hashlib.md5(body, usedforsecurity=False).hexdigest().encode())
        if word == "keep" and is_removal:
            return self._keep(body)
        if (word == "absent" and is_read) or (word == "picky" and b"\r\nif-match: " in head.lower()):
            return _refusal(word, request)
        before = self._before
        answer = self._forward(request)
        if word == "fail" and (is_put or is_removal):
            return _refusal(word, request)
        head, _, body = answer.partition(b"\r\n\r\n")
        if word == "omit" and _is_list(request):
            return _with_body(head, _CONTENTS.sub(b"", body, count=1))
        if not is_read or not body:
            return answer
        if word == "short":
            return _with_body(head, body[: len(body) // 2])
        if word == "flip":
            return answer[:-1] + bytes([answer[-1] ^ 1])
        return before or answer if word == "stale" else answer

    def _keep(self, body):
        keys = _KEY.findall(body)
        self.kept += [html.unescape(key.decode()) for key in keys]
        gone = b"".join(b"<Deleted><Key>%s</Key></Deleted>" % key for key in keys)
        return _answer_of(b'<DeleteResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">%s</DeleteResult>' % gone)

    def _forward(self, request, *, waits=True):
        """As `FaultProxy`, also for answers of unknown length, and for those to HEAD, which have none."""
        with socket.create_connection(self._target(), timeout=DEADLINE_S) as server:
            server.sendall(request)
            if not waits:
                return b""
            method = request.partition(b" ")[0].decode()
            response = http.client.HTTPResponse(server, method=method)
            response.begin()
            body = response.read()
        kept = [(name, value) for name, value in response.getheaders() if name.lower() not in _OWN]
        length = len(body) if method != "HEAD" else response.headers.get("Content-Length", "0")
        lines = [f"HTTP/1.1 {response.status} {response.reason}", f"Content-Length: {length}", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in kept]
        answer = "\r\n".join([*lines, "", ""]).encode() + body
        if _is_read(request) and body:
            self._before = answer
        return answer


def _is_read(request):
    """Whether it asks for an object, and not for a list of them."""
    return request.split(b" ", 1)[0] in (b"GET", b"HEAD") and not _is_list(request)


def _is_list(request):
    return b"list-type=" in request.split(b" ", 2)[1]


def _is_removal(request):
    """Whether it removes objects, as many as its body names: obstore removes a single one like that too."""
    method, place = request.split(b" ", 2)[:2]
    return method == b"POST" and place.endswith(b"?delete")


_KEY, _CONTENTS = re.compile(rb"<Key>(.*?)</Key>", re.DOTALL), re.compile(rb"<Contents>.*?</Contents>", re.DOTALL)
_OWN = ("content-length", "transfer-encoding", "connection")


def _answer_of(body, headers=b""):
    length = b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
    return b"HTTP/1.1 200 OK\r\n" + headers + length + body


def _with_body(head, body):
    return re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(body), head) + b"\r\n\r\n" + body


def _refusal(word, request):
    status, code = REFUSED[word]
    body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>" if code else ""
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return f"{head}{body if not request.startswith(b'HEAD') else ''}".encode()
