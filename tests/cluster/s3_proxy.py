"""A proxy between a bucket and its server that does harm by a script; the words are those of `fault_proxy`, and more.

More words: busy (503, and the request does not arrive) · full, denied, expired (507, 403, the same) · deaf (it is
never answered, and the connection stays) · flip (the last byte of the answer's body is another) · blind (the request
arrives without its condition) · unread (a PUT without the MD5 of its body) · before, after (`on_word` is called
before or after the request arrives, and the answer does not).
"""

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
}


class S3Proxy(FaultProxy):
    """Stands before the server at `endpoint`."""

    def __init__(self, endpoint, script, on_word=None, host="127.0.0.1"):
        place, port = endpoint.removeprefix("http://").split(":")
        super().__init__(lambda: (place, int(port)), script, host)
        self._on_word, self._is_over = on_word, threading.Event()
        self.endpoint = f"http://{host}:{self.port}"

    def stop(self):
        self._is_over.set()
        super().stop()

    def _answer(self, word, request):
        if word in REFUSED:
            status, code = REFUSED[word]
            body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>" if code else ""
            head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            return f"{head}{body if not request.startswith(b'HEAD') else ''}".encode()
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
        answer = super()._answer(word, request)
        return answer[:-1] + bytes([answer[-1] ^ 1]) if word == "flip" else answer

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
        return "\r\n".join([*lines, "", ""]).encode() + body


_OWN = ("content-length", "transfer-encoding", "connection")
