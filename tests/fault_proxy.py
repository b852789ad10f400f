"""A proxy between a client and a server that does harm by a script: one word of it for each request.

Words: pass · drop (the request never arrives) · mute (it arrives, the answer does not) · twice (it arrives twice) ·
half (only its first half arrives) · slow (it arrives later than the next one may).
"""

import contextlib
import socket
import threading
import time

from waiting import DEADLINE_S

FAULTS = ("pass", "drop", "mute", "twice", "half", "slow")


class FaultProxy:
    """Listens on `port` and forwards to what `target()` says, (host, port), asked anew for each request.

    `script` yields the word for each request; when it ends, everything passes. Each connection carries one request.
    """

    def __init__(self, target, script, host="127.0.0.1"):
        self._target, self._script = target, iter(script)
        self._lock = threading.Lock()
        self.done = []
        self._listener = socket.create_server((host, 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self):
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # closing it alone does not end the wait for the next one
        self._listener.close()
        self._thread.join(5)

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        with client:
            client.settimeout(30)
            try:
                request = read_message(client)
            except OSError:
                return
            if not request:
                return
            with self._lock:
                word = next(self._script, "pass")
                self.done.append(word)
            try:
                client.sendall(self._answer(word, request))
            except OSError:
                return  # the server is down at this moment: the client is told nothing, as with a real network

    def _answer(self, word, request):
        """What the client gets to hear: nothing where it is to see the connection close."""
        if word == "drop":
            return b""
        if word == "half":
            return self._forward(request[: len(request) // 2], waits=False)
        if word == "slow":
            time.sleep(0.15)
        if word == "twice":
            self._forward(request)
        answer = self._forward(request)
        return answer if word != "mute" else b""

    def _forward(self, request, *, waits=True):
        with socket.create_connection(self._target(), timeout=DEADLINE_S) as server:
            server.sendall(request)
            if not waits:
                return b""
            return read_message(server)


def read_message(connection):
    """One HTTP message with a Content-Length: head and body as they came; empty when the other end has closed."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            return b""
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    lengths = [
        int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")
    ]
    while lengths and len(body) < lengths[0]:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("the other end closed in the midst of a message")
        body += piece
    return head + b"\r\n\r\n" + body
